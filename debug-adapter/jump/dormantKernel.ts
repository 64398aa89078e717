/** A dormant kernel seen like a stopped one: registers from its control page, memory through its page tables. */
import { PUSHED } from '../../vmcore-viewer/core/kernelRegisters.ts';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { readVirtual } from '../../vmcore-viewer/core/pageTables/i386.ts';
import type { PageList } from '../../vmcore-viewer/core/pageList.ts';
import type { RegisterLayout } from '../rsp/registers.ts';
import type { DormantView } from '../rsp/runState.ts';
import type { SavedState } from '../../vmcore-viewer/core/controlPage.ts';
import type { MachineMemory } from './machineMemory.ts';

/** Segment selectors of a kernel task. Source: arch/x86/include/asm/segment.h. */
const SEGMENTS = { cs: 0x60, ss: 0x68, ds: 0x7b, es: 0x7b, fs: 0xd8, gs: 0 } as const;

export class DormantKernel implements DormantView {
  /** Offset of the return address into machine_kexec() from the saved stack pointer, in bytes. */
  static readonly RETURN_ADDRESS = PUSHED.indexOf('eip') * 4;
  /** As `lists`; a list swapped twice in a row is as before. */
  private readonly swaps: PageList[] = [];
  private memoryThen: Overlay;

  /** @param lists page lists swapped since the kernel left, first its own. */
  constructor(
    private readonly memory: MachineMemory,
    private readonly layout: RegisterLayout,
    private readonly saved: SavedState,
    lists: readonly PageList[],
  ) {
    this.swaps.push(...lists);
    this.memoryThen = new Overlay(memory, this.swaps);
  }

  /** The same view, for a snapshot: what is swapped from now on does not change it. */
  copy(): DormantKernel {
    return new DormantKernel(this.memory, this.layout, this.saved, this.swaps);
  }

  /** A list was swapped by whoever is live now. */
  swapped(list: PageList): void {
    if (this.swaps.at(-1) === list) this.swaps.pop();
    else this.swaps.push(list);
    this.memoryThen = new Overlay(this.memory, this.swaps);
  }

  /** Registers as machine_kexec() will see them at the return; those that it does not save are zero. */
  async registers(): Promise<Buffer> {
    const registers = Buffer.alloc(this.layout.size);
    const set = (name: string, value: number): void => {
      this.layout.set(registers, name, value);
    };
    const stack = await this.read(this.saved.esp, PUSHED.length * 4);
    PUSHED.forEach((name, index) => {
      set(name, stack?.readUInt32LE(index * 4) ?? 0);
    });
    set('esp', this.saved.esp + PUSHED.length * 4);
    for (const [name, selector] of Object.entries(SEGMENTS)) set(name, selector);
    for (const name of ['cr0', 'cr3', 'cr4'] as const) set(name, this.saved[name]);
    return registers;
  }

  async read(address: number, length: number): Promise<Buffer | undefined> {
    return this.memory.settle(() => readVirtual(this.memoryThen, this.saved, address, length));
  }
}
