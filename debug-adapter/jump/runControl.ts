/** Letting the kernels run, and stopping them: what the user asks for, what gdb reports, what the tracker wants to be told. */
import { EventEmitter } from 'node:events';
import { kernelDormant, savedImageOnly, machineAsleep } from '../errors.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { text, type MiTuple } from '../gdb/mi.ts';
import { threadOption } from '../gdb/threads.ts';
import type { RunEnd } from '../rsp/runState.ts';
import { MachineRun } from '../stepping/machineRun.ts';
import { Stepper } from '../stepping/stepper.ts';
import { describeMachineException, type KernelException } from './exceptions.ts';
import { failureException, type FailedCall } from './kexecCalls.ts';
import { KERNEL_NAMES, type KernelName } from './kernel.ts';
import type { SessionParts } from './parts.ts';
import { QuietAccess } from './quietAccess.ts';
import type { StopChoice } from './stopChoice.ts';
import { describeStop, type SessionStop } from './stops.ts';
import type { Symbols } from './symbols.ts';
import type { ResetScene } from './resetScene.ts';

export interface RunEvents {
  stopped: [SessionStop];
  /** The user lets a kernel go on: what was read of the stop is no longer true. */
  continued: [KernelName];
  /** A kernel left the CPU; it can be looked at from now on. */
  dormant: [KernelName];
  state: [];
  /** Something went wrong that does not end the session. */
  problem: [Error];
}

/** What run control works with. */
interface Runnable extends Pick<SessionParts, 'router' | 'gdbs' | 'tracker' | 'kernels'> {
  readonly symbols: Symbols;
  readonly stopChoice: StopChoice;
  /** Whether there is no machine, but an image that was saved of one. */
  readonly isSaved: boolean;
  /** The machine as it stands after a reset. */
  readonly sceneOfReset: () => Promise<ResetScene | undefined>;
}

export class RunControl extends EventEmitter<RunEvents> {
  /** Looks at a stop at a breakpoint; `undefined` lets the machine go on (a logpoint), else it is told. */
  lookAtBreakpoint: (stop: SessionStop) => Promise<SessionStop | undefined> = async (stop) => Promise.resolve(stop);
  /** A phase or a call that is to be reported with the stop that comes next. */
  private chosenStop: string | undefined;
  /** A call of kernel_kexec() that failed, the same. */
  private failure: FailedCall | undefined;
  private readonly unfinishedSteps = new Set<KernelName>();
  private pauseWanted = false;
  private lastStop: SessionStop | undefined;
  private userSeesStop = true;
  /** Suspended to RAM: QEMU takes no interrupt then, and a `c` would wake the CPU without the firmware. */
  isAsleep = false;
  private isEnding = false;
  private readonly quiet: QuietAccess;
  private readonly runs: Readonly<Record<KernelName, MachineRun>>;
  private readonly steppers: Readonly<Record<KernelName, Stepper>>;

  constructor(private readonly parts: Runnable) {
    super();
    const { gdbs, router } = parts;
    this.quiet = new QuietAccess(gdbs, {
      beforeInterrupt: (kernel) => {
        if (kernel === this.live) this.mustBeAwake();
      },
      onOtherStop: async (kernel, stop) => this.onGdbStopped(kernel, stop),
    });
    const run = (name: KernelName): MachineRun => new MachineRun(gdbs[name], router, this.fail);
    this.runs = { A: run('A'), B: run('B') };
    const stepper = (name: KernelName): Stepper => new Stepper(gdbs[name], router, this.runs[name]);
    this.steppers = { A: stepper('A'), B: stepper('B') };
    this.watch();
  }

  private get live(): KernelName {
    return this.parts.router.live as KernelName;
  }

  /** Whether the user sees a stop. */
  get isStopped(): boolean {
    return this.userSeesStop;
  }

  /** Whether the user is about to see one. */
  get isAboutToStop(): boolean {
    return this.chosenStop !== undefined || this.endsStep(this.parts.tracker.phase);
  }

  /** The exception in which a kernel is stopped. */
  exceptionOf(kernel: KernelName): KernelException | undefined {
    return this.lastStop?.kernel === kernel && this.userSeesStop ? this.lastStop.exception : undefined;
  }

