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

/** What kexec's words mean that do not say it. Source: kernel/kexec_core.c, kimage_alloc_normal_control_pages(). */
const NO_CONTROL_PAGE = 'load jump back kernel failed: Cannot allocate memory';

export const agentRefused = (verb: string, answer: string): UserFacingError =>
  new UserFacingError(
    'agent-refused',
    `The guest could not do "${verb}": ${answer}.`,
    verb === 'back' && answer.includes(NO_CONTROL_PAGE)
      ? 'Kernel B finds no page for its control page. Linux 6.12 counts the empty segment of a jump back as all of memory ' +
          '(kimage_is_destination_range()): apply qemu-runner/guest/kernel/patches/0005 to kernel B. Otherwise its window is too small.'
      : 'See the guest console.',
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

export const snapshotFailed = (what: 'save' | 'load', cause: string): UserFacingError =>
  new UserFacingError(
    'snapshot-failed',
    `QEMU could not ${what} the snapshot: ${cause}.`,
    'Give the guest only disks of format qcow2, or none: snapshots and Restart need it.',
  );

export const connectionRefused = (what: string, address: string, cause: string): UserFacingError =>
  new UserFacingError(
    'connection-refused',
    `${what} cannot be reached at "${address}": ${cause}.`,
    'Start QEMU with -gdb tcp:127.0.0.1:1234 or -gdb unix:PATH,server=on,wait=off, and nothing else connected to it.',
  );

export const addressNotLocal = (address: string): UserFacingError =>
  new UserFacingError(
    'address-not-local',
    `"${address}" is on another machine.`,
    'A gdbstub has no password: forward its port to this machine (ssh -L 1234:localhost:1234), and attach to that.',
  );

export const badImageName = (name: string): UserFacingError =>
  new UserFacingError(
    'bad-image-name',
    `"${name}" cannot be the name of a saved image.`,
    'Use up to 60 letters, digits, spaces, dots, dashes and underscores.',
  );

export const badSnapshotName = (name: string): UserFacingError =>
  new UserFacingError(
    'bad-snapshot-name',
    `"${name}" is no name for a snapshot.`,
    'Use letters, digits, spaces, dots, dashes; at most 60.',
  );

export const snapshotUnknown = (name: string, known: readonly string[]): UserFacingError =>
  new UserFacingError(
    'snapshot-unknown',
    `There is no snapshot "${name}".`,
    known.length > 0 ? `There are: ${known.join(', ')}.` : 'Take one with "Kexec Jump: Save Snapshot…".',
  );

export const snapshotOfOtherGuest = (name: string, label: string, then: string, now: string): UserFacingError =>
  new UserFacingError(
    'snapshot-of-other-guest',
    `The snapshot "${name}" is of another guest: its ${label} is "${then}", this one's is "${now}".`,
    'Start the guest that it was taken of, or take a new one.',
  );
