/** A dormant kernel seen like a stopped one: registers from its control page, memory through its page tables. */
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { readVirtual } from '../../vmcore-viewer/core/pageTables.ts';
import type { PageList } from '../../vmcore-viewer/core/pageList.ts';
import type { PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { RegisterLayout } from '../rsp/registers.ts';
import type { DormantView } from '../rsp/router.ts';
import type { SavedState } from './controlPage.ts';

/** Segment selectors of a kernel task. Source: arch/x86/include/asm/segment.h. */
const SEGMENTS = { cs: 0x60, ss: 0x68, ds: 0x7b, es: 0x7b, fs: 0xd8, gs: 0 } as const;

/** What relocate_kernel pushed before it saved %esp, in the order of the stack, and its return address. */
const PUSHED = ['eflags', 'ebp', 'edi', 'esi', 'ebx', 'eip'] as const;

export class DormantKernel implements DormantView {
  /** Page lists swapped since the kernel left, first its own. A list swapped twice in a row is as before. */
  private readonly swaps: PageList[] = [];
  private memoryThen: Overlay;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly layout: RegisterLayout,
    private readonly saved: SavedState,
    ownList: PageList,
  ) {
    this.swaps.push(ownList);
    this.memoryThen = new Overlay(memory, this.swaps);
  }

  /** A list was swapped by whoever is live now. */
  swapped(list: PageList): void {
    if (this.swaps.at(-1) === list) this.swaps.pop();
    else this.swaps.push(list);
    this.memoryThen = new Overlay(this.memory, this.swaps);
  }

  /** Registers as machine_kexec() will see them at the return; those that it does not save are zero. */
  registers(): Buffer {
    const registers = Buffer.alloc(this.layout.size);
    const set = (name: string, value: number): void => {
      this.layout.set(registers, name, value);
    };
    const stack = this.read(this.saved.esp, PUSHED.length * 4);
    PUSHED.forEach((name, index) => {
      set(name, stack?.readUInt32LE(index * 4) ?? 0);
    });
    set('esp', this.saved.esp + PUSHED.length * 4);
    for (const [name, selector] of Object.entries(SEGMENTS)) set(name, selector);
    for (const name of ['cr0', 'cr3', 'cr4'] as const) set(name, this.saved[name]);
    return registers;
  }

  read(address: number, length: number): Buffer | undefined {
    return readVirtual(this.memoryThen, this.saved.cr3, address, length);
  }
}