  /** Innermost frames of a CPU that gdb tells of and a user does not see: inlined functions not entered yet. */
  hiddenFrames(kernel: KernelName, cpu: number): number {
    return this.steppers[kernel].hiddenFrames(cpu);
  }

  /** Only a kernel on a CPU runs and can be changed. @throws UserFacingError `saved-image-only`, `kernel-dormant`. */
  mustBeOnCpu(kernel: KernelName): void {
    if (this.parts.isSaved) throw savedImageOnly();
    if (kernel !== this.live) throw kernelDormant(kernel, this.live);
  }

  private mustBeAwake(): void {
    if (this.isAsleep) throw machineAsleep();
  }

  /** Continues the live kernel, or steps one of its CPUs. @throws UserFacingError for another kernel. */
  async execute(kernel: KernelName, command: string, cpu?: number): Promise<void> {
    const { gdbs, tracker } = this.parts;
    this.mustBeOnCpu(kernel);
    await this.quiet.untilUnused(kernel);
    const start = cpu === undefined ? undefined : await this.steppers[kernel].prepare(command, cpu, tracker.phase);
    const inGdb = cpu === undefined ? command : `${command} ${threadOption(cpu)}`;
    if (command === '-exec-continue') this.unfinishedSteps.delete(kernel);
    else this.unfinishedSteps.add(kernel);
    await this.letGo(kernel, start ?? (async () => gdbs[kernel].execute(inGdb)));
  }

  /** Lets the live kernel run to an end without its gdb, and from there to the next; the last is told as a step's end. */
  async stepTo(...ends: readonly RunEnd[]): Promise<void> {
    const { router } = this.parts;
    const kernel = this.live;
    await this.quiet.untilUnused(kernel);
    const leg = async (index: number): Promise<void> => {
      const end = ends[index];
      if (end) await this.runs[kernel].to(end, router.stoppedCpu, async () => leg(index + 1));
      else this.runs[kernel].end(router.layout.get(await router.registers(), 'eip'));
    };
    await this.letGo(kernel, async () => leg(0));
  }

  /** Stops the machine; reported as a stop with reason `pause`. */
  async pause(): Promise<void> {
    this.mustBeAwake();
    this.pauseWanted = true;
    await this.parts.gdbs[this.live].interrupt();
  }

  /** Runs something that a kernel's gdb only does while it is stopped, such as setting a breakpoint. */
  async whileStopped<T>(kernel: KernelName, action: (gdb: KernelGdb) => Promise<T>): Promise<T> {
    return this.quiet.whileStopped(kernel, action);
  }

  /** Reports that the machine stands still for another reason than a stop of its gdb. */
  async standStill(description: string): Promise<void> {
    const { gdbs, router } = this.parts;
    for (const name of KERNEL_NAMES) if (name !== this.live && router.dormantView(name)) this.emit('dormant', name);
    const cpu = router.stoppedCpu;
    const { frame = {} } = await gdbs[this.live].command(`-stack-info-frame ${threadOption(cpu)}`);
    const stop = { kernel: this.live, cpu, reason: 'pause' as const, description, results: { frame } };
    this.lastStop = stop;
    this.emit('stopped', stop);
  }

  /** Stops the machine unseen, lets it be brought to another time, and tells both gdb. */
  async goBack(rewind: () => Promise<void>): Promise<void> {
    const left = this.live;
    this.mustBeOnCpu(left);
    const wasRunning = !this.userSeesStop;
    await this.quiet.interrupt(left);
    try {
      await rewind();
    } catch (error) {
      if (wasRunning) await this.parts.gdbs[left].execute('-exec-continue');
      throw error;
    }
    this.unfinishedSteps.clear();
    this.parts.symbols.forget();
    this.forgetStop();
    this.userSeesStop = true;
    await this.tellGdbs();
  }

