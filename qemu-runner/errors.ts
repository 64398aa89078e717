/**
 * Every failure of this room that a person can see. Each says what happened, keeps the evidence (stderr, packet, log)
 * and says what to do next.
 */

/** A failure with a sentence for its user: `message` says what and where, `action` what to do next. */
export class UserFacingError extends Error {
  /** Stable name of the failure, for tests and for callers that react to one kind. */
  readonly code: string;
  /** What the user can do next, one sentence. */
  readonly action: string;
  /** Captured output that shows the cause, if there is any. */
  readonly evidence: string;

  constructor(code: string, message: string, action: string, evidence = '') {
    super(message);
    this.name = 'UserFacingError';
    this.code = code;
    this.action = action;
    this.evidence = evidence;
  }

  /** The whole story as text: what happened, what to do, and the captured evidence. */
  describe(): string {
    const evidence = this.evidence.trim();
    return `${this.message} ${this.action}${evidence ? `\n${evidence}` : ''}`;
  }
}

export const qemuMissing = (path: string): UserFacingError =>
  new UserFacingError(
    'qemu-missing',
    `QEMU cannot be found as "${path}".`,
    'Install it with "sudo apt-get install qemu-system-x86", or set "qemu.path" in the launch configuration.',
  );

export const toolTooOld = (name: string, found: string, needed: string): UserFacingError =>
  new UserFacingError(
    'tool-too-old',
    `${name} is version ${found}; version ${needed} or newer is needed.`,
    'Install a newer one and name it in the launch configuration ("qemu.path" or "gdb.path").',
  );

export const terminalLibraryMissing = (cause: string): UserFacingError =>
  new UserFacingError(
    'node-pty-missing',
    `node-pty, which runs QEMU in a terminal of its own, cannot be loaded: ${cause}`,
    'Install a compiler with "sudo apt-get install build-essential python3" and run "npm ci" again.',
  );

export const qemuDied = (how: string, output: string): UserFacingError =>
  new UserFacingError(
    'qemu-died',
    `QEMU ended without being asked to (${how}).`,
    "QEMU's last words are below.",
    output,
  );

export const qemuDidNotStart = (seconds: number, output: string): UserFacingError =>
  new UserFacingError(
    'qemu-not-started',
    `QEMU did not open its sockets within ${seconds} s.`,
    'Is the machine very busy, or is "qemu.path" something else than QEMU? Its output is below.',
    output,
  );

export const folderNotMade = (path: string, cause: string): UserFacingError =>
  new UserFacingError(
    'folder-not-made',
    `The private folder for sockets and guest memory cannot be made in "${path}": ${cause}.`,
    'Free some space there, or set TMPDIR to a folder that you can write to.',
  );

export const socketPathTooLong = (path: string): UserFacingError =>
  new UserFacingError(
    'socket-path-too-long',
    `The path "${path}" is longer than a unix socket can have (107 bytes).`,
    'Set TMPDIR to a shorter path.',
  );

export const qmpError = (command: string, answer: string): UserFacingError =>
  new UserFacingError('qmp-error', `QEMU refused the command ${command}: ${answer}.`, 'See the log for the exchange.');

export const qmpLost = (cause: string): UserFacingError =>
  new UserFacingError('qmp-lost', `The control connection to QEMU broke: ${cause}.`, "See QEMU's output in the log.");

export const qmpTimedOut = (command: string, seconds: number): UserFacingError =>
  new UserFacingError(
    'qmp-timeout',
    `QEMU did not answer the command ${command} within ${seconds} s.`,
    'Stop the session and start it again.',
  );

export const fileUnreadable = (what: string, path: string, cause: string): UserFacingError =>
  new UserFacingError(
    'file-unreadable',
    `${what} cannot be read: "${path}": ${cause}.`,
    'Correct the path in the launch configuration.',
  );

export const imageIsNoKernel = (path: string): UserFacingError =>
  new UserFacingError(
    'image-no-kernel',
    `"${path}" is not a bzImage of Linux: it has no "HdrS" boot header.`,
    'Set "image" to arch/x86/boot/bzImage of the kernel build.',
  );

export const windowDoesNotFit = (why: string): UserFacingError =>
  new UserFacingError(
    'window-does-not-fit',
    `The window for kernel B does not fit: ${why}.`,
    'Use "window": "high" or "low", or give a larger "memory".',
  );

export const agentSilent = (verb: string, seconds: number, console: string): UserFacingError =>
  new UserFacingError(
    'agent-silent',
    `The guest did not answer "${verb}" within ${seconds} s.`,
    "The end of the kernel's console is below.",
    console,
  );

export const agentRefused = (verb: string, answer: string): UserFacingError =>
  new UserFacingError('agent-refused', `The guest could not do "${verb}": ${answer}.`, 'See the guest console.');

export const guestPanicked = (line: string, console: string): UserFacingError =>
  new UserFacingError(
    'guest-panicked',
    `The guest's kernel panicked: ${line}.`,
    'The machine is stopped for you to look at; the end of the console is below.',
    console,
  );

export const packagesMissing = (command: string): UserFacingError =>
  new UserFacingError(
    'packages-missing',
    'Some Debian packages are missing.',
    `Install them and try again: ${command}`,
  );

export const qemuImgMissing = (cause: string): UserFacingError =>
  new UserFacingError(
    'qemu-img-missing',
    `qemu-img, which makes the image for snapshots, cannot be run: ${cause}.`,
    'Install it with "sudo apt-get install qemu-utils".',
  );

export const snapshotFailed = (command: string, name: string, answer: string): UserFacingError =>
  new UserFacingError(
    'snapshot-failed',
    `QEMU could not ${command === 'savevm' ? 'save' : 'load'} the snapshot "${name}": ${answer}.`,
    'Is there space for it in the temporary folder?',
  );
