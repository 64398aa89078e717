/**
 * Steps a kernel without its gdb, which would look at every instruction itself: the code is read from gdb once, the way to
 * the step's end is planned, and the machine runs there. What only gdb can judge on the way, such as a breakpoint's
 * condition, it is given (router.ts, `missed`); what cannot be planned is left to it.
 */
import { text, tuple, type MiTuple } from '../gdb/mi.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import type { PhaseName } from '../jump/phases.ts';
import { cpuOfStop, threadOption } from '../gdb/threads.ts';
import type { Router } from '../rsp/router.ts';
import type { RunEnd } from '../rsp/runState.ts';
import type { CodeMap, Instruction } from './codeMap.ts';
import { CodeMaps } from './codeMaps.ts';
import { frameBase } from './frameDepth.ts';
import type { MachineRun } from './machineRun.ts';
import { plan, type Exit } from './plan.ts';
import { beginStep, judge, type Step } from './rules.ts';

/** Phases in which a kernel runs its own code and stays on the CPU; in the others the tracker has work for gdb. */
const OWN_CODE: ReadonlySet<PhaseName | undefined> = new Set(['A starting', 'A running', 'B starting', 'B running']);

const HOW: Readonly<Record<string, Step['how']>> = { '-exec-step': 'into', '-exec-next': 'over' };

/** No frame of the kernel's is deeper. Source: arch/x86/include/asm/page_32_types.h, THREAD_SIZE. */
const STACK_SIZE = 8192;
/** A function's first line with code is not farther than this behind its beginning. */
const LONGEST_PROLOGUE = 64;

/** Starts a step; resolves when the machine was told. */
type Start = () => Promise<void>;

export class Stepper {
  private readonly maps: CodeMaps;
  /** Where gdb stopped in functions that it stepped into, by their beginnings. */
  private readonly firstLines = new Map<number, number>();
  /** A function that gdb is stepping into. */
  private entered: number | undefined;
  /** Inlined functions at the program counter that the user has not entered; gdb's own stop until it is known. */
  private hidden: number | MiTuple = 0;
  /** The CPU that is stepped, or that gdb stopped on. */
  private cpu = 0;

  constructor(
    private readonly gdb: KernelGdb,
    private readonly router: Router,
    private readonly run: MachineRun,
  ) {
    this.maps = new CodeMaps(gdb, async (address, length) => router.read(address, length));
    gdb.process.on('stopped', (stop) => {
      this.stoppedByGdb(stop);
    });
  }

  /** Innermost frames of gdb's that are not shown: gdb hides those of its own stops itself. */
  hiddenFrames(cpu: number): number {
    return typeof this.hidden === 'number' && cpu === this.cpu ? this.hidden : 0;
  }

  /** Prepares a CPU's step by a command of gdb's. @returns `undefined` for one that gdb has to do. */
  async prepare(command: string, cpu: number, phase: PhaseName | undefined): Promise<Start | undefined> {
    if (!OWN_CODE.has(phase)) return undefined;
    if (cpu !== this.cpu) this.hidden = 0;
    this.cpu = cpu;
    if (command === '-exec-step-instruction') return this.instructionStep();
    const how = HOW[command];
    const isCall = command === '-exec-next-instruction';
    if (!how && !isCall) return undefined;
    const { pc } = await this.registers();
    const map = await this.maps.around(pc);
    if (isCall) return !map || map.at(pc)?.flow.kind === 'call' ? undefined : this.instructionStep();
    const hidden = map ? this.hiddenAt(map, pc) : 0;
    if (how === 'into' && hidden > 0) {
      // Into an inlined function: the machine stays. What gdb hides it has to show itself.
      return typeof this.hidden === 'number' ? async () => this.finish(hidden - 1) : undefined;
    }
    const step = map && beginStep(map, pc, how!, hidden);
    return step && (await this.way(step));
  }

  /** gdb stopped its kernel by itself. @param stop its record. */
  private stoppedByGdb(stop: MiTuple): void {
    this.hidden = stop;
    this.cpu = cpuOfStop(stop);
    const pc = Number(text(tuple(stop['frame'])['addr']));
    const { entered } = this;
    this.entered = undefined;
    if (entered === undefined || text(stop['reason']) !== 'end-stepping-range') return;
    if (pc >= entered && pc < entered + LONGEST_PROLOGUE) this.firstLines.set(entered, pc);
  }

  /** The symbols are others, or the machine was brought to another time. */
  forget(): void {
    this.hidden = 0;
    this.maps.forget();
    this.firstLines.clear();
  }

  private instructionStep(): Start {
    return async () => this.runTo('step', async () => this.finish(0));
  }

