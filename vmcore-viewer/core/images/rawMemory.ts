/** Raw memory: a file whose byte n is the byte at physical address n, as the RAM file of a QEMU. */
import { rawMemoryCutOff } from '../errors.ts';
import { PAGE_SIZE } from '../physicalMemory.ts';
import { readBytes, type FileBytes } from './fileBytes.ts';
import { withoutHoles } from './holes.ts';
import { bytesText } from './imageText.ts';
import { PRESENCE, type ImageFact, type MemoryImage, type PresenceCount } from './memoryImage.ts';
import type { MemoryRange, MemoryRegion } from './memoryImage.ts';

/** An image without any description. The file may grow or change while it is read. */
export class RawMemory implements MemoryImage {
  readonly paths: readonly string[];
  readonly container = 'raw';
  readonly bits = undefined;
  readonly flattened = false;
  readonly format = 'raw memory';
  readonly machine = undefined;
  readonly pageSize = PAGE_SIZE;
  readonly size: number;
  readonly facts: readonly ImageFact[];
  readonly regions: readonly MemoryRegion[];
  readonly notes = [];
  readonly vmcoreInfo = undefined;
  readonly entry = undefined;
  readonly dumpLevel = undefined;
  readonly problems: readonly string[];
  /** Memory is whole pages. */
  readonly complete: boolean;

  /** @param file is closed with this. */
  constructor(private readonly file: FileBytes) {
    this.paths = [file.path];
    this.size = file.size;
    this.complete = file.size % PAGE_SIZE === 0;
    this.problems = this.complete ? [] : [rawMemoryCutOff(file.path, file.size)];
    const range = { address: 0, length: file.size };
    this.regions = [
      { ...range, name: 'file', present: file.size, fileOffset: 0, virtualAddress: undefined, remark: undefined },
    ];
    this.facts = [
      { label: 'Format', value: this.format },
      { label: 'Memory', value: bytesText(this.size) },
    ];
  }

  read(address: number, length: number, scratch?: Buffer): Buffer | undefined {
    return readBytes(this.file, address, length, scratch);
  }

  presence(firstPfn: number, count: number): Uint8Array {
    const pages = new Uint8Array(count);
    const { present } = this.countPresence();
    pages.fill(PRESENCE.present, Math.max(0, -firstPfn), Math.max(0, present - firstPfn));
    if (!this.complete && present >= firstPfn && present < firstPfn + count) {
      pages[present - firstPfn] = PRESENCE.unreadable;
    }
    return pages;
  }

  countPresence(): PresenceCount {
    return { absent: 0, present: Math.floor(this.size / PAGE_SIZE), filtered: 0, unreadable: this.complete ? 0 : 1 };
  }

  *presentRanges(): Iterable<MemoryRange> {
    yield { address: 0, length: this.size };
  }

  dataRanges(): Iterable<MemoryRange> {
    return withoutHoles({ address: 0, length: this.size }, 0, this.file.holes);
  }

  close(): void {
    this.file.close();
  }
}
