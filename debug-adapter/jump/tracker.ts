/**
 * Follows jumps by temporary breakpoints at derived addresses, in both directions and any number of times. The exit
 * gate is always a control page, and %edx at its departure says who comes next.
 */
import { EventEmitter } from 'node:events';
import type { AuditMoment } from '../../vmcore-viewer/core/auditStages.ts';
import { jumpNotFollowed, pageListBroken } from '../errors.ts';
import type { Router } from '../rsp/router.ts';
import type { MachineStop, TrackerOutcome } from '../rsp/runState.ts';
import { DormantViews } from './dormantViews.ts';
import { callPlaces, type CallWatcher, type FailedCall } from './kexecCalls.ts';
import { KERNEL_NAMES, type KexecSegment, type Kernel, type KernelName } from './kernel.ts';
import { KernelEntry, purgatoryAt } from './kernelEntry.ts';
import { readKimage } from './kimage.ts';
import type { MachineMemory } from './machineMemory.ts';
import type { Observed, TrackerMemento } from './memento.ts';
import type { PhaseName } from './phases.ts';
import { Places, type Place, type PlaceHandler } from './places.ts';
import type { SavedKernel } from './savedKernel.ts';
import { callStop } from './stopChoice.ts';

/** Where kernels announce that they run programs: init is about to be executed. */
const RUNNING_SYMBOL = 'run_init_process';

interface TrackerEvents {
  /** A phase began; the machine is held at its first instruction. */
  phase: [PhaseName, KernelName];
  /** A call of kernel_kexec() begins, or has returned: with an error if it is negative. The machine is held. */
  callBegins: [KernelName, string];
  callEnds: [KernelName, string, number | undefined];
  /** One of them failed, and kernel_kexec() begins to unwind. */
  callFailed: [FailedCall];
  /** The exchange of a kernel's pages begins or is done, on its way out or back; the machine is held. */
  moment: [AuditMoment, Kernel];
  /** The kernel's base was found: `offset` is set. */
  located: [Kernel];
  /** The kernel's control page was found. */
  controlPage: [Kernel];
  /** Purgatory was entered, which brings up the kernel. */
  purgatory: [Kernel, KexecSegment];
  /** The jump cannot be followed further: other symbols than configured, a broken page list. */
  problem: [Error];
}

export class JumpTracker extends EventEmitter<TrackerEvents> {
  /**
   * Whether a phase, or a call by its name as a place to stop at, is to be reported as a stop, or only announced. One that
   * goes on to do harm is.
   */
  stopsAt: (name: string, doesHarm?: boolean) => boolean = (_, doesHarm = false) => doesHarm;
  /** Whether the same is wanted of a call that failed. */
  stopsAtFailures = false;
  /** What is known of the machine's memory at the moments so far; it goes back in time with what is known here. */
  observed: Observed = {};
  private readonly dormant: DormantViews;
  private readonly places: Places;
  private readonly kernelEntry: KernelEntry;
  private phase_: PhaseName | undefined;
  /** Kernel A, which is still to be put into memory by the kernel that resumes it. */
  private saved: SavedKernel | undefined;

  constructor(
    private readonly router: Router,
    private readonly memory: MachineMemory,
    private readonly kernels: Readonly<Record<KernelName, Kernel>>,
  ) {
    super();
    this.dormant = new DormantViews(router, memory);
    this.places = new Places(router);
    this.kernelEntry = new KernelEntry(this.places, memory, {
      purgatory: (kernel, segment) => {
        if (segment) this.emit('purgatory', kernel, segment);
        return this.enter('purgatory', kernel);
      },
      located: (kernel) => this.emit('located', kernel),
      isAnother: (error) => this.emit('problem', error),
      starting: (kernel) => {
        this.expectInit(kernel);
        return this.enter(`${kernel.name} starting`, kernel);
      },
    });
    router.trackerHandler = async (stop) => this.onStop(stop);
  }

  /** Whether kernel A is still to be put into memory. */
  get resumes(): boolean {
    return this.saved !== undefined;
  }

  /** The phase that began last. */
  get phase(): PhaseName | undefined {
    return this.phase_;
  }

  /** Waits for kernel A to be entered anywhere in the guest's memory. The machine must be stopped before its boot. */
  async begin(): Promise<void> {
    this.kernelEntry.expectAnywhere(this.kernel('A'));
    await this.arm();
  }

  /** The same for a kernel that is to resume kernel A, which can be looked at in its image until then. */
  async beginResume(saved: SavedKernel): Promise<void> {
    this.saved = saved;
    this.kernel('A').boot = { offset: saved.boot.offset };
    this.router.setDormantView('A', saved.view);
    this.kernelEntry.expectAnywhere(this.kernel('B'));
    await this.arm();
  }

