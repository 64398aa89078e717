/** Finds a kernel that boots, wherever KASLR or a window has put it. */
import { vmlinuxDoesNotMatch } from '../errors.ts';
import type { TrackerOutcome } from '../rsp/runState.ts';
import { bannerAt, kernelSlots, type Kernel, type KexecSegment } from './kernel.ts';
import type { MachineMemory } from './machineMemory.ts';
import type { Place, PlaceHandler, Places } from './places.ts';

/** Hears of a kernel that boots. The machine is held. */
export interface BootWatcher {
  /** What brings the kernel up was entered: purgatory, if kexec-tools has loaded the kernel. */
  purgatory(kernel: Kernel, segment: KexecSegment | undefined): TrackerOutcome;
  /** The kernel's base was found: `offset` is set. */
  located(kernel: Kernel): void;
  /** It is not that of the symbols. */
  isAnother(error: Error): void;
  /** It begins start_kernel(). */
  starting(kernel: Kernel): TrackerOutcome;
}

/** The segment that a new kernel is entered by, if what was loaded is known. @param entry physical address. */
export function purgatoryAt(entry: number, segments: readonly KexecSegment[] = []): KexecSegment | undefined {
  return segments.find(({ address, size }) => entry >= address && entry < address + size);
}

export class KernelEntry {
  constructor(
    private readonly places: Places,
    private readonly memory: MachineMemory,
    private readonly watcher: BootWatcher,
  ) {}

  /** Waits for a kernel to be entered at any slot of memory. */
  expectAnywhere(kernel: Kernel): void {
    kernel.boot = {};
    this.expectAtSlots(kernel);
  }

  /**
   * Waits for a kernel that another one has loaded.
   * @param entry physical address at which the loader leaves for it.
   * @param segments what that has loaded, if it is known.
   */
  expectLoaded(kernel: Kernel, entry: number, segments: readonly KexecSegment[] = []): void {
    kernel.boot = {};
    const purgatory = purgatoryAt(entry, segments);
    const onLoadedKernel: PlaceHandler = async (stop) => {
      this.expectAtSlots(kernel);
      return (await this.places.at(stop.pc)?.(stop)) ?? 'resume';
    };
    // A kernel is entered where it was loaded. Its slots are not watched before: TCG looks at each breakpoint whenever code
    // goes to another page, and with hundreds of them purgatory's SHA-256 takes several times as long.
    const loaded = segments.filter((segment) => segment !== purgatory && segment.loaded > 0);
    const behindPurgatory = loaded.map(({ address }): Place => [address, onLoadedKernel]);
    this.places.expect([
      entry,
      () => {
        if (purgatory) this.places.expect(...behindPurgatory);
        else this.expectAtSlots(kernel);
        return this.watcher.purgatory(kernel, purgatory);
      },
    ]);
  }

  private expectAtSlots(kernel: Kernel): void {
    const slots = kernelSlots(0, this.memory.size);
    this.places.expect(...slots.map((slot): Place => [slot, async () => this.onSlot(kernel, slot)]));
  }

  private async onSlot(kernel: Kernel, slot: number): Promise<TrackerOutcome> {
    const banner = await this.memory.settle(() => bannerAt(this.memory, kernel.file, slot));
    if (banner === undefined) return 'resume';
    if (kernel.file.banner !== undefined && banner !== kernel.file.banner) {
      this.watcher.isAnother(vmlinuxDoesNotMatch(kernel.name, kernel.file.path, kernel.file.banner, banner));
      this.places.expect();
      return 'stop';
    }
    kernel.boot.offset = slot + kernel.pageOffset - (kernel.file.symbol('_text')?.address ?? 0);
    this.watcher.located(kernel);
    this.places.expect([kernel.address('start_kernel'), () => this.watcher.starting(kernel)]);
    return 'stop';
  }
}
