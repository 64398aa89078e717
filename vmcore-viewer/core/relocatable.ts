/**
 * Where kexec-tools puts the sections of a relocatable object (purgatory) when it loads it at a base address.
 * Source: kexec-tools, kexec/kexec-elf-rel.c, elf_rel_build_load(); ELF specification, section header.
 */
import { readFileSync } from 'node:fs';
import { notAnElfFile } from './errors.ts';

/** A section in memory. `address` is as `base`, physical for purgatory. */
export interface LoadedSection {
  name: string;
  address: number;
}

const SHT_NOBITS = 8;
const SHF_ALLOC = 2;
const HEADER_SIZE = 40;
const LARGEST_OBJECT = 16 << 20;

/**
 * The sections that are in memory, in the order of their headers: first those with bytes, behind them those without.
 * @throws MemoryError when the file is no ELF32 object; the system's error when it cannot be read.
 */
export function loadedSections(path: string, base: number): LoadedSection[] {
  const file = readFileSync(path);
  if (file.length < 52 || file.toString('latin1', 0, 5) !== '\x7fELF\x01')
    throw notAnElfFile(path, 'it is no ELF32 file');
  const [table, count, nameSection] = [file.readUInt32LE(32), file.readUInt16LE(48), file.readUInt16LE(50)];
  const end = table + count * HEADER_SIZE;
  if (end > file.length || file.length > LARGEST_OBJECT || nameSection >= count) {
    throw notAnElfFile(path, 'its section headers lie outside of it');
  }
  const headers = Array.from({ length: count }, (_, index) => {
    const at = table + index * HEADER_SIZE;
    const word = (field: number): number => file.readUInt32LE(at + field);
    return { name: word(0), type: word(4), flags: word(8), offset: word(16), size: word(20), align: word(32) || 1 };
  }) as { name: number; type: number; flags: number; offset: number; size: number; align: number }[];
  const names = headers[nameSection]!.offset;
  const nameOf = (at: number): string => file.toString('latin1', names + at, file.indexOf(0, names + at));
  const inMemory = headers.filter(({ flags }) => flags & SHF_ALLOC);
  const sections: LoadedSection[] = [];
  let address = base;
  for (const hasBytes of [true, false]) {
    for (const { name, align, size, type } of inMemory) {
      if ((type !== SHT_NOBITS) !== hasBytes) continue;
      address = Math.ceil(address / align) * align;
      sections.push({ name: nameOf(name), address });
      address += size;
    }
  }
  return sections;
}
