/** The adapter's own way to a live kernel's memory, without the protocol that its client speaks. */
import { RspClient } from '../../debug-adapter/rsp/client.ts';
import { Router } from '../../debug-adapter/rsp/router.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import { GuestRamFile } from '../../vmcore-viewer/core/physicalMemory.ts';
import { GuestMachine } from './guestMachine.ts';

const KERNEL = 'A';

export class AdapterMemory {
  private constructor(
    private readonly machine: GuestMachine,
    private readonly ramFile: GuestRamFile,
    private readonly router: Router,
  ) {}

  static async start(lab: Lab): Promise<AdapterMemory> {
    const machine = await GuestMachine.start(lab);
    try {
      const ramFile = new GuestRamFile(machine.ramFile);
      const router = await Router.attach(await RspClient.connect(machine.gdbSocket), ramFile, KERNEL);
      return new AdapterMemory(machine, ramFile, router);
    } catch (error) {
      await machine.end();
      throw error;
    }
  }

  /** Runs until an instruction, by its virtual address, is reached. */
  async runTo(address: number): Promise<void> {
    await this.router.insert(KERNEL, { kind: 0, address, length: 1 });
    const stopped = new Promise((resolve) => this.router.once('stopped', resolve));
    await this.router.resume('continue');
    await stopped;
  }

  /** Reads memory; `address` is virtual, `length` in bytes. */
  async readMemory(address: number, length: number): Promise<Buffer> {
    const bytes = await this.router.read(address, length);
    if (!bytes) throw new Error(`nothing is mapped at 0x${address.toString(16)}`);
    return bytes;
  }

  async end(): Promise<void> {
    this.router.close();
    this.ramFile.close();
    await this.machine.end();
  }
}
