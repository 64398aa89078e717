/**
 * Which kernel each CPU belongs to. One CPU jumps; the others wait where the kernel that left has parked them, until they
 * are seen to execute something else. Nothing is known of that but their registers: a CPU that waits does not change them.
 */

/** What is known of the CPUs at a moment, so that it can be known again when the machine goes back there. */
export interface CpuMemento {
  /** By CPU: whose code it executes, or waits in. */
  owners: string[];
  /** CPUs that have not been seen to execute anything since the last jump, with their registers then. */
  waiting: Map<number, Buffer>;
  /** By kernel: the CPU on which it left. */
  leftOn: Map<string, number>;
  /** By kernel: its other CPUs as they were when it left; those that it has not started again. */
  parked: Map<string, Map<number, Buffer>>;
}

/** Pure: the router tells what it sees. */
export class CpuOwners {
  private known: CpuMemento;

  /** @param live has all CPUs of the machine. */
  constructor(
    count: number,
    private live: string,
  ) {
    const owners = Array.from({ length: count }, () => live);
    this.known = { owners, waiting: new Map(), leftOn: new Map(), parked: new Map() };
  }

  /** @param registers of all the other CPUs, as they are while the live kernel leaves on one. */
  handOver(kernel: string, cpu: number, registers: ReadonlyMap<number, Buffer>): void {
    const left = this.live;
    for (const [other, now] of registers) {
      this.seen(other, now);
      if (this.known.owners[other] !== left) continue;
      this.parkedOf(left).set(other, now);
      this.known.waiting.set(other, now);
    }
    this.known.leftOn.set(left, cpu);
    this.live = kernel;
    this.takeOver(cpu);
  }

  /** The registers of a CPU of the stopped machine; by others than it waited with it shows that it executes something. */
  seen(cpu: number, registers: Buffer): void {
    const before = this.known.waiting.get(cpu);
    if (before && !before.equals(registers)) this.takeOver(cpu);
  }

  /** The live kernel has had a CPU before anybody looked: nobody has seen how another one left it. */
  claim(cpu: number): void {
    this.takeOver(cpu);
    for (const cpus of this.known.parked.values()) cpus.delete(cpu);
  }

  /** The live kernel executes on a CPU. */
  private takeOver(cpu: number): void {
    this.known.waiting.delete(cpu);
    this.known.owners[cpu] = this.live;
    this.known.parked.get(this.live)?.delete(cpu);
  }

  /** A kernel boots anew: what it left before is no longer there. */
  forget(kernel: string): void {
    this.known.leftOn.delete(kernel);
    this.known.parked.delete(kernel);
  }

  /** CPUs whose registers say whether they still wait. */
  get inDoubt(): readonly number[] {
    return [...this.known.waiting.keys()];
  }

  /** The CPUs of a kernel: those that it is on, or that it left; none of one that has not been live. */
  of(kernel: string): readonly number[] {
    const own = [...this.known.owners.keys()].filter((cpu) => this.isOn(kernel, cpu));
    const left = this.known.leftOn.get(kernel);
    if (kernel !== this.live && left !== undefined) own.push(left);
    return [...new Set([...own, ...(this.known.parked.get(kernel)?.keys() ?? [])])].sort((one, other) => one - other);
  }

  /** Whether a kernel is live and has a CPU, running or stopped. */
  isOn(kernel: string, cpu: number): boolean {
    return kernel === this.live && this.known.owners[cpu] === kernel;
  }

  /** Whether a kernel is dormant and left on this CPU: its control page has the registers. */
  hasLeftOn(kernel: string, cpu: number): boolean {
    return kernel !== this.live && (this.known.leftOn.get(kernel) ?? 0) === cpu;
  }

  /** Whether a CPU of a kernel does nothing until the kernel starts it again. */
  isParked(kernel: string, cpu: number): boolean {
    return this.known.parked.get(kernel)?.has(cpu) ?? false;
  }

  /** The registers with which a kernel's CPU was parked. */
  registersOfParked(kernel: string, cpu: number): Buffer | undefined {
    return this.known.parked.get(kernel)?.get(cpu);
  }

  memento(): CpuMemento {
    return copyOf(this.known);
  }

  /** The machine is as at a moment of this session. */
  rewind(live: string, memento: CpuMemento): void {
    this.live = live;
    this.known = copyOf(memento);
  }

  private parkedOf(kernel: string): Map<number, Buffer> {
    let parked = this.known.parked.get(kernel);
    if (!parked) this.known.parked.set(kernel, (parked = new Map<number, Buffer>()));
    return parked;
  }
}

function copyOf({ owners, waiting, leftOn, parked }: CpuMemento): CpuMemento {
  return {
    owners: [...owners],
    waiting: new Map(waiting),
    leftOn: new Map(leftOn),
    parked: new Map([...parked].map(([kernel, cpus]) => [kernel, new Map(cpus)])),
  };
}
