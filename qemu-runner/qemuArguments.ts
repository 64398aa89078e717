/** QEMU's command line for a session. */

/** Everything that shapes the machine. Paths are absolute; `memory` is in MiB. */
export interface MachineOptions {
  kernelImage: string;
  initrd: string;
  append: string;
  memory: number;
  accel: 'tcg' | 'kvm';
  /** More arguments of the user's, appended last. */
  extraArguments: readonly string[];
}

/** Paths of the sockets and files that QEMU makes in the session's folder. */
export interface MachinePaths {
  ram: string;
  /** qcow2 image for snapshots. */
  snapshots: string;
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
    ...['-m', `${options.memory}M`, '-smp', '1'],
    ...['-action', 'reboot=shutdown,shutdown=pause,panic=pause'],
    ...socket('qmp', paths.qmp),
    ...['-mon', 'chardev=qmp,mode=control'],
    ...socket('gdb', paths.gdb),
    ...['-gdb', 'chardev:gdb'],
    ...paths.serial.flatMap((path, port) => [...socket(`serial${port}`, path), '-serial', `chardev:serial${port}`]),
    ...['-drive', `if=none,id=snapshots,format=qcow2,file=${comma(paths.snapshots)}`],
    ...['-kernel', options.kernelImage, '-initrd', options.initrd, '-append', options.append],
    ...options.extraArguments,
  ];
}

/** QEMU's option parser reads a doubled comma as one. */
function comma(path: string): string {
  return path.replaceAll(',', ',,');
}
