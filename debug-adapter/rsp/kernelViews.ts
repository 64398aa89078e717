/**
 * How each kernel looks on each of its CPUs, to its gdb and to the user: the live one on those that it executes on, a
 * dormant one as it left, with its other CPUs as it parked them.
 */
import type { CpuMemento, CpuOwners } from './cpuOwners.ts';
import type { RegisterLayout } from './registers.ts';
import type { DormantView } from './runState.ts';

/** The machine behind the kernels. */
interface Machine {
  readonly live: string;
  readonly isRunning: boolean;
  readonly stoppedCpu: number;
  readonly layout: RegisterLayout;
  registers(cpu: number): Promise<Buffer>;
  read(address: number, length: number, cpu: number): Promise<Buffer | undefined>;
}

export class KernelViews {
  private readonly dormant = new Map<string, DormantView>();

  constructor(
    private readonly machine: Machine,
    private readonly owners: CpuOwners,
  ) {}

  dormantOf(kernel: string): DormantView | undefined {
    return this.dormant.get(kernel);
  }

  setDormant(kernel: string, view: DormantView | undefined): void {
    if (view) this.dormant.set(kernel, view);
    else this.dormant.delete(kernel);
  }

  /** The CPUs of a kernel, by index; none of a kernel that has not been live. */
  cpusOf(kernel: string): readonly number[] {
    return this.owners.of(kernel);
  }

  /** Whether a CPU of a kernel does nothing until the kernel starts it again; of a live kernel only known at a stop. */
  isParked(kernel: string, cpu: number): boolean {
    return this.owners.isParked(kernel, cpu) && (kernel !== this.machine.live || !this.machine.isRunning);
  }

  /** Looks at the CPUs of a stopped machine that may wait or execute something. */
  async lookAround(): Promise<void> {
    for (const cpu of this.owners.inDoubt) if (!this.machine.isRunning) await this.machine.registers(cpu);
  }

  /** A `g` packet: of a CPU as a kernel has it. All zero where it has none, or has not been live. */
  async registers(kernel: string, cpu: number): Promise<Buffer> {
    // The first look at a CPU shows whose it is.
    await this.lookAround();
    if (this.owners.isOn(kernel, cpu)) return this.machine.registers(cpu);
    const found = this.owners.hasLeftOn(kernel, cpu)
      ? await this.dormant.get(kernel)?.registers()
      : this.owners.registersOfParked(kernel, cpu);
    return found ?? Buffer.alloc(this.machine.layout.size);
  }

  /** Memory at a virtual address of a kernel, as one of its CPUs has it mapped. `undefined`: it is not. */
  async read(kernel: string, cpu: number, address: number, length: number): Promise<Buffer | undefined> {
    if (kernel !== this.machine.live) return this.dormant.get(kernel)?.read(address, length);
    return this.machine.read(address, length, this.owners.isOn(kernel, cpu) ? cpu : this.machine.stoppedCpu);
  }

  /** What is known of the CPUs. */
  memento(): CpuMemento {
    return this.owners.memento();
  }

  /** The machine is as at a moment of this session. */
  rewind(memento: CpuMemento): void {
    this.owners.rewind(this.machine.live, memento);
  }

  /** The live kernel was found to have a CPU, in a machine that was not seen before. */
  claim(cpu: number): void {
    this.owners.claim(cpu);
  }
}
