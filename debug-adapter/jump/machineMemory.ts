/** The machine's physical memory as a session reads it: from the guest RAM file, or through the gdbstub without one. */
import { GuestRamFile, PAGE_SIZE, readByPages, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';

/** Memory whose pages may have to be fetched before they can be read. */
export interface MachineMemory extends PhysicalMemory {
  /**
   * Runs work that reads this memory, again as often as pages have to be fetched for it.
   * @returns what it returns when all is there that can be had: of a running machine without a RAM file, nothing.
   */
  settle<T>(work: () => T): Promise<T>;
}

/** A guest RAM file: all is there, always. */
export class RamFileMemory extends GuestRamFile implements MachineMemory {
  async settle<T>(work: () => T): Promise<T> {
    return Promise.resolve(work());
  }
}

/** Reads physical memory of a stopped machine. */
interface PhysicalReader {
  readonly isRunning: boolean;
  readPhysical(address: number, length: number): Promise<Buffer | undefined>;
  on(event: 'running', listener: () => void): unknown;
}

/** Memory behind a gdbstub, fetched page by page while the machine is stopped. */
export class StubMemory implements MachineMemory {
  private readonly pages = new Map<number, Buffer | undefined>();
  private readonly wanted = new Set<number>();

  /** @param size of the machine's RAM, in bytes. */
  constructor(
    private readonly reader: PhysicalReader,
    readonly size: number,
  ) {
    reader.on('running', () => {
      this.pages.clear();
    });
  }

  read(address: number, length: number): Buffer | undefined {
    if (address < 0 || address + length > this.size) return undefined;
    return readByPages(address, length, (part, size) => {
      const page = part - (part % PAGE_SIZE);
      if (!this.pages.has(page)) this.wanted.add(page);
      return this.pages.get(page)?.subarray(part - page, part - page + size);
    });
  }

  async settle<T>(work: () => T): Promise<T> {
    for (;;) {
      this.wanted.clear();
      const outcome = attempt(work);
      if (this.wanted.size === 0 || this.reader.isRunning) {
        if ('error' in outcome) throw outcome.error;
        return outcome.result;
      }
      for (const page of [...this.wanted]) this.pages.set(page, await this.reader.readPhysical(page, PAGE_SIZE));
    }
  }
}

/** Work that fails may only lack a page. */
function attempt<T>(work: () => T): { result: T } | { error: unknown } {
  try {
    return { result: work() };
  } catch (error) {
    return { error };
  }
}