  /** Whatever both gdb knew of the machine is no longer true. */
  async tellGdbs(): Promise<void> {
    const { gdbs, kernels, symbols } = this.parts;
    for (const name of KERNEL_NAMES) {
      await symbols.ofKernel(kernels[name]);
      await symbols.ofControlPage(kernels[name]);
      gdbs[name].forgetCaches();
      this.runs[name].cancel();
      this.steppers[name].forget();
      this.emit('continued', name);
    }
    this.emit('state');
  }

  /** Nothing that happens from now on is told. */
  end(): void {
    this.isEnding = true;
  }

  private watch(): void {
    const { gdbs, router, tracker, stopChoice } = this.parts;
    for (const name of KERNEL_NAMES) {
      gdbs[name].on('stopped', (results) => {
        if (!this.quiet.isInterrupting(name)) this.onGdbStopped(name, results).catch(this.fail);
      });
    }
    router.on('missed', (kernel) => {
      this.letGdbJudge(kernel as KernelName).catch(this.fail);
    });
    tracker.stopsAt = (name, doesHarm = false) => {
      this.chosenStop = doesHarm || stopChoice.has(name) ? name : undefined;
      return this.chosenStop !== undefined || this.endsStep(name);
    };
    tracker.on('callFailed', (failure) => {
      if (tracker.stopsAtFailures) this.failure = failure;
    });
  }

  private async letGo(kernel: KernelName, start: () => Promise<void>): Promise<void> {
    this.pauseWanted = false;
    this.userSeesStop = false;
    const taken = start();
    // Told before gdb's answer: a short step has stopped again before that is looked at.
    this.emit('continued', kernel);
    this.emit('state');
    try {
      await taken;
    } catch (error) {
      this.userSeesStop = true;
      this.emit('state');
      throw error;
    }
  }

  /** A stop that came while a step went on without gdb. */
  private async letGdbJudge(kernel: KernelName): Promise<void> {
    const { router, gdbs } = this.parts;
    const pc = kernel === this.live ? router.layout.get(await router.registers(), 'eip') : undefined;
    await gdbs[kernel].judgeStop(pc, router.stoppedCpu);
  }

  private async onGdbStopped(kernel: KernelName, results: MiTuple): Promise<void> {
    if (this.isEnding) return;
    if (text(results['signal-name']) === 'SIGUSR1') {
      this.runs[kernel].arrivedWithGdb();
      return;
    }
    if (kernel !== this.live) {
      // It went dormant; the machine is held until the gdb of the kernel that comes waits for it.
      await this.goOn(this.live);
      this.emit('dormant', kernel);
      return;
    }
    const { gdbs, symbols, tracker, sceneOfReset } = this.parts;
    if (await symbols.catchUp()) this.steppers[kernel].forget();
    const found = describeStop(kernel, results, {
      exception: this.failure
        ? failureException(this.failure, results)
        : await describeMachineException(kernel, results, gdbs[kernel], sceneOfReset),
      chosen: this.chosenStop,
      endsStep: this.endsStep(tracker.phase),
      pauseWanted: this.pauseWanted,
    });
    const stop = found?.breakpoint === undefined ? found : await this.lookAtBreakpoint(found);
    if (!stop) {
      await this.goOn(kernel);
      return;
    }
    this.forgetStop();
    this.unfinishedSteps.delete(kernel);
    this.runs[kernel].cancel();
    this.userSeesStop = true;
    this.lastStop = stop;
    this.emit('stopped', stop);
    this.emit('state');
  }

  /** What was to be told with the next stop. */
  private forgetStop(): void {
    this.chosenStop = undefined;
    this.failure = undefined;
    this.pauseWanted = false;
  }

  /** A step over the jump ends where its kernel comes back. */
  private endsStep(phase: string | undefined): boolean {
    return phase === `${this.live} resuming` && this.unfinishedSteps.has(this.live);
  }

  private async goOn(kernel: KernelName): Promise<void> {
    const { gdbs } = this.parts;
    await this.quiet.untilUnused(kernel);
    if (gdbs[kernel].isRunning) return;
    await gdbs[kernel].execute('-exec-continue');
    if (this.pauseWanted) await gdbs[kernel].interrupt();
  }

  private readonly fail = (error: unknown): void => {
    if (!this.isEnding) this.emit('problem', error as Error);
  };
}
