/** A session: one machine, a gdb for each kernel, the router between them and the tracker that follows the jump. */
import { EventEmitter } from 'node:events';
import type { GuestAgent } from '../../qemu-runner/agent.ts';
import { guestPanicked } from '../../qemu-runner/errors.ts';
import { loadSnapshot, saveSnapshot } from '../../qemu-runner/snapshots.ts';
import { watchForPanic } from '../../qemu-runner/panicWatch.ts';
import type { ResolvedConfiguration } from '../configuration.ts';
import { kernelDormant, notNow, sessionStopped } from '../errors.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { text, type MiTuple } from '../gdb/mi.ts';
import type { JumpState, PhaseEvent } from '../protocol.ts';
import type { Router } from '../rsp/router.ts';
import { KERNEL_NAMES, type Kernel, type KernelName } from './kernel.ts';
import { startParts, stopParts, type SessionParts } from './parts.ts';
import type { PhaseName } from './phases.ts';
import { describeStop, isReset, type SessionStop } from './stops.ts';
import { Stopwatch } from './stopwatch.ts';
import { explainReset, parseSystemRegisters, type SystemRegisters } from './tripleFault.ts';

/** Name of the snapshot that a restart goes back to. */
const RESTART_POINT = 'restart';

interface SessionEvents {
  stopped: [SessionStop];
  /** The user lets the machine go on: what was read of the stop is no longer true. */
  continued: [];
  phase: [PhaseEvent];
  state: [];
  /** Something went wrong that does not end the session. */
  problem: [Error];
  /** The machine is gone; with an Error unless it was powered off. */
  ended: [Error | undefined];
  /** What goes to and comes from a gdb. */
  trace: [string];
}

export class JumpSession extends EventEmitter<SessionEvents> {
  /** Looks at a stop at a breakpoint of the user's; `false` lets the machine go on (a logpoint). */
  stopsAtBreakpoint: (stop: SessionStop) => Promise<boolean> = async () => Promise.resolve(true);
  private readonly stopwatch = new Stopwatch();
  /** A phase that is to be reported with the stop that comes next. */
  private phaseStop: PhaseName | undefined;
  /** Work for gdb at the stop that comes next, such as loading symbols. */
  private gdbWork: (() => Promise<void>)[] = [];
  /** Kernels whose gdb is stopped for a moment, unseen by the user. */
  private readonly interrupted = new Set<KernelName>();
  /** One piece of unseen work at a time. */
  private quietWork: Promise<unknown> = Promise.resolve();
  private readonly unfinishedSteps = new Set<KernelName>();
  private pauseWanted = false;
  private exception: string | undefined;
  private userSeesStop = true;
  private stopping: Promise<void> | undefined;
  private hasRestartPoint = false;

  constructor(
    readonly configuration: ResolvedConfiguration,
    private readonly parts: SessionParts,
  ) {
    super();
    this.watch();
  }

  /** Starts everything, with the machine stopped before its first instruction. */
  static async start(configuration: ResolvedConfiguration): Promise<JumpSession> {
    return new JumpSession(configuration, await startParts(configuration));
  }

  get router(): Router {
    return this.parts.router;
  }

  get gdbs(): Readonly<Record<KernelName, KernelGdb>> {
    return this.parts.gdbs;
  }

  get kernels(): Readonly<Record<KernelName, Kernel>> {
    return this.parts.kernels;
  }

  get agent(): GuestAgent {
    return this.parts.agent;
  }

  /** Sockets at which the consoles can be joined. */
  get consoles(): { A: string; B: string; qemu: string } {
    const { folder } = this.parts;
    return {
      A: folder.file('console-A.socket'),
      B: folder.file('console-B.socket'),
      qemu: folder.file('qemu.socket'),
    };
  }

  /** The live kernel. */
  get live(): KernelName {
    return this.router.live as KernelName;
  }

  /** Whether the user sees a stop. */
  get isStopped(): boolean {
    return this.userSeesStop;
  }

  get isEnding(): boolean {
    return this.stopping !== undefined;
  }

  get state(): JumpState {
    const phase = this.parts.tracker.phase ?? '';
    return {
      live: this.live,
      phase,
      running: !this.userSeesStop,
      canJump: !this.userSeesStop && phase === 'A running' && this.agent.isReady('A'),
      canJumpBack: !this.userSeesStop && phase === 'B running' && this.agent.isReady('B'),
    };
  }

