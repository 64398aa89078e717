/** Every failure of this room that a person can see. */
import { UserFacingError } from '../qemu-runner/errors.ts';
import { hex } from '../vmcore-viewer/core/errors.ts';

/** gdb answered a command with an error. `message` is gdb's own, and shown as it is. */
export class GdbCommandError extends Error {
  constructor(
    readonly command: string,
    readonly gdbMessage: string,
  ) {
    super(gdbMessage);
    this.name = 'GdbCommandError';
  }
}

export const gdbMissing = (path: string, cause: string): UserFacingError =>
  new UserFacingError(
    'gdb-missing',
    `gdb cannot be started as "${path}": ${cause}.`,
    'Install it with "sudo apt-get install gdb", or set "gdb.path" in the launch configuration.',
  );

export const gdbDied = (kernel: string, how: string, output: string): UserFacingError =>
  new UserFacingError(
    'gdb-died',
    `gdb for kernel ${kernel} ended (${how}). The machine was stopped.`,
    'Start the session again; if it happens again, the last lines of gdb are below.',
    output,
  );

export const gdbTimedOut = (command: string, seconds: number): UserFacingError =>
  new UserFacingError(
    'gdb-timeout',
    `gdb did not answer "${command}" within ${seconds} s.`,
    'Stop the session and start it again.',
  );

export const gdbstubLost = (cause: string): UserFacingError =>
  new UserFacingError(
    'gdbstub-lost',
    `The connection to QEMU's gdbstub broke: ${cause}.`,
    "See QEMU's own output in the terminal and the log.",
  );

export const gdbstubTimedOut = (packet: string, seconds: number): UserFacingError =>
  new UserFacingError(
    'gdbstub-timeout',
    `QEMU's gdbstub did not answer the packet "${packet}" within ${seconds} s.`,
    'Stop the session and start it again.',
  );

export const notStopped = (): UserFacingError =>
  new UserFacingError('not-stopped', 'The machine is running.', 'Pause it first.');

export const kernelDormant = (kernel: string, live: string): UserFacingError =>
  new UserFacingError(
    'kernel-dormant',
    `Kernel ${kernel} is not on the CPU: kernel ${live} is.`,
    `It can be stepped and changed again after kernel ${live} has jumped back.`,
  );

export const kernelUnreadable = (path: string, cause: string): UserFacingError =>
  new UserFacingError(
    'vmlinux-unreadable',
    `The kernel's symbols cannot be read from "${path}": ${cause}`,
    'Set "vmlinux" to the uncompressed ELF file of the kernel build (not bzImage), built with CONFIG_DEBUG_INFO.',
  );

export const vmlinuxDoesNotMatch = (
  kernel: string,
  vmlinux: string,
  inFile: string,
  running: string,
): UserFacingError =>
  new UserFacingError(
    'vmlinux-mismatch',
    `The symbols of kernel ${kernel} are of another build: "${vmlinux}" is "${inFile}", the kernel is "${running}".`,
    `Set "kernel${kernel}.vmlinux" and "kernel${kernel}.image" to files of the same build.`,
  );

export const controlCodeUnknown = (vmlinux: string, why: string, bytes: Buffer | undefined): UserFacingError =>
  new UserFacingError(
    'control-code-unknown',
    `relocate_kernel of "${vmlinux}" is not understood: ${why}.`,
    'The jump cannot be followed in this kernel; send us the bytes below.',
    bytes?.toString('hex') ?? '',
  );

export const symbolMissing = (vmlinux: string, symbol: string): UserFacingError =>
  new UserFacingError(
    'symbol-missing',
    `"${vmlinux}" has no symbol ${symbol}.`,
    'Build the kernel with CONFIG_KEXEC_JUMP=y and do not strip vmlinux.',
  );

export const memoryUnreadable = (kernel: string, address: number): UserFacingError =>
  new UserFacingError(
    'memory-unreadable',
    `Kernel ${kernel} has nothing mapped at ${hex(address)}.`,
    'Look at the page tables, or read a physical address.',
  );

export const notNow = (what: string, why: string, when: string): UserFacingError =>
  new UserFacingError('not-now', `${what} is not possible now: ${why}.`, when);

export const invalidConfiguration = (attribute: string, why: string): UserFacingError =>
  new UserFacingError(
    'invalid-configuration',
    `The launch configuration's "${attribute}" cannot be used: ${why}.`,
    'Correct it in launch.json.',
  );

export const sessionStopped = (): UserFacingError =>
  new UserFacingError('session-stopped', 'The session was stopped.', 'Start it again to go on.');

export const noSession = (): UserFacingError =>
  new UserFacingError('no-session', 'There is no machine yet.', 'Wait until the session has started.');

export const adapterSilent = (what: string, seconds: number): UserFacingError =>
  new UserFacingError(
    'adapter-silent',
    `The debug adapter gave no answer to ${what} within ${seconds} s.`,
    'Start the session again.',
  );

export const adapterEnded = (how: string, output: string): UserFacingError =>
  new UserFacingError('adapter-ended', `The debug adapter ended (${how}).`, 'Its last words are below.', output);

export const adapterRefused = (command: string, why: string): UserFacingError =>
  new UserFacingError('adapter-refused', why, `(The request was ${command}.)`);
