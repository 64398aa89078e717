/**
 * Lets the machine go on, and go on again where it stopped only on the way: where a step has executed nothing, or where a
 * CPU had to be stepped off a breakpoint before all of them could run.
 */
import type { Arming } from './arming.ts';
import type { BreakpointTable } from './breakpoints.ts';
import type { Cpus } from './cpus.ts';
import type { RegisterLayout } from './registers.ts';
import { LONGEST_REPEAT, mayBeHalted, repeatLength, waitLength } from './repeat.ts';
import { REPEAT, RUN, type MachineStop } from './runState.ts';
import { SIGNAL, signalOf } from './stopReply.ts';

/**
 * QEMU ends a step before its instruction when something else wants the CPU's thread. An instruction that changes nothing,
 * such as a jump to itself, looks the same: after so many steps it is one.
 */
const MOST_IDLE_STEPS = 8;

/** What a machine is moved by. */
interface Moved {
  readonly cpus: Cpus;
  readonly breakpoints: BreakpointTable;
  readonly arming: Arming;
  readonly layout: RegisterLayout;
  /** Reads the code that a CPU of the stopped machine executes. */
  readonly readCode: (cpu: number, address: number, length: number) => Promise<Buffer | undefined>;
  /** Is told that all CPUs run. */
  readonly runs: () => void;
}

export class Motion {
  isRunning = false;
  /** CPUs that came to an instruction and have not executed it, and where: a breakpoint there has been told of. */
  private readonly stoodAt = new Map<number, number>();
  private isSteppingOff = false;
  /** Whether the stop that is looked at is the end of a step off a breakpoint. */
  private wasSteppingOff = false;
  /** Registers before the step that is under way, and how many steps from there have executed nothing. */
  private step: { cpu: number; from: Buffer; idle: number } | undefined;
  /** The instruction that is stepped by letting all CPUs run: in which frame, and whether its own step is still to come. */
  private repeat = { esp: 0, isStillToStep: false };

  constructor(private readonly moved: Moved) {}

  /** Lets all CPUs run, or one of them execute an instruction. */
  async start(how: 'continue' | 'step', cpu: number): Promise<void> {
    const registers = await this.moved.cpus.registers(cpu);
    const pc = this.moved.layout.get(registers, 'eip');
    const isHalted = !this.stoodAt.has(cpu) && (await this.mayBeHalted(cpu, pc));
    if (!isHalted) this.stoodAt.set(cpu, pc);
    if (how === 'continue' || (await this.stepsByRunning(cpu, registers, isHalted))) {
      await this.goOn();
    } else {
      await this.moved.arming.arm();
      this.stepOnce(cpu, registers);
    }
  }

  /** Goes on to where the machine was let run, past the breakpoints that have been told of. */
  async goOn(): Promise<void> {
    const { cpus, breakpoints, arming, runs } = this.moved;
    await arming.arm();
    // QEMU's `c` stays at an armed breakpoint for ever; a step executes the instruction.
    const [cpu] = [...this.stoodAt].find(([, pc]) => breakpoints.isArmedAt(pc)) ?? [];
    if (cpu !== undefined) {
      const registers = await cpus.registers(cpu);
      this.isSteppingOff = true;
      this.stepOnce(cpu, registers);
      return;
    }
    this.step = undefined;
    this.stoodAt.clear();
    this.isRunning = true;
    cpus.run();
    runs();
  }

  /** The machine stopped. @param packet the stop reply. */
  async stopped(packet: string): Promise<MachineStop> {
    const { cpus, layout } = this.moved;
    this.isRunning = false;
    this.wasSteppingOff = this.isSteppingOff;
    this.isSteppingOff = false;
    cpus.stopped(packet);
    const cpu = cpus.current;
    const registers = await cpus.registers(cpu);
    const pc = layout.get(registers, 'eip');
    const signal = signalOf(packet);
    if (signal === SIGNAL.trap) this.stoodAt.set(cpu, pc);
    else this.stoodAt.delete(cpu);
    return { signal, packet, cpu, pc, registers };
  }

  /** Makes a step again that has executed nothing. @returns whether it does. */
  makesAgain({ cpu, registers }: MachineStop): boolean {
    const { step } = this;
    if (step?.cpu !== cpu || step.idle >= MOST_IDLE_STEPS || !step.from.equals(registers)) return false;
    this.isSteppingOff = this.wasSteppingOff;
    this.stepOnce(cpu, registers, step.idle + 1);
    return true;
  }

  /** Goes on from a stop that is only on the way. @returns whether it is one. */
  async passes({ cpu, pc, registers }: MachineStop): Promise<boolean> {
    const { breakpoints, arming } = this.moved;
    const atRepeat = breakpoints.has(REPEAT, pc);
    if (atRepeat && this.repeat.isStillToStep && this.isInRepeat(registers)) {
      this.endRepeat();
      await arming.arm();
      this.stepOnce(cpu, registers);
      return true;
    }
    const isElsewhere = atRepeat && !this.isInRepeat(registers);
    if (!isElsewhere && (!this.wasSteppingOff || atRepeat || breakpoints.has(RUN, pc))) return false;
    await this.goOn();
    return true;
  }

  /** An instruction that is stepped by letting all CPUs run was left in another way, or has come to its end. */
  endRepeat(): void {
    this.moved.breakpoints.clear(REPEAT);
    this.repeat.isStillToStep = false;
  }

  /** The machine was changed while it stood: its CPUs are elsewhere. */
  forget(): void {
    this.stoodAt.clear();
  }

  private stepOnce(cpu: number, from: Buffer, idle = 0): void {
    this.step = { cpu, from, idle };
    this.stoodAt.delete(cpu);
    this.isRunning = true;
    this.moved.cpus.step(cpu);
  }

  /**
   * A `rep` is stepped as one: 1,024 words of a page are not 1,024 steps. And where a CPU waits for another one the others
   * must not stand still.
   */
  private async stepsByRunning(cpu: number, registers: Buffer, isHalted: boolean): Promise<boolean> {
    const { cpus, layout, readCode } = this.moved;
    const pc = layout.get(registers, 'eip');
    const code = (await readCode(cpu, pc, LONGEST_REPEAT)) ?? Buffer.alloc(0);
    const length = isHalted ? 0 : (repeatLength(code) ?? (cpus.count === 1 ? undefined : waitLength(code)));
    if (length === undefined) return false;
    this.repeat = { esp: layout.get(registers, 'esp'), isStillToStep: isHalted };
    this.moved.breakpoints.insert(REPEAT, { kind: 1, address: pc + length, length: 1 });
    return true;
  }

  /**
   * Whether a CPU that has not come to a breakpoint does not go on before it is woken, which may be for another CPU to do. A
   * breakpoint at its next instruction stops it when it is.
   */
  private async mayBeHalted(cpu: number, pc: number): Promise<boolean> {
    const { cpus, readCode } = this.moved;
    return cpus.count > 1 && mayBeHalted((await readCode(cpu, pc - 1, 1))?.[0]);
  }

  /** Other tasks come by the same address, on this CPU or another one; the task itself may have been moved to another one. */
  private isInRepeat(registers: Buffer): boolean {
    return this.moved.layout.get(registers, 'esp') === this.repeat.esp;
  }
}