  /** Lets the machine run from its first instruction. */
  async begin(): Promise<void> {
    await this.parts.tracker.begin();
    await this.execute('A', '-exec-continue');
  }

  /** Continues or steps the live kernel. @throws UserFacingError `kernel-dormant` for another. */
  async execute(kernel: KernelName, command: string): Promise<void> {
    if (kernel !== this.live) throw kernelDormant(kernel, this.live);
    this.pauseWanted = false;
    this.userSeesStop = false;
    if (command === '-exec-continue') this.unfinishedSteps.delete(kernel);
    else this.unfinishedSteps.add(kernel);
    // Told before it happens: a short step has stopped again before gdb's answer is looked at.
    this.emit('continued');
    this.emit('state');
    try {
      await this.gdbs[kernel].execute(command);
    } catch (error) {
      this.userSeesStop = true;
      this.emit('state');
      throw error;
    }
  }

  /** Stops the machine; reported as a stop with reason `pause`. */
  async pause(): Promise<void> {
    this.pauseWanted = true;
    await this.gdbs[this.live].interrupt();
  }

  /**
   * Runs something that a kernel's gdb only does while it is stopped, such as setting a breakpoint. A running gdb is
   * stopped for the moment, unseen by the user.
   */
  async whileStopped<T>(kernel: KernelName, action: (gdb: KernelGdb) => Promise<T>): Promise<T> {
    const work = this.quietWork.then(async () => this.runWhileStopped(kernel, action));
    this.quietWork = work.catch(() => undefined);
    return work;
  }

  private async runWhileStopped<T>(kernel: KernelName, action: (gdb: KernelGdb) => Promise<T>): Promise<T> {
    const gdb = this.gdbs[kernel];
    if (!gdb.isRunning) return action(gdb);
    this.interrupted.add(kernel);
    const stop = await gdb.interrupt();
    this.interrupted.delete(kernel);
    try {
      return await action(gdb);
    } finally {
      if (stop && text(stop['signal-name']) !== 'SIGINT') await this.onGdbStopped(kernel, stop);
      else await gdb.execute('-exec-continue');
    }
  }

  /** GDT and IDT of the CPU, which gdb does not know. */
  async systemRegisters(): Promise<SystemRegisters | undefined> {
    const line = { 'command-line': 'info registers' };
    return parseSystemRegisters(String(await this.parts.machine.qmp.command('human-monitor-command', line)));
  }

