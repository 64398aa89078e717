/** A session: one machine, a gdb for each kernel, the router between them and the tracker that follows the jump. */
import { EventEmitter } from 'node:events';
import { GuestAgent } from '../../qemu-runner/agent.ts';
import { writeInitrdOfA } from '../../qemu-runner/bootFiles.ts';
import { guestPanicked } from '../../qemu-runner/errors.ts';
import { PrivateFolder } from '../../qemu-runner/janitor.ts';
import { Machine } from '../../qemu-runner/machine.ts';
import { watchForPanic } from '../../qemu-runner/panicWatch.ts';
import { GuestRamFile } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { ResolvedConfiguration } from '../configuration.ts';
import { kernelDormant, sessionStopped } from '../errors.ts';
import { KernelGdb } from '../gdb/kernelGdb.ts';
import { text, type MiTuple } from '../gdb/mi.ts';
import type { JumpState, PhaseEvent } from '../protocol.ts';
import { RspClient } from '../rsp/client.ts';
import { Router } from '../rsp/router.ts';
import { KernelStub } from '../rsp/stub.ts';
import { FUNCTIONS_WITH_PHASES, Kernel, KERNEL_NAMES, type KernelName, type KexecLayout } from './kernel.ts';
import type { PhaseName } from './phases.ts';
import { Stopwatch } from './stopwatch.ts';
import { JumpTracker } from './tracker.ts';

/** Why and where the session stopped, for the user. */
export interface SessionStop {
  kernel: KernelName;
  reason: 'phase' | 'breakpoint' | 'step' | 'pause' | 'exception';
  description: string;
  /** gdb's number of the breakpoint, if one was hit. */
  breakpoint?: number;
  results: MiTuple;
}

interface SessionEvents {
  stopped: [SessionStop];
  continued: [];
  phase: [PhaseEvent];
  state: [];
  /** Text from a gdb. */
  output: [string];
  /** Something went wrong that does not end the session. */
  problem: [Error];
  /** The machine is gone; with an Error unless it was powered off. */
  ended: [Error | undefined];
  trace: [string];
}

/** QEMU's gdbstub reports a shut-down machine as SIGQUIT (3). Source: QEMU gdbstub.c, gdb_vm_state_change. */
const MACHINE_IS_DEAD = 'SIGQUIT';

/** Where a kernel's processes and symbols are held together. */
export type Gdbs = Readonly<Record<KernelName, KernelGdb>>;

export class JumpSession extends EventEmitter<SessionEvents> {
  private readonly stopwatch = new Stopwatch();
  /** A phase that is to be reported with the stop that comes next. */
  private phaseStop: PhaseName | undefined;
  /** Work for gdb at the stop that comes next, such as loading symbols. */
  private gdbWork: (() => Promise<void>)[] = [];
  /** Kernels whose gdb is stopped for a moment, unseen by the user. */
  private readonly interrupted = new Set<KernelName>();
  private readonly unfinishedSteps = new Set<KernelName>();
  private pauseWanted = false;
  private exception: string | undefined;
  private userSeesStop = true;
  private stopping: Promise<void> | undefined;

  private constructor(
    readonly configuration: ResolvedConfiguration,
    private readonly folder: PrivateFolder,
    readonly machine: Machine,
    readonly router: Router,
    readonly memory: GuestRamFile,
    readonly kernels: Readonly<Record<KernelName, Kernel>>,
    readonly gdbs: Gdbs,
    private readonly stubs: readonly KernelStub[],
    readonly tracker: JumpTracker,
    readonly agent: GuestAgent,
  ) {
    super();
    this.watch();
  }

