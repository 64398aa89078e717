/** Memory of a session: each kernel's by virtual address, live or dormant, and the machine's by physical address. */
import { readVirtual } from '../../vmcore-viewer/core/pageTables/i386.ts';
import type { Router } from '../rsp/router.ts';
import type { Kernel, KernelName } from './kernel.ts';
import type { MachineMemory } from './machineMemory.ts';

export class SessionMemory {
  constructor(
    private readonly router: Router,
    private readonly memory: MachineMemory,
    private readonly kernels: Readonly<Record<KernelName, Kernel>>,
  ) {}

  /**
   * Reads bytes, running or stopped; a running kernel's only where the kernel itself is mapped.
   * @returns `undefined` when any of them is not there.
   */
  async read(space: KernelName | 'physical', address: number, length: number): Promise<Buffer | undefined> {
    if (space === 'physical') return this.readPhysical(address, length);
    if (space !== this.router.live) return this.router.dormantView(space)?.read(address, length);
    return this.router.isRunning ? this.readRunning(space, address, length) : this.router.read(address, length);
  }

  /** Writes bytes of the stopped machine. @returns whether they could be written. */
  async write(space: KernelName | 'physical', address: number, bytes: Buffer): Promise<boolean> {
    return this.router.write(space === 'physical' ? 'physical' : 'virtual', address, bytes);
  }

  private async readPhysical(address: number, length: number): Promise<Buffer | undefined> {
    const fromRam = this.router.ram.read(address, length);
    if (fromRam || this.router.isRunning || !isRom(address, length)) return fromRam;
    return this.router.readPhysical(address, length);
  }

  private readRunning(name: KernelName, address: number, length: number): Buffer | undefined {
    const kernel = this.kernels[name];
    if (kernel.boot.offset === undefined) return undefined;
    return readVirtual(this.memory, kernel.paging, address, length);
  }
}

/** ROMs of a PC. Elsewhere beside RAM there are devices, which notice a read, or nothing, which reads as zeros. */
const ROMS = [
  { start: 0xc0000, end: 0x100000 },
  { start: 0xfffc0000, end: 0x100000000 },
] as const;

const isRom = (address: number, length: number): boolean =>
  ROMS.some(({ start, end }) => address >= start && address + length <= end);
