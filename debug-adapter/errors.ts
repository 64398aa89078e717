/** Every failure of this room that a person can see. */
import { UserFacingError } from '../qemu-runner/errors.ts';
import { hex } from '../vmcore-viewer/core/errors.ts';
import type { BrokenEntry } from '../vmcore-viewer/core/pageList.ts';

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

export const memoryUnreadable = (space: string, address: number): UserFacingError =>
  new UserFacingError(
    'memory-unreadable',
    space === 'physical'
      ? `The machine has no memory at physical ${hex(address)}.`
      : `Kernel ${space} has nothing mapped at ${hex(address)}.`,
    'A physical address is written "physical:0x…".',
  );

export const noSuchAddress = (reference: string, why: string): UserFacingError =>
  new UserFacingError(
    'no-such-address',
    `"${reference}" is no address: ${why}`,
    'Write 0x…, A:0x…, B:0x…, physical:0x… or an expression such as A:&init_task.',
  );

/** @param why a part of a sentence: "is of x86_64". */
export const imageNotDebuggable = (path: string, why: string): UserFacingError =>
  new UserFacingError(
    'image-not-debuggable',
    `"${path}" cannot be debugged: it ${why.replace(/\.$/, '')}.`,
    'Images of i386 kernels without PAE can be. Others can be looked at: open the file as a memory image.',
  );

/** @param why the rules that are broken, a sentence each. */
export const imageNotResumable = (path: string, why: readonly string[]): UserFacingError =>
  new UserFacingError(
    'image-not-resumable',
    `"${path}" cannot be resumed: ${why.join(' ')}`,
    'Open it as a memory image and ask "Can It Be Resumed?" for all rules; "entry" gives the re-entry point to an image without one.',
  );

/** @param kernel name in the launch configuration. */
export const vmlinuxNotFound = (
  kernel: string,
  release: string | undefined,
  buildId: string | undefined,
): UserFacingError =>
  new UserFacingError(
    'vmlinux-not-found',
    `The symbols of kernel ${kernel} are not on this machine: Linux ${release ?? '(release unknown)'}, build id ${buildId ?? 'unknown'}.`,
    `Set "kernel${kernel}": {"vmlinux": …} in the launch configuration to the ELF file of that build.`,
  );

export const savedImageOnly = (): UserFacingError =>
  new UserFacingError(
    'saved-image-only',
    'This is a saved image, and no machine: nothing runs, stops or changes in it.',
    'Look at its stack, variables and memory. To go on from here, resume it in a machine.',
  );

/** @param pages page frames. */
export const imageDiffers = (pages: readonly number[]): UserFacingError =>
  new UserFacingError(
    'image-differs',
    `The image that was saved does not have what memory has, in ${pages.length} pages, first page frame ${hex(pages[0]!)}.`,
    'Nothing was kept of it. Kernel A is as it was: jump back, or save again.',
  );

export const hibernationCancelled = (): UserFacingError =>
  new UserFacingError(
    'hibernation-cancelled',
    'Saving was cancelled.',
    'Nothing was kept; kernel B runs, and can save again or jump back.',
  );

export const cannotSuspend = (kernel: string, file: string, states: string): UserFacingError =>
  new UserFacingError(
    'cannot-suspend',
    `Kernel ${kernel} cannot suspend to RAM: its ${file} has ${states === '' ? 'nothing' : `"${states}"`}, not "deep".`,
    'Take a kernel with CONFIG_ACPI and CONFIG_SUSPEND: the guest "6.1-acpi" has them. Nothing was saved.',
  );

export const machineAsleep = (): UserFacingError =>
  new UserFacingError(
    'machine-asleep',
    'The machine is suspended to RAM: no CPU executes anything, so that nothing can be stopped.',
    'Wake it ("Kexec Wake"). What is dormant can be looked at meanwhile.',
  );

export const noDiskForIt = (name: string): UserFacingError =>
  new UserFacingError(
    'no-disk',
    `The kernel has no disk with the serial number "${name}".`,
    'It needs CONFIG_VIRTIO_BLK and CONFIG_VIRTIO_PCI; a snapshot of another machine may be without it.',
  );

export const notNow = (what: string, why: string, when: string): UserFacingError =>
  new UserFacingError('not-now', `${what} is not possible now: ${why}.`, when);

/** @param rules that break, a line each. */
export const preflightBreaks = (what: string, rules: readonly string[]): UserFacingError =>
  new UserFacingError(
    'preflight-breaks',
    `${what} was not begun, because it would break. ${rules.join(' ')}`,
    'To go on all the same, choose "Jump Anyway", or set "preflight": "tell" in the launch configuration.',
  );

export const preflightNotPossible = (): UserFacingError =>
  new UserFacingError(
    'preflight-not-possible',
    'The preflight judges what a session boots, and this one has booted nothing, or has "preflight": "off".',
    'Ask for it with a launch configuration that boots kernel A.',
  );

export const snapshotUnusable = (why: string): UserFacingError =>
  new UserFacingError(
    'snapshot-unusable',
    `The snapshot cannot be used here: ${why}.`,
    'Take one while a kernel runs its programs.',
  );

