/** QEMU's command line for a session. */

/** Everything that shapes the machine. Paths are absolute; `memory` is in MiB. */
export interface MachineOptions {
  kernelImage: string;
  initrd: string;
  append: string;
  memory: number;
  cpus: number;
  /** Name of the CPU and its features; QEMU's default where there is none. */
  cpu?: string | undefined;
  accel: 'tcg' | 'kvm';
  /** More arguments of the user's, appended last. */
  extraArguments: readonly string[];
  /** A saved image that the guest can read as a disk. */
  resumeImage?: string | undefined;
}

/** Serial numbers of our disks, by which the guest finds them; they are also their names in QEMU. */
export const HIBERNATION_DISK = 'hibernation';
export const IMAGE_DISK = 'saved-image';

/** Paths of the sockets and files that QEMU makes in the session's folder. */
export interface MachinePaths {
  ram: string;
  /** Where kernel B saves kernel A's memory. */
  hibernationDisk: string;
  qmp: string;
  gdb: string;
  /** COM1, COM2, COM3: kernel A's console, the agent, kernel B's console. */
  serial: readonly [consoleA: string, agent: string, consoleB: string];
}

/** The arguments behind the program name. Pure. */
export function qemuArguments(options: MachineOptions, paths: MachinePaths): string[] {
  const socket = (id: string, path: string): string[] => [
    '-chardev',
    `socket,id=${id},path=${comma(path)},server=on,wait=off`,
  ];
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-S'],
    ...['-machine', `pc,accel=${options.accel},memory-backend=ram`],
    ...['-object', `memory-backend-file,id=ram,size=${options.memory}M,mem-path=${comma(paths.ram)},share=on`],
    ...['-m', `${options.memory}M`, ...smp(options.cpus)],
    ...(options.cpu === undefined ? [] : ['-cpu', options.cpu]),
    ...['-action', 'reboot=shutdown,shutdown=pause,panic=pause,watchdog=pause'],
    ...socket('qmp', paths.qmp),
    ...['-mon', 'chardev=qmp,mode=control'],
    ...socket('gdb', paths.gdb),
    ...['-gdb', 'chardev:gdb'],
    ...paths.serial.flatMap((path, port) => [...socket(`serial${port}`, path), '-serial', `chardev:serial${port}`]),
    ...['-kernel', options.kernelImage, '-initrd', options.initrd, '-append', options.append],
    ...options.extraArguments,
    // Behind the user's own, whose disks keep their names in the guest. What is saved is copied before the session ends.
    ...disk(HIBERNATION_DISK, paths.hibernationDisk, 'cache=unsafe'),
    ...(options.resumeImage === undefined ? [] : disk(IMAGE_DISK, options.resumeImage, 'readonly=on')),
  ];
}

/** Sockets of one core each: the firmware's MP table has no line for another core of a socket. */
function smp(cpus: number): string[] {
  return ['-smp', `${cpus},sockets=${cpus},cores=1,threads=1`];
}

function disk(name: string, path: string, option: string): string[] {
  const drive = `file=${comma(path)},format=raw,if=none,id=${name},${option}`;
  return ['-drive', drive, '-device', `virtio-blk-pci,drive=${name},serial=${name}`];
}

/** QEMU's option parser reads a doubled comma as one. */
function comma(path: string): string {
  return path.replaceAll(',', ',,');
}