  /** Keeps the machine as it is now, for `restart`. A disk of the user's that has no snapshots costs only that. */
  async saveRestartPoint(): Promise<void> {
    try {
      await saveSnapshot(this.parts.machine.qmp, RESTART_POINT);
      this.hasRestartPoint = true;
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Brings the machine back to the restart point and lets it run: kernel A runs its programs.
   * @throws UserFacingError `not-now` while there is no such point.
   */
  async restart(): Promise<void> {
    if (!this.hasRestartPoint)
      throw notNow('Restart', 'there is no snapshot to go back to', 'One is taken when kernel A runs its programs.');
    const left = this.live;
    this.interrupted.add(left);
    await this.gdbs[left].interrupt();
    this.interrupted.delete(left);
    await loadSnapshot(this.parts.machine.qmp, RESTART_POINT);
    this.router.forgetMachineState();
    this.router.setLive('A');
    this.agent.abandon(sessionStopped());
    this.agent.forget('B');
    this.unfinishedSteps.clear();
    this.exception = undefined;
    await this.parts.tracker.restart();
    this.phaseStop = undefined;
    for (const name of KERNEL_NAMES) await this.gdbs[name].forgetCaches();
    await this.execute('A', '-exec-continue');
  }

  /** Ends everything that the session started. Safe to call more than once. */
  async stop(): Promise<void> {
    this.stopping ??= (async () => {
      this.agent.close(sessionStopped());
      this.router.removeAllListeners();
      await stopParts(this.parts);
    })();
    return this.stopping;
  }

  private watch(): void {
    for (const name of KERNEL_NAMES) {
      const gdb = this.gdbs[name];
      gdb.on('stopped', (results) => {
        if (!this.interrupted.has(name)) this.onGdbStopped(name, results).catch(this.fail);
      });
      gdb.on('died', (error) => this.emit('ended', error));
      gdb.on('line', (line) => this.emit('trace', `gdb ${name} ${line}`));
    }
    this.parts.tracker.stopsAt = (phase) => {
      this.phaseStop = this.configuration.stopAt.has(phase) ? phase : undefined;
      return this.phaseStop !== undefined || this.endsStep(phase);
    };
    this.parts.tracker.on('phase', (phase, kernel) => {
      this.emit('phase', { phase, kernel, seconds: this.stopwatch.seconds });
      this.emit('state');
    });
    this.parts.tracker.on('located', (kernel) => {
      this.agent.forget(kernel.name);
      this.gdbWork.push(async () => this.loadSymbolsOf(kernel));
    });
    this.parts.tracker.on('controlPage', (kernel) => {
      this.gdbWork.push(async () => this.loadControlPageOf(kernel));
    });
    this.parts.tracker.on('problem', (error) => this.emit('problem', error));
    this.agent.on('hello', () => this.emit('state'));
    this.router.on('running', () => {
      this.stopwatch.start();
    });
    this.router.on('stopped', () => {
      this.stopwatch.stop();
    });
    this.router.on('lost', (error) => this.emit('ended', error));
    this.parts.machine.on('died', (error) => this.emit('ended', error));
    this.parts.machine.on('event', (name, data) => {
      if (name === 'SHUTDOWN') this.onShutdown(String(data['reason']));
    });
    for (const console of [this.parts.machine.consoleA, this.parts.machine.consoleB]) {
      watchForPanic(console, (line) => {
        this.exception = line;
        this.emit('problem', guestPanicked(line, console.tail(2000)));
        this.pause().catch(this.fail);
      });
    }
  }

  /** With `-action shutdown=pause` the dead machine stays, with its registers as they were. */
  private onShutdown(reason: string): void {
    if (reason === 'guest-shutdown') this.emit('ended', undefined);
  }

  private async loadSymbolsOf(kernel: Kernel): Promise<void> {
    if (!kernel.offset) return;
    await this.gdbs[kernel.name].relocateSymbols(this.configuration.kernels[kernel.name].vmlinux, kernel.offset);
  }

  /** The control page's code runs at its virtual address, and from the CR3 load on at its physical one. */
  private async loadControlPageOf(kernel: Kernel): Promise<void> {
    const { relocateObject } = this.configuration.kernels[kernel.name];
    for (const address of [kernel.controlPage!.virtual, kernel.controlPage!.physical]) {
      await this.gdbs[kernel.name].addControlPageSymbols(relocateObject, address);
    }
  }

  private async onGdbStopped(kernel: KernelName, results: MiTuple): Promise<void> {
    if (this.stopping) return;
    if (kernel !== this.live) {
      // It went dormant; the machine is held until the gdb of the kernel that comes waits for it.
      await this.goOn(this.live);
      return;
    }
    const work = this.gdbWork;
    this.gdbWork = [];
    for (const step of work) await step();
    if (isReset(results)) this.exception ??= await this.explainReset(kernel);
    const stop = describeStop(kernel, results, {
      exception: this.exception,
      phase: this.phaseStop,
      endsStep: this.endsStep(this.parts.tracker.phase),
      pauseWanted: this.pauseWanted,
    });
    if (!stop || (stop.breakpoint !== undefined && !(await this.stopsAtBreakpoint(stop)))) {
      await this.goOn(kernel);
      return;
    }
    this.exception = undefined;
    this.phaseStop = undefined;
    this.pauseWanted = false;
    this.unfinishedSteps.delete(kernel);
    this.userSeesStop = true;
    this.emit('state');
    this.emit('stopped', stop);
  }

  private async explainReset(kernel: KernelName): Promise<string> {
    const instruction =
      (await this.gdbs[kernel].console('x/i $pc')).split(':\t')[1]?.trim() ?? 'an unreadable instruction';
    return explainReset(instruction, await this.systemRegisters());
  }

  /** A step over the jump ends where its kernel comes back. */
  private endsStep(phase: PhaseName | undefined): boolean {
    return phase === `${this.live} resuming` && this.unfinishedSteps.has(this.live);
  }

  private async goOn(kernel: KernelName): Promise<void> {
    if (this.gdbs[kernel].isRunning) return;
    await this.gdbs[kernel].execute('-exec-continue');
    if (this.pauseWanted) await this.gdbs[kernel].interrupt();
  }

  private readonly fail = (error: unknown): void => {
    if (!this.stopping) this.emit('problem', error as Error);
  };
}