export const auditNeedsRam = (): UserFacingError =>
  new UserFacingError(
    'audit-needs-ram',
    "The audit hashes all of the guest's memory, which is too slow through the gdbstub.",
    'Start QEMU with -object memory-backend-file,share=on and set "ram" in the attach configuration.',
  );

export const pageListBroken = (kernel: string, { address, value, why }: BrokenEntry): UserFacingError =>
  new UserFacingError(
    'page-list-broken',
    `The page list is broken at physical ${hex(address)}: entry ${hex(value)} ${why}. ` +
      `Kernel ${kernel} is about to exchange pages by it, and stands before that.`,
    'Restart, or set the word right. If it goes on, what it exchanges from that entry on is not known.',
  );

export const noAuditYet = (): UserFacingError =>
  new UserFacingError(
    'no-audit-yet',
    'No jump was audited yet.',
    'Set "audit": true in the launch configuration, or switch the audit on, and jump.',
  );

export const badHitCondition = (condition: string): UserFacingError =>
  new UserFacingError(
    'bad-hit-condition',
    `"${condition}" is no hit count.`,
    'Write N (from the Nth hit on), >N, >=N, <N, <=N, ==N or %N (each Nth hit).',
  );

export const jumpNotFollowed = (places: number): UserFacingError =>
  new UserFacingError(
    'jump-not-followed',
    `QEMU did not take all of the ${places} breakpoints by which the jump is followed.`,
    'Debug without KVM ("qemu.accel": "tcg"): there breakpoints have no limit.',
  );

export const tooManyHardwareBreakpoints = (): UserFacingError =>
  new UserFacingError(
    'too-many-hardware-breakpoints',
    'Under KVM a CPU has four debug registers, and all are in use.',
    'Remove a breakpoint or a data breakpoint, or debug without KVM ("qemu.accel": "tcg"), where there is no limit.',
  );

export const agentNotOurs = (what: string): UserFacingError =>
  new UserFacingError(
    'agent-not-ours',
    `${what} is not possible in a machine that the session did not start: the guest's agent is not connected to it.`,
    'Load and jump in the guest (kexec --load-preserve-context …, kexec -e): the session follows.',
  );

export const needsQmp = (what: string): UserFacingError =>
  new UserFacingError(
    'needs-qmp',
    `${what} needs QEMU's machine protocol.`,
    'Start QEMU with -qmp unix:PATH,server=on,wait=off and set "qmp" in the attach configuration.',
  );

export const kernelNotFound = (names: string): UserFacingError =>
  new UserFacingError(
    'kernel-not-found',
    `The machine runs neither of the kernels whose symbols are given (${names}).`,
    'Set "kernelA.vmlinux" to the vmlinux of the kernel that runs.',
  );

export const invalidConfiguration = (attribute: string, why: string): UserFacingError =>
  new UserFacingError(
    'invalid-configuration',
    `The launch configuration's "${attribute}" cannot be used: ${why}.`,
    'Correct it in launch.json.',
  );

export const noSuchStop = (why: string): UserFacingError =>
  new UserFacingError('no-such-stop', `There is no such place to stop at: ${why}.`, 'Name one of these.');

export const sessionStopped = (): UserFacingError =>
  new UserFacingError('session-stopped', 'The session was stopped.', 'Start it again to go on.');

export const noSession = (): UserFacingError =>
  new UserFacingError('no-session', 'There is no machine yet.', 'Wait until the session has started.');

export const kernelException = (kernel: string, text: string): UserFacingError =>
  new UserFacingError(
    'kernel-exception',
    `Kernel ${kernel} met an exception: ${text}.`,
    'Debug it with F5 in VS Code: the session stops there.',
  );

export const addressExpected = (text: string): UserFacingError =>
  new UserFacingError(
    'address-expected',
    `"${text}" is no physical address.`,
    'Give the number behind kexec_jump_back_entry= of /proc/cmdline, as 0x….',
  );

export const fileNotOpened = (path: string, why: string): UserFacingError =>
  new UserFacingError(
    'file-not-opened',
    `${path} cannot be opened: ${why}.`,
    'Is the name right, and may you read it?',
  );

export const noKernelInImage = (path: string, problems: readonly string[]): UserFacingError =>
  new UserFacingError(
    'no-kernel-in-image',
    `${path} has no kernel whose log could be read.`,
    'Is it the right image, and is it whole?',
    problems.join('\n'),
  );

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

export const noSuchPage = (number: number, count: number): UserFacingError =>
  new UserFacingError(
    'no-such-page',
    `This jump exchanges ${count} pages, numbered from 0: there is no page ${number}.`,
    'Choose one of them.',
  );

export const mapNeedsRam = (): UserFacingError =>
  new UserFacingError(
    'map-needs-ram',
    "The page map and comparisons need the file behind the guest's memory, and this session has none.",
    'Start QEMU with "-object memory-backend-file,share=on" and name the file as "ram" in the configuration.',
  );