  /** Where the jump stands, for `rewind`. What is tracked from now on does not change it. */
  memento(): TrackerMemento {
    return {
      live: this.router.live as KernelName,
      phase: this.phase_,
      boots: { A: { ...this.kernel('A').boot }, B: { ...this.kernel('B').boot } },
      dormant: this.dormant.copy(),
      places: this.places.all,
      observed: this.observed,
    };
  }

  /** The machine was brought back to the moment of a memento. It must be stopped. */
  async rewind(memento: TrackerMemento): Promise<void> {
    await this.router.setLive(memento.live);
    for (const name of KERNEL_NAMES) this.kernel(name).boot = { ...memento.boots[name] };
    this.dormant.restore(memento.dormant);
    this.places.expect(...memento.places);
    this.phase_ = memento.phase;
    // Another object: what was seen since then is no longer true.
    this.observed = { ...memento.observed };
    await this.arm();
  }

  /** The same for a moment that was not tracked, when the live kernel booted or ran its programs. */
  async startFrom(memento: Omit<TrackerMemento, 'places'>): Promise<void> {
    const kernel = this.kernel(memento.live);
    kernel.boot = { ...memento.boots[memento.live] };
    if (memento.phase === `${kernel.name} starting`) this.expectInit(kernel);
    else this.expectQuiescing(kernel);
    await this.rewind({ ...memento, places: this.places.all });
  }

  private async onStop(stop: MachineStop): Promise<TrackerOutcome> {
    const handler = this.places.at(stop.pc);
    if (!handler) return 'stop';
    try {
      const outcome = await handler(stop);
      await this.arm();
      return outcome;
    } catch (error) {
      this.emit('problem', error as Error);
      return 'stop';
    }
  }

  private async arm(): Promise<void> {
    if (!(await this.places.arm())) this.emit('problem', jumpNotFollowed(this.places.all.length));
  }

  /** Announces a phase. */
  private enter(phase: PhaseName, kernel: Kernel, doesHarm = false): TrackerOutcome {
    this.phase_ = phase;
    // Asked before it is told: who hears of the phase must know whether the machine stops here.
    const outcome = this.stopsAt(phase, doesHarm) ? 'stop' : 'resume';
    this.emit('phase', phase, kernel.name);
    return outcome;
  }

  private readonly callWatcher: CallWatcher = {
    result: (stop) => this.router.layout.get(stop.registers, 'eax'),
    begins: (kernel, call) => {
      const outcome = this.stopsAt(callStop(kernel.name, call)) ? 'stop' : 'resume';
      this.emit('callBegins', kernel.name, call.function);
      return outcome;
    },
    ends: (kernel, call, error) => this.emit('callEnds', kernel.name, call.function, error),
    fails: (failure) => {
      this.emit('callFailed', failure);
      return this.stopsAtFailures ? 'stop' : 'resume';
    },
  };

  private kernel(name: KernelName): Kernel {
    return this.kernels[name];
  }

  private expectInit(kernel: Kernel): void {
    this.places.expect([
      kernel.address(RUNNING_SYMBOL),
      () => {
        this.expectQuiescing(kernel);
        return this.enter(`${kernel.name} running`, kernel);
      },
    ]);
  }

  private expectQuiescing(kernel: Kernel): void {
    this.places.expect([
      kernel.address('kernel_kexec'),
      async (stop) => {
        const [returnAddress] = await this.stackWords(stop, 1);
        kernel.boot.kernelKexecReturnsTo = returnAddress;
        const entered = (): TrackerOutcome => {
          this.places.expect(
            [kernel.address('machine_kexec'), async (next) => this.onMachineKexec(kernel, next)],
            ...callPlaces(kernel, this.callWatcher),
          );
          this.expectRunningAgain(kernel);
          return this.enter(`${kernel.name} quiescing`, kernel);
        };
        return this.atBody(kernel, 'kernel_kexec', entered);
      },
    ]);
  }

  /** From a function's entry on to its first statement, where a phase begins. */
  private atBody(
    kernel: Kernel,
    symbol: string,
    handler: () => TrackerOutcome,
  ): TrackerOutcome | Promise<TrackerOutcome> {
    const body = kernel.body(symbol);
    if (body === kernel.address(symbol)) return handler();
    this.places.expect([body, handler]);
    return 'resume';
  }

  /** kernel_kexec() returns after a jump back, and also when one of its steps fails. */
  private expectRunningAgain(kernel: Kernel): void {
    if (kernel.boot.kernelKexecReturnsTo === undefined) return;
    this.places.also([
      kernel.boot.kernelKexecReturnsTo,
      () => {
        this.expectQuiescing(kernel);
        return this.enter(`${kernel.name} running`, kernel);
      },
    ]);
  }

