/**
 * Follows jumps by temporary breakpoints at derived addresses, in both directions and any number of times. The exit
 * gate is always a control page, and %edx at its departure says who comes next.
 */
import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { decodePageList, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import type { PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { vmlinuxDoesNotMatch } from '../errors.ts';
import { TRACKER, type MachineStop, type Router, type TrackerOutcome } from '../rsp/router.ts';
import { readSavedState } from './controlPage.ts';
import { DormantKernel } from './dormantKernel.ts';
import { bannerAt, kernelSlots, type Kernel, type KernelName } from './kernel.ts';
import type { PhaseName } from './phases.ts';

/** Where kernels announce that they run programs: init is about to be executed. */
const RUNNING_SYMBOL = 'run_init_process';

interface TrackerEvents {
  /** A phase began; the machine is held at its first instruction. */
  phase: [PhaseName, KernelName];
  /** The kernel's base was found: `offset` is set. */
  located: [Kernel];
  /** The kernel's control page was found. */
  controlPage: [Kernel];
  /** The jump cannot be followed further: other symbols than configured, a broken page list. */
  problem: [Error];
}

/** Looks at a stop at an expected place. */
type Handler = (stop: MachineStop) => TrackerOutcome | Promise<TrackerOutcome>;

export class JumpTracker extends EventEmitter<TrackerEvents> {
  /** Whether a phase is to be reported as a stop, or only announced. */
  stopsAt: (phase: PhaseName) => boolean = () => false;
  private readonly dormant = new Map<KernelName, DormantKernel>();
  private places = new Map<number, Handler>();
  private phase_: PhaseName | undefined;

  constructor(
    private readonly router: Router,
    private readonly memory: PhysicalMemory,
    private readonly kernels: Readonly<Record<KernelName, Kernel>>,
  ) {
    super();
    router.trackerHandler = async (stop) => this.onStop(stop);
  }

  /** The phase that began last. */
  get phase(): PhaseName | undefined {
    return this.phase_;
  }

  /** Waits for kernel A to be entered anywhere in the guest's memory. The machine must be stopped before its boot. */
  async begin(): Promise<void> {
    this.expectKernel(this.kernel('A'));
    await this.arm();
  }

  /** The machine is as it was while kernel A ran its programs, before it ever jumped. */
  async restart(): Promise<void> {
    const [a, b] = [this.kernel('A'), this.kernel('B')];
    this.dormant.clear();
    this.router.setDormantView('B', undefined);
    this.router.setDormantView('A', undefined);
    a.departedList = undefined;
    b.forgetBoot();
    this.expectQuiescing(a);
    this.enter('A running', a);
    await this.arm();
  }

  private async onStop(stop: MachineStop): Promise<TrackerOutcome> {
    const handler = this.places.get(stop.pc);
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
    const breakpoints = [...this.places.keys()].map((address) => ({ kind: 1, address, length: 1 }) as const);
    await this.router.replace(TRACKER, breakpoints);
  }

  /** Announces a phase. */
  private enter(phase: PhaseName, kernel: Kernel): TrackerOutcome {
    this.phase_ = phase;
    this.emit('phase', phase, kernel.name);
    return this.stopsAt(phase) ? 'stop' : 'resume';
  }

  private expect(...places: [address: number, handler: Handler][]): void {
    this.places = new Map(places);
  }

  private also(...places: [address: number, handler: Handler][]): void {
    for (const [address, handler] of places) this.places.set(address, handler);
  }

  private kernel(name: KernelName): Kernel {
    return this.kernels[name];
  }

  /** A kernel boots: it may be entered at any slot of memory. */
  private expectKernel(kernel: Kernel): void {
    kernel.forgetBoot();
    this.expect(
      ...kernelSlots(0, this.memory.size).map((slot): [number, Handler] => [slot, () => this.onSlot(kernel, slot)]),
    );
  }

  private onSlot(kernel: Kernel, slot: number): TrackerOutcome {
    const banner = bannerAt(this.memory, kernel.file, slot);
    if (banner === undefined) return 'resume';
    if (kernel.file.banner !== undefined && banner !== kernel.file.banner) {
      this.emit('problem', vmlinuxDoesNotMatch(kernel.name, kernel.file.path, kernel.file.banner, banner));
      this.expect();
      return 'stop';
    }
    kernel.offset = slot + kernel.pageOffset - (kernel.file.symbol('_text')?.address ?? 0);
    this.emit('located', kernel);
    this.expect([
      kernel.address('start_kernel'),
      () => {
        this.expect([
          kernel.address(RUNNING_SYMBOL),
          () => {
            this.expectQuiescing(kernel);
            return this.enter(`${kernel.name} running`, kernel);
          },
        ]);
        return this.enter(`${kernel.name} starting`, kernel);
      },
    ]);
    return 'stop';
  }

  private expectQuiescing(kernel: Kernel): void {
    this.expect([
      kernel.address('kernel_kexec'),
      async (stop) => {
        const [returnAddress] = await this.stackWords(stop, 1);
        kernel.kernelKexecReturnsTo = returnAddress;
        const entered = (): TrackerOutcome => {
          this.expect([kernel.address('machine_kexec'), async (next) => this.onMachineKexec(kernel, next)]);
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
    this.expect([body, handler]);
    return 'resume';
  }

  /** kernel_kexec() returns after a jump back, and also when one of its steps fails. */
  private expectRunningAgain(kernel: Kernel): void {
    if (kernel.kernelKexecReturnsTo === undefined) return;
    this.also([
      kernel.kernelKexecReturnsTo,
      () => {
        this.expectQuiescing(kernel);
        return this.enter(`${kernel.name} running`, kernel);
      },
    ]);
  }

  private async onMachineKexec(kernel: Kernel, stop: MachineStop): Promise<TrackerOutcome> {
    // kernel_kexec() passes the kimage in %eax (CONFIG_X86_32 builds with -mregparm=3).
    const image = this.router.layout.get(stop.registers, 'eax');
    const page = await this.word(image + (kernel.layout?.controlCodePage ?? 0));
    const memoryMap = await this.word(kernel.address('mem_map'));
    const pfn = Math.floor((page - memoryMap) / (kernel.layout?.pageSize ?? 32));
    const controlPage = { physical: pfn * 0x1000, virtual: pfn * 0x1000 + kernel.pageOffset };
    const isNew = kernel.controlPage?.physical !== controlPage.physical;
    kernel.controlPage = controlPage;
    this.expect([controlPage.virtual, async (next) => this.onRelocateKernel(kernel, next)]);
    const outcome = this.enter(`leaving ${kernel.name}`, kernel);
    if (!isNew) return outcome;
    this.emit('controlPage', kernel);
    return 'stop';
  }

  private async onRelocateKernel(kernel: Kernel, stop: MachineStop): Promise<TrackerOutcome> {
    const [returnAddress] = await this.stackWords(stop, 1);
    kernel.resumesAt = returnAddress;
    const { physical } = kernel.controlPage!;
    const { swapPages, departure } = kernel.controlCode;
    const onDeparture: Handler = (next) => this.onDeparture(kernel, next);
    this.expect(
      [
        physical + swapPages,
        () => {
          this.expect([physical + departure, onDeparture]);
          return this.enter('swapping pages', kernel);
        },
      ],
      [physical + departure, onDeparture],
    );
    return 'resume';
  }

  private onDeparture(kernel: Kernel, stop: MachineStop): TrackerOutcome {
    const next = this.router.layout.get(stop.registers, 'edx');
    const saved = readSavedState(this.memory, kernel.controlPage!.physical);
    if (saved) {
      const list = asBefore(kernel.departedList, decodePageList(this.memory, saved.head));
      for (const view of this.dormant.values()) view.swapped(list);
      const view = new DormantKernel(this.memory, this.router.layout, saved, list);
      kernel.departedList = list;
      this.dormant.set(kernel.name, view);
      this.router.setDormantView(kernel.name, view);
    }
    const peer = this.kernel(kernel.name === 'A' ? 'B' : 'A');
    if (peer.reentry === next && peer.departedList) this.expectReturn(peer);
    else this.expectNewKernel(peer, next);
    this.router.setLive(peer.name);
    return 'hold';
  }

  private expectNewKernel(kernel: Kernel, entry: number): void {
    this.dormant.delete(kernel.name);
    this.expectKernel(kernel);
    const slots = this.places;
    this.expect([
      entry,
      () => {
        this.places = slots;
        return this.enter('purgatory', kernel);
      },
    ]);
  }

  private expectReturn(kernel: Kernel): void {
    const { physical } = kernel.controlPage!;
    this.expect(
      [
        physical + kernel.controlCode.swapPages,
        () => {
          this.places.delete(physical + kernel.controlCode.swapPages);
          return this.enter('swapping back', kernel);
        },
      ],
      [
        physical + kernel.controlCode.swappedBack,
        () => {
          this.places.delete(physical + kernel.controlCode.swappedBack);
          this.dormant.delete(kernel.name);
          for (const view of this.dormant.values()) view.swapped(kernel.departedList!);
          return 'resume';
        },
      ],
      [
        kernel.resumesAt!,
        () => {
          this.expect();
          this.expectRunningAgain(kernel);
          return this.enter(`${kernel.name} resuming`, kernel);
        },
      ],
    );
  }

  private async word(address: number): Promise<number> {
    return (await this.router.read(address, 4))?.readUInt32LE(0) ?? 0;
  }

  private async stackWords(stop: MachineStop, count: number): Promise<number[]> {
    const bytes = await this.router.read(this.router.layout.get(stop.registers, 'esp'), count * 4);
    return Array.from({ length: count }, (_, index) => bytes?.readUInt32LE(index * 4) ?? 0);
  }
}

/** The same object for the same list, so that two swaps of it are seen to cancel each other. */
function asBefore(before: PageList | undefined, now: PageList): PageList {
  return before && isDeepStrictEqual(before, now) ? before : now;
}
