/** A machine for a debugger that brings none: QEMU with the lab guest, started as the adapter starts its own. */
import { resolveConfiguration } from '../../debug-adapter/configuration.ts';
import { writeInitrdOfA } from '../../qemu-runner/bootFiles.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import { PrivateFolder } from '../../qemu-runner/janitor.ts';
import { Machine } from '../../qemu-runner/machine.ts';

export class GuestMachine {
  private constructor(
    private readonly folder: PrivateFolder,
    private readonly machine: Machine,
  ) {}

  /** Starts QEMU, stopped before its first instruction; the kernel's command line and initrd are kernel A's. */
  static async start(lab: Lab): Promise<GuestMachine> {
    const { machine } = await resolveConfiguration({}, lab);
    if (machine.kind !== 'launch') throw new Error('the lab is launched');
    const { boot, qemu, memory } = machine;
    const folder = PrivateFolder.make();
    try {
      const initrd = folder.file('initrd');
      writeInitrdOfA(initrd, boot.A.initrd, boot.B);
      const { image: kernelImage, append } = boot.A;
      const options = { kernelImage, initrd, append, memory, cpus: 1, accel: qemu.accel, extraArguments: qemu.args };
      return new GuestMachine(folder, await Machine.start(qemu.path, options, folder));
    } catch (error) {
      folder.release();
      throw error;
    }
  }

  /** Path of the unix socket of QEMU's gdbstub. */
  get gdbSocket(): string {
    return this.machine.paths.gdb;
  }

  /** Path of the file that is the machine's memory. */
  get ramFile(): string {
    return this.machine.paths.ram;
  }

  async end(): Promise<void> {
    await this.machine.stop();
    this.folder.release();
  }
}