  /** How a step goes on from where the machine stands; `undefined` where gdb knows no lines. */
  private async way(step: Step): Promise<Start | undefined> {
    const { pc, esp, ebp } = await this.registers();
    const map = await this.maps.around(pc);
    const instruction = map?.at(pc);
    if (!map || !instruction) return undefined;
    const base = frameBase(map.depth(pc), esp, ebp);
    const exits = base === undefined ? undefined : plan(map, pc, step);
    if (!exits || exits.get(pc)?.kind === 'end' || [...exits.keys()].some((at) => !map.isDepthKnown(at))) {
      return this.singly(map, instruction, step, esp);
    }
    const here = exits.get(pc);
    if (here) return async () => this.pass(map, pc, here);
    const ends = new Map(
      [...exits].map(([at, exit]) => (exit.kind === 'call' ? this.intoCall(map, at, exit) : [at, exit])),
    );
    const isThere = (registers: Buffer, address: number): boolean => {
      const at = this.pointers(registers);
      // The first line of a function that is called lies deeper in the same stack.
      if (!map.at(address)) return esp > at.esp && esp - at.esp < STACK_SIZE;
      return frameBase(map.depth(address), at.esp, at.ebp) === base;
    };
    return async () =>
      this.runTo({ addresses: [...ends.keys()], isThere }, async () => {
        const { pc: address } = await this.registers();
        await this.pass(map, address, ends.get(address)!);
      });
  }

  /** One instruction, a call with all that it does, where ways meet that go on differently. */
  private singly(map: CodeMap, { pc, flow, next }: Instruction, step: Step, esp: number): Start {
    if (flow.kind !== 'call') return async () => this.pass(map, pc, { kind: 'leave', step });
    if (step.how === 'into' || next === undefined) return async () => this.pass(map, pc, { kind: 'call', step });
    const isThere = (registers: Buffer): boolean => this.pointers(registers).esp === esp;
    return async () => this.runTo({ addresses: [next], isThere }, async () => this.land(step, map));
  }

  /** What is stepped is a task: it may come to the end on another CPU than it began on. */
  private async runTo(end: RunEnd | 'step', then: () => Promise<void>): Promise<void> {
    await this.run.to(end, this.cpu, async () => {
      this.cpu = this.router.stoppedCpu;
      await then();
    });
  }

  /** Does what is to be done at an exit. */
  private async pass(map: CodeMap, at: number, exit: Exit): Promise<void> {
    const flow = map.at(at)?.flow;
    if (exit.kind === 'leave') {
      await this.runTo('step', async () => this.land(exit.step, flow?.kind === 'return' ? undefined : map));
    } else if (exit.kind === 'call') {
      // A function that gdb may stop in or may not: it shows.
      this.entered = flow?.kind === 'call' ? flow.target : undefined;
      await this.handOver(exit.step.how);
    } else {
      await this.finish(map.at(at) ? exit.hidden : ((await this.maps.around(at))?.at(at)?.begins.length ?? 0));
    }
  }

  /**
   * Behind an instruction that led anywhere.
   * @param left the function of that instruction, unless it has surely returned.
   */
  private async land(step: Step, left: CodeMap | undefined): Promise<void> {
    const { pc } = await this.registers();
    const map = await this.maps.around(pc);
    const verdict = map && judge(map, pc, map === left ? step : { ...step, inlined: 'caller' });
    if (!verdict || verdict.ends) {
      await this.finish(verdict?.hidden ?? 0);
      return;
    }
    const start = await this.way(verdict.step);
    await (start ? start() : this.handOver(step.how));
  }

  /** gdb does the rest. */
  private async handOver(how: Step['how']): Promise<void> {
    this.gdb.takeOver();
    await this.gdb.execute(`${how === 'into' ? '-exec-step' : '-exec-next'} ${threadOption(this.cpu)}`);
  }

  /** The end of a step into a call, where it is known: gdb was there before. */
  private intoCall(map: CodeMap, call: number, exit: Exit): [number, Exit] {
    const flow = map.at(call)?.flow;
    const first = flow?.kind === 'call' && flow.target !== undefined ? this.firstLines.get(flow.target) : undefined;
    return first === undefined ? [call, exit] : [first, { kind: 'end', hidden: 0 }];
  }

  private async finish(hidden: number): Promise<void> {
    const { pc } = await this.registers();
    // A gdb that had joined hides inlined functions by itself.
    if (!this.run.joined) this.hidden = hidden;
    this.run.end(pc);
  }

  /** How many of the inlined functions that begin at an instruction the user has not entered. */
  private hiddenAt(map: CodeMap, pc: number): number {
    const begins = map.at(pc)?.begins ?? [];
    if (typeof this.hidden === 'number') return Math.min(this.hidden, begins.length);
    const frame = tuple(this.hidden['frame']);
    const shown = `${text(frame['func'])}:${text(frame['line'])}`;
    return 1 + begins.findLastIndex(({ into, line }) => `${into?.name ?? map.name}:${line}` === shown);
  }

  private async registers(): Promise<{ pc: number; esp: number; ebp: number }> {
    return this.pointers(await this.router.registers(this.cpu));
  }

  private pointers(registers: Buffer): { pc: number; esp: number; ebp: number } {
    const get = (name: string): number => this.router.layout.get(registers, name);
    return { pc: get('eip'), esp: get('esp'), ebp: get('ebp') };
  }
}
