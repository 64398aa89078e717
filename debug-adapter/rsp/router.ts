/**
 * The router: QEMU's only RSP client, and the owner of run state. Each kernel's gdb talks to a stub of its own
 * (stub.ts); the router lets the live kernel's gdb through to the machine and answers for a dormant one.
 */
import { EventEmitter, once } from 'node:events';
import type { RspClient } from './client.ts';
import { Arming } from './arming.ts';
import { BreakpointTable, type Breakpoint, type Owner } from './breakpoints.ts';
import { CpuOwners } from './cpuOwners.ts';
import { Cpus } from './cpus.ts';
import { GdblessRun } from './gdblessRun.ts';
import { KernelViews } from './kernelViews.ts';
import { RegisterLayout } from './registers.ts';
import { inPhysicalMode, LiveMemory, readThroughStub, writeThroughStub } from './liveMemory.ts';
import { Motion } from './motion.ts';
import { dormantReply, END_OF_RUN_REPLY, interruptReply, SIGNAL, watchedAddress, withRegisters } from './stopReply.ts';
import {
  REPEAT,
  RUN,
  TRACKER,
  type DormantView,
  type MachineStop,
  type Resumption,
  type RunEnd,
  type StopListener,
  type TrackerHandler,
} from './runState.ts';
import { notStopped } from '../errors.ts';
import type { PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';

/** Time limit for a machine to stop for the last time. */
const DETACH_MS = 5000;

interface RouterEvents {
  running: [];
  stopped: [MachineStop];
  live: [string];
  /** A kernel's gdb has a stop to judge, of a run without it: it gets it when it lets its kernel go on. */
  missed: [string];
  lost: [Error];
}

export class Router extends EventEmitter<RouterEvents> {
  private readonly breakpoints = new BreakpointTable();
  private readonly listeners_ = new Map<string, StopListener>();
  private handler: TrackerHandler = async () => Promise.resolve('stop');
  /** How gdb, or a run without it, let the machine go on, and which CPU it steps. */
  private resumedBy: Resumption = 'continue';
  private resumedOn = 0;
  private run: GdblessRun | undefined;
  /** Somebody asked for a stop that QEMU may not see: it takes none while it steps or the tracker holds the machine. */
  private interruptWanted = false;
  /** The stop that is being looked at; a gdb's resumption waits for it. */
  private handling: Promise<void> = Promise.resolve();
  private readonly arming: Arming;
  private readonly motion: Motion;
  private readonly owners: CpuOwners;
  /** How the kernels look on their CPUs. */
  readonly views: KernelViews;
  /** Debug registers that a kernel's breakpoints may take: four under KVM, any number under TCG. */
  debugRegisters = Infinity;
  private liveKernel: string;

  private constructor(
    private readonly qemu: RspClient,
    private readonly cpus: Cpus,
    /** QEMU's target description by annex, as gdb reads it. */
    readonly targetDescription: ReadonlyMap<string, string>,
    readonly layout: RegisterLayout,
    private readonly liveMemory: LiveMemory,
    firstKernel: string,
  ) {
    super();
    this.liveKernel = firstKernel;
    this.owners = new CpuOwners(cpus.count, firstKernel);
    this.views = new KernelViews(this, this.owners);
    const { breakpoints } = this;
    const arming = (this.arming = new Arming(breakpoints, qemu, () => [this.liveKernel, TRACKER, REPEAT, RUN]));
    const readCode = async (cpu: number, address: number, length: number): Promise<Buffer | undefined> =>
      this.read(address, length, cpu);
    const runs = (): void => void this.emit('running');
    this.motion = new Motion({ cpus, breakpoints, arming, layout, readCode, runs });
    qemu.on('stop', (packet) => {
      this.handling = this.onStop(packet).catch((error: unknown) => {
        this.emit('lost', error as Error);
      });
    });
    qemu.on('close', (error) => {
      this.emit('lost', error);
    });
  }

  /** Takes over a gdbstub whose machine is stopped. `ramFile` is the machine's memory. */
  static async attach(qemu: RspClient, ramFile: PhysicalMemory, firstKernel: string): Promise<Router> {
    await qemu.request('qSupported:xmlRegisters=i386');
    const description = new Map<string, string>();
    for (const annex of ['target.xml', 'i386-32bit.xml']) description.set(annex, await qemu.readAnnex(annex));
    const layout = RegisterLayout.parse(description.get('i386-32bit.xml') ?? '');
    const cpus = await Cpus.of(qemu);
    return new Router(qemu, cpus, description, layout, new LiveMemory(ramFile, layout), firstKernel);
  }

  /**
   * Lets single steps take interrupts and timers; QEMU holds both back during a step, so that it never loses itself in a
   * handler. Source: QEMU, docs/system/gdb.rst, Changing single-stepping behaviour.
   */
  async stepIntoInterrupts(): Promise<void> {
    await this.qemu.request('Qqemu.sstep=1');
  }

  /** The kernel that is on the CPU. */
  get live(): string {
    return this.liveKernel;
  }

  get isRunning(): boolean {
    return this.motion.isRunning;
  }

  /** How many CPUs the machine has; they are known by an index from 0 on. */
  get cpuCount(): number {
    return this.cpus.count;
  }

  /** The CPU that stopped last. */
  get stoppedCpu(): number {
    return this.cpus.current;
  }

  set trackerHandler(handler: TrackerHandler) {
    this.handler = handler;
  }

  listen(kernel: string, listener: StopListener): void {
    this.listeners_.set(kernel, listener);
  }

  /** How a kernel looks while it is dormant; `undefined` for one that has never been live. */
  setDormantView(kernel: string, view: DormantView | undefined): void {
    this.views.setDormant(kernel, view);
  }

  /**
   * Makes another kernel the live one, on the CPU that stopped: its breakpoints are armed, those of the others are not. A gdb
   * that waits for its kernel to stop is told SIGSTOP, which says "went dormant". Only while the machine is stopped.
   */
  async setLive(kernel: string): Promise<void> {
    if (kernel === this.liveKernel) return;
    const left = this.liveKernel;
    const { current } = this.cpus;
    const others = new Map<number, Buffer>();
    for (const cpu of this.cpus.indices) if (cpu !== current) others.set(cpu, await this.cpus.registers(cpu));
    this.owners.handOver(kernel, current, others);
    this.liveKernel = kernel;
    this.tell(left, dormantReply(current));
    this.motion.endRepeat();
    this.endRun();
    this.emit('live', kernel);
  }

  /** A kernel is about to boot anew: how it left before is over. */
  bootsAnew(kernel: string): void {
    this.owners.forget(kernel);
  }

  /** Sets a breakpoint; it is armed at once if its owner is live and the machine stopped, else when it can be. */
  async insert(owner: Owner, breakpoint: Breakpoint): Promise<boolean> {
    this.breakpoints.insert(owner, breakpoint);
    const isTaken = this.breakpoints.debugRegistersOf(owner) <= this.debugRegisters;
    if (isTaken && (this.isRunning || (await this.arming.arm()))) return true;
    this.breakpoints.remove(owner, breakpoint);
    return false;
  }

  async remove(owner: Owner, breakpoint: Breakpoint): Promise<void> {
    this.breakpoints.remove(owner, breakpoint);
    if (!this.isRunning) await this.arming.arm();
  }

  /**
   * Forgets the breakpoints of an owner whose gdb went away, or replaces all of the tracker's.
   * @returns whether QEMU took them.
   */
  async replace(owner: Owner, breakpoints: readonly Breakpoint[]): Promise<boolean> {
    this.breakpoints.clear(owner);
    for (const breakpoint of breakpoints) this.breakpoints.insert(owner, breakpoint);
    return this.isRunning || this.arming.arm();
  }

  /** Lets the machine go on, for the live kernel's gdb. @param cpu that is stepped; `undefined` is the one that stopped. */
  async resume(how: Resumption, cpu = this.cpus.current): Promise<void> {
    await this.handling;
    if (this.isRunning) return;
    this.interruptWanted = false;
    // Only a gdb that had to judge a stop on the way is here: the run may have come to its end with it.
    const registers = await this.registers();
    if (this.run?.endsAt(this.cpus.current, registers, this.layout)) this.endOfRun(this.run, registers);
    else if (this.run?.isStep && how === 'continue') await this.resumeNow('step', this.run.cpu);
    else await this.resumeNow(how, how === 'continue' ? this.cpus.current : cpu);
  }

  /**
   * Lets the machine go on without the live kernel's gdb, by an instruction of a CPU or to one of some addresses. Until the
   * run is ended, gdb is told of every other stop, and may let the machine go on to where the run ends.
   * @param arrived hears of the end, unless gdb waits by then: that is told, with SIGUSR1.
   */
  async runTo(end: RunEnd | 'step', cpu: number, arrived: () => void): Promise<void> {
    await this.handling;
    this.mustBeStopped();
    this.endRun();
    this.run = new GdblessRun(end, cpu, arrived);
    for (const breakpoint of this.run.breakpoints) this.breakpoints.insert(RUN, breakpoint);
    this.interruptWanted = false;
    await this.resumeNow(end === 'step' ? 'step' : 'continue', cpu);
  }

  /** Ends a run that did not come to its end: the user is told of another stop. */
  endRun(): void {
    this.run = undefined;
    this.breakpoints.clear(RUN);
  }

  private endOfRun({ arrived }: GdblessRun, registers: Buffer): void {
    const gdb = this.listeners_.get(this.liveKernel);
    this.endRun();
    const reply = withRegisters(END_OF_RUN_REPLY, this.layout, this.cpus.current, registers);
    if (gdb?.isWaiting) gdb.stopped(reply);
    else arrived();
  }

  private async resumeNow(how: Resumption, cpu: number): Promise<void> {
    this.resumedBy = how;
    this.resumedOn = cpu;
    await this.motion.start(how === 'continue' ? 'continue' : 'step', cpu);
  }

  /** Stops a running machine; the stop is reported with signal 2, or as whatever stop came first. */
  interrupt(): void {
    this.interruptWanted = true;
    if (this.isRunning) this.qemu.interrupt();
  }

  /** The machine was changed behind the gdbstub's back (loadvm): what is known of it is no longer true. */
  forgetMachineState(): void {
    this.mustBeStopped();
    this.cpus.forget();
    this.motion.forget();
  }

  /** The `g` packet of a CPU of the stopped machine, else of the one that stopped. */
  async registers(cpu = this.cpus.current): Promise<Buffer> {
    this.mustBeStopped();
    const registers = await this.cpus.registers(cpu);
    this.owners.seen(cpu, registers);
    return registers;
  }

  /** RAM by physical address, readable while the machine runs; `undefined` for what is no plain RAM. */
  get ram(): PhysicalMemory {
    return this.liveMemory.physical;
  }

  /** Reads memory of the stopped machine at a virtual address of a CPU, or `undefined` when it is not mapped. */
  async read(address: number, length: number, cpu = this.cpus.current): Promise<Buffer | undefined> {
    const fromRam = this.liveMemory.read(await this.registers(cpu), address, length);
    if (fromRam === 'not mapped') return undefined;
    return fromRam ?? this.cpus.on(cpu, async () => readThroughStub(this.qemu, address, length));
  }

  /** Reads what is no plain RAM (ROM, devices) at a physical address of the stopped machine. */
  async readPhysical(address: number, length: number): Promise<Buffer | undefined> {
    this.mustBeStopped();
    return inPhysicalMode(this.qemu, async () => readThroughStub(this.qemu, address, length));
  }

  /** Writes memory of the stopped machine. @returns whether all of it is mapped. */
  async write(space: 'virtual' | 'physical', address: number, bytes: Buffer): Promise<boolean> {
    this.mustBeStopped();
    const write = async (): Promise<boolean> => writeThroughStub(this.qemu, address, bytes);
    return this.cpus.on(this.cpus.current, async () =>
      space === 'virtual' ? write() : inPhysicalMode(this.qemu, write),
    );
  }

  /** Passes a packet of the live kernel's gdb to a CPU of the stopped machine. */
  async forward(packet: string, cpu: number): Promise<string> {
    this.mustBeStopped();
    if (/^[GPM]/.test(packet)) this.cpus.forget();
    return this.cpus.on(cpu, async () => this.qemu.request(packet));
  }

  dormantView(kernel: string): DormantView | undefined {
    return this.views.dormantOf(kernel);
  }

  close(): void {
    this.qemu.close();
  }

  /** Takes all breakpoints back and leaves the machine running, as it was found. */
  async detach(): Promise<void> {
    if (this.isRunning) {
      this.qemu.removeAllListeners('stop');
      const stopped = once(this.qemu, 'stop', { signal: AbortSignal.timeout(DETACH_MS) });
      this.qemu.interrupt();
      await stopped;
      this.motion.isRunning = false;
    }
    for (const { packet } of this.breakpoints.changesFor([])) await this.qemu.request(packet);
    await this.qemu.request('D');
    this.qemu.close();
  }

  private mustBeStopped(): void {
    if (this.isRunning) throw notStopped();
  }

  private async onStop(packet: string): Promise<void> {
    const stop = await this.motion.stopped(packet);
    const { signal, cpu, pc, registers } = stop;
    this.owners.seen(cpu, registers);
    if (signal === SIGNAL.trap && !this.interruptWanted && this.motion.makesAgain(stop)) return;
    const atTracker = this.breakpoints.has(TRACKER, pc);
    const atKernel = this.breakpoints.has(this.liveKernel, pc);
    const watched = watchedAddress(packet);
    const isWatched = this.run?.watches(watched) ?? false;
    const isTrap = signal === SIGNAL.trap && !atKernel && (watched === undefined || isWatched);
    const isFree = isTrap && !atTracker && !this.interruptWanted;
    if (isFree && (await this.motion.passes(stop))) return;
    // Another CPU, which runs while one waits for it, comes by a breakpoint of the tracker's.
    const isOther = this.resumedBy !== 'continue' && cpu !== this.resumedOn;
    if (!isOther || !atTracker) this.motion.endRepeat();
    if (isFree && typeof this.resumedBy === 'object' && pc >= this.resumedBy.start && pc < this.resumedBy.end) {
      await this.resumeNow(this.resumedBy, cpu);
      return;
    }
    const wantsOn = atTracker && signal === SIGNAL.trap ? await this.handler(stop) : 'resume';
    if (wantsOn === 'hold') return;
    // Where a watched word was accessed nobody finds later: that is the end though somebody wants a stop just now.
    if (isTrap && wantsOn === 'resume' && (isWatched || !this.interruptWanted)) {
      const { run } = this;
      const canEnd = !run?.isStep || this.resumedBy === 'step';
      if (run && (isWatched || (canEnd && run.endsAt(cpu, registers, this.layout)))) {
        this.emit('stopped', stop);
        this.endOfRun(run, registers);
        return;
      }
      // A breakpoint of the tracker's, or of a run that another frame or task came by.
      if ((this.resumedBy === 'continue' || isOther) && (atTracker || this.breakpoints.has(RUN, pc))) {
        await this.motion.goOn();
        return;
      }
    }
    // QEMU takes no interrupt at the end of a step, and gdb would go on behind it.
    const isInterrupt = isTrap && wantsOn === 'resume' && this.interruptWanted;
    this.motion.endRepeat();
    this.interruptWanted = false;
    this.emit('stopped', stop);
    this.tell(this.liveKernel, withRegisters(isInterrupt ? interruptReply(cpu) : packet, this.layout, cpu, registers));
  }

  /** Tells a kernel's gdb of a stop, if it waits for one or has to judge it. */
  private tell(kernel: string, reply: string): void {
    const gdb = this.listeners_.get(kernel);
    if (gdb?.isWaiting) gdb.stopped(reply);
    else if (gdb && this.run) {
      gdb.missed(reply);
      this.emit('missed', kernel);
    }
  }
}