  /**
   * Starts everything, with the machine stopped before its first instruction. When a part does not start, the others
   * are ended again.
   */
  static async start(configuration: ResolvedConfiguration): Promise<JumpSession> {
    const folder = PrivateFolder.make();
    const undo: (() => unknown)[] = [];
    try {
      const { A, B } = configuration.kernels;
      const initrd = folder.file('initrd');
      writeInitrdOfA(initrd, A.initrd, B);
      const machine = await Machine.start(
        configuration.qemu.path,
        {
          kernelImage: A.image,
          initrd,
          append: A.append,
          memory: configuration.memory,
          accel: configuration.qemu.accel,
          extraArguments: configuration.qemu.args,
        },
        folder,
      );
      undo.push(async () => machine.stop());
      const router = await Router.attach(await RspClient.connect(machine.paths.gdb), 'A');
      undo.push(() => {
        router.close();
      });
      const memory = new GuestRamFile(machine.paths.ram);
      undo.push(() => {
        memory.close();
      });
      const kernels = { A: new Kernel('A', A.file), B: new Kernel('B', B.file) };
      const stubs = KERNEL_NAMES.map((name) => new KernelStub(name, router));
      undo.push(() => {
        for (const stub of stubs) stub.close();
      });
      const startGdb = async (name: KernelName): Promise<KernelGdb> => {
        const gdb = await KernelGdb.start(name, configuration.gdb.path, configuration.gdb.setup);
        undo.push(async () => gdb.stop());
        if (gdb.process.pid !== undefined) folder.own(gdb.process.pid);
        const { vmlinux, sourceDirectory } = configuration.kernels[name];
        await gdb.loadSymbols(vmlinux);
        if (sourceDirectory !== undefined) await gdb.command(`-environment-directory ${sourceDirectory}`);
        kernels[name].layout = await readKexecLayout(gdb);
        const socket = folder.file(`gdb-${name}.socket`);
        await stubs.find((stub) => stub.kernel === name)?.listen(socket);
        await gdb.connect(socket);
        return gdb;
      };
      const [gdbA, gdbB] = await Promise.all([startGdb('A'), startGdb('B')]);
      const tracker = new JumpTracker(router, memory, kernels);
      const agent = new GuestAgent(machine.agentChannel, {
        consoleTail: () => (router.live === 'A' ? machine.consoleA : machine.consoleB).tail(2000),
        isRunning: () => router.isRunning,
      });
      return new JumpSession(
        configuration,
        folder,
        machine,
        router,
        memory,
        kernels,
        { A: gdbA, B: gdbB },
        stubs,
        tracker,
        agent,
      );
    } catch (error) {
      for (const step of undo.reverse()) await Promise.resolve(step()).catch(() => undefined);
      folder.release();
      throw error;
    }
  }

  /** Sockets at which the consoles can be joined. */
  get consoles(): { A: string; B: string; qemu: string } {
    return {
      A: this.folder.file('console-A.socket'),
      B: this.folder.file('console-B.socket'),
      qemu: this.folder.file('qemu.socket'),
    };
  }

  /** The live kernel. */
  get live(): KernelName {
    return this.router.live as KernelName;
  }

  get isEnding(): boolean {
    return this.stopping !== undefined;
  }

  get state(): JumpState {
    const phase = this.tracker.phase ?? '';
    return {
      live: this.live,
      phase,
      running: !this.userSeesStop,
      canJump: phase === 'A running' && this.agent.isReady('A'),
      canJumpBack: phase === 'B running' && this.agent.isReady('B'),
    };
  }

  /** Lets the machine run from its first instruction. */
  async begin(): Promise<void> {
    await this.tracker.begin();
    await this.execute('A', '-exec-continue');
  }