  private async onMachineKexec(kernel: Kernel, stop: MachineStop): Promise<TrackerOutcome> {
    // kernel_kexec() passes the kimage in %eax (CONFIG_X86_32 builds with -mregparm=3).
    const image = this.router.layout.get(stop.registers, 'eax');
    const read = async (address: number, length: number) => this.router.read(address, length);
    const { controlPage, segments } = await readKimage(kernel, kernel.layout!, image, read, this.memory);
    const isNew = kernel.boot.controlPage?.physical !== controlPage.physical;
    Object.assign(kernel.boot, { controlPage, segments });
    this.places.expect([controlPage.virtual, async (next) => this.onRelocateKernel(kernel, next)]);
    const outcome = this.enter(`leaving ${kernel.name}`, kernel);
    if (!isNew) return outcome;
    this.emit('controlPage', kernel);
    return 'stop';
  }

  private async onRelocateKernel(kernel: Kernel, stop: MachineStop): Promise<TrackerOutcome> {
    const [returnAddress] = await this.stackWords(stop, 1);
    kernel.boot.resumesAt = returnAddress;
    const { physical } = kernel.boot.controlPage!;
    const peer = this.peerOf(kernel);
    if (this.saved) peer.boot = { ...this.saved.boot };
    const { swapPages, departure } = kernel.controlCode;
    const onDeparture: PlaceHandler = async (next) => this.onDeparture(kernel, next);
    const exits: Place[] = [[physical + departure, onDeparture]];
    // A kernel that is not to come back does not call the next one, it returns into it.
    if (this.saved) exits.push([peer.reentry!, onDeparture]);
    this.places.expect(
      [
        physical + swapPages,
        async () => {
          this.places.expect(...exits);
          this.emit('moment', 'swapBegins', kernel);
          const broken = (await this.dormant.departureOf(kernel))?.broken;
          if (broken) this.emit('problem', pageListBroken(kernel.name, broken));
          return this.enter('swapping pages', kernel, broken !== undefined);
        },
      ],
      ...exits,
    );
    return 'resume';
  }

  private peerOf(kernel: Kernel): Kernel {
    return this.kernel(kernel.name === 'A' ? 'B' : 'A');
  }

  private async onDeparture(kernel: Kernel, stop: MachineStop): Promise<TrackerOutcome> {
    this.emit('moment', 'departed', kernel);
    const peer = this.peerOf(kernel);
    const isForGood = this.saved !== undefined && stop.pc === peer.reentry;
    const next = isForGood ? stop.pc : this.router.layout.get(stop.registers, 'edx');
    if (this.saved && !isForGood && next !== peer.reentry) return this.onSuccessor(kernel, next);
    const departure = isForGood ? undefined : await this.dormant.departureOf(kernel);
    if (departure) this.dormant.left(kernel, departure);
    const isReturn = peer.reentry === next && peer.boot.departedList !== undefined;
    if (isReturn && this.saved) {
      this.saved = undefined;
      await this.dormant.isInMemory(peer);
    }
    kernel.boot.purgatory = isReturn ? undefined : purgatoryAt(next, kernel.boot.segments);
    if (isReturn) this.expectReturn(peer);
    else this.expectNewKernel(peer, next, kernel.boot.segments);
    await this.router.setLive(peer.name);
    return 'hold';
  }

  /** Who is to resume kernel A makes room for it: another kernel comes in its place, and nobody needs it any more. */
  private onSuccessor(kernel: Kernel, next: number): TrackerOutcome {
    this.expectNewKernel(kernel, next, kernel.boot.segments);
    return 'resume';
  }

  private expectNewKernel(kernel: Kernel, entry: number, segments: readonly KexecSegment[] | undefined): void {
    this.dormant.forget(kernel.name);
    this.router.bootsAnew(kernel.name);
    this.kernelEntry.expectLoaded(kernel, entry, segments);
  }

  private expectReturn(kernel: Kernel): void {
    const { physical } = kernel.boot.controlPage!;
    this.places.expect(
      [
        physical + kernel.controlCode.swapPages,
        () => {
          this.places.leave(physical + kernel.controlCode.swapPages);
          this.emit('moment', 'swapsBack', kernel);
          return this.enter('swapping back', kernel);
        },
      ],
      [
        physical + kernel.controlCode.swappedBack,
        () => {
          this.places.leave(physical + kernel.controlCode.swappedBack);
          this.emit('moment', 'swappedBack', kernel);
          this.dormant.isBack(kernel);
          return 'resume';
        },
      ],
      [
        kernel.boot.resumesAt!,
        () => {
          this.places.expect(...callPlaces(kernel, this.callWatcher));
          this.expectRunningAgain(kernel);
          return this.enter(`${kernel.name} resuming`, kernel);
        },
      ],
    );
  }

  private async stackWords(stop: MachineStop, count: number): Promise<number[]> {
    const bytes = await this.router.read(this.router.layout.get(stop.registers, 'esp'), count * 4);
    return Array.from({ length: count }, (_, index) => bytes?.readUInt32LE(index * 4) ?? 0);
  }
}