  /** Continues or steps the live kernel. @throws UserFacingError `kernel-dormant` for another. */
  async execute(kernel: KernelName, command: string): Promise<void> {
    if (kernel !== this.live) throw kernelDormant(kernel, this.live);
    this.pauseWanted = false;
    this.userSeesStop = false;
    if (command === '-exec-continue') this.unfinishedSteps.delete(kernel);
    else this.unfinishedSteps.add(kernel);
    await this.gdbs[kernel].execute(command);
    this.emit('continued');
    this.emit('state');
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
    const gdb = this.gdbs[kernel];
    if (!gdb.isRunning || this.interrupted.has(kernel)) return action(gdb);
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

  /** Ends everything that the session started. Safe to call more than once. */
  async stop(): Promise<void> {
    this.stopping ??= (async () => {
      this.agent.close(sessionStopped());
      this.router.removeAllListeners();
      await Promise.all([this.gdbs.A.stop(), this.gdbs.B.stop()]);
      for (const stub of this.stubs) stub.close();
      this.router.close();
      await this.machine.stop();
      this.memory.close();
      this.folder.release();
    })();
    return this.stopping;
  }

  private watch(): void {
    for (const name of KERNEL_NAMES) {
      const gdb = this.gdbs[name];
      gdb.on('stopped', (results) => {
        if (!this.interrupted.has(name)) this.onGdbStopped(name, results).catch(this.fail);
      });
      gdb.on('output', (line) => this.emit('output', line));
      gdb.on('died', (error) => this.emit('ended', error));
      gdb.on('line', (line) => this.emit('trace', `gdb ${name} ${line}`));
    }
    this.tracker.stopsAt = (phase) => {
      this.phaseStop = this.configuration.stopAt.has(phase) ? phase : undefined;
      return this.phaseStop !== undefined || this.endsStep(phase);
    };
    this.tracker.on('phase', (phase, kernel) => {
      this.emit('phase', { phase, kernel, seconds: this.stopwatch.seconds });
      this.emit('state');
    });
    this.tracker.on('located', (kernel) => {
      this.agent.forget(kernel.name);
      this.gdbWork.push(async () => this.loadSymbolsOf(kernel));
    });
    this.tracker.on('controlPage', (kernel) => {
      this.gdbWork.push(async () => this.loadControlPageOf(kernel));
    });
    this.tracker.on('problem', (error) => this.emit('problem', error));
    this.agent.on('hello', () => this.emit('state'));
    this.router.on('running', () => {
      this.stopwatch.start();
    });
    this.router.on('stopped', () => {
      this.stopwatch.stop();
    });
    this.router.on('lost', (error) => this.emit('ended', error));
    this.machine.on('died', (error) => this.emit('ended', error));
    this.machine.on('event', (name, data) => {
      if (name === 'SHUTDOWN') this.onShutdown(String(data['reason']));
    });
    for (const console of [this.machine.consoleA, this.machine.consoleB]) {
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
    const stop = this.describeStop(kernel, results);
    if (!stop) {
      await this.goOn(kernel);
      return;
    }
    this.phaseStop = undefined;
    this.pauseWanted = false;
    this.unfinishedSteps.delete(kernel);
    this.userSeesStop = true;
    this.emit('state');
    this.emit('stopped', stop);
  }

  /** What the user is told of a stop; `undefined` when it is none of theirs. */
  private describeStop(kernel: KernelName, results: MiTuple): SessionStop | undefined {
    const reason = text(results['reason']);
    const number = Number(text(results['bkptno']));
    if (this.exception !== undefined) {
      const description = this.exception;
      this.exception = undefined;
      return { kernel, reason: 'exception', description, results };
    }
    if (text(results['signal-name']) === MACHINE_IS_DEAD) {
      const description = 'The machine was reset: a triple fault, or a reboot';
      return { kernel, reason: 'exception', description, results };
    }
    if (this.phaseStop) return { kernel, reason: 'phase', description: `Phase: ${this.phaseStop}`, results };
    if (reason === 'breakpoint-hit') {
      return { kernel, reason: 'breakpoint', description: 'Paused on breakpoint', breakpoint: number, results };
    }
    if (reason.endsWith('watchpoint-trigger')) {
      return { kernel, reason: 'breakpoint', description: 'Paused on data breakpoint', results };
    }
    if (/^(end-stepping-range|function-finished|location-reached)$/.test(reason)) {
      return { kernel, reason: 'step', description: 'Paused on step', results };
    }
    if (this.endsStep(this.tracker.phase)) {
      return { kernel, reason: 'step', description: 'Paused on step', results };
    }
    if (this.pauseWanted) return { kernel, reason: 'pause', description: 'Paused', results };
    return undefined;
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

async function readKexecLayout(gdb: KernelGdb): Promise<KexecLayout> {
  const bodies = new Map<string, number>();
  for (const name of FUNCTIONS_WITH_PHASES) {
    const address = await gdb.bodyOf(name);
    if (address !== undefined) bodies.set(name, address);
  }
  return {
    controlCodePage: await gdb.offsetOf('kimage', 'control_code_page'),
    pageSize: Number(await gdb.evaluate('sizeof(struct page)')),
    bodies,
  };
}
