/**
 * The struct pages of a SPARSEMEM kernel: an array for each section of memory, which with SPARSEMEM_VMEMMAP lie one behind
 * the other in virtual memory. Source: include/linux/mmzone.h (struct mem_section, __nr_to_section), mm/sparse.c
 * (sparse_encode_mem_map), arch/x86/include/asm/sparsemem.h; makedumpfile.c (get_mm_sparsemem).
 */
import { kernelVariableUnusable, vmcoreInfoWrong } from './errors.ts';
import type { KernelMemory } from './kernelMemory.ts';
import type { MemoryMap } from './memoryMap.ts';
import { PAGE_SIZE } from './physicalMemory.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

/** In mem_section.section_mem_map. */
const SECTION_HAS_MEM_MAP = 2n;
/** All flags are below: how many there are differs between versions, but the arrays begin at page borders. */
const FLAGS_END = BigInt(PAGE_SIZE);
/** Bytes; three or four words in all kernels. */
const LARGEST_SECTION = 128;
/** SPARSEMEM_EXTREME with 52 bits of physical addresses has 2 ** 18 roots; another kernel 2 ** 19 sections. */
const LONGEST_ARRAY = 1 << 20;

/** Neighbouring entries of mem_section. */
interface SectionBlock {
  firstSection: number;
  count: number;
  /** Virtual address of the first one. */
  address: bigint;
}

/**
 * A run for each stretch of sections whose struct pages lie one behind the other.
 * @throws MemoryError when keys are missing or cannot be true, or there is a section where no memory can be.
 */
export function findSectionMaps(kernel: KernelMemory, info: VmcoreInfo): MemoryMap[] {
  const keys = ['LENGTH(mem_section)', 'SIZE(mem_section)', 'OFFSET(mem_section.section_mem_map)'];
  info.expect(keys, 'finding the struct pages');
  const [sizeBits, physicalBits] = bitsOf(kernel, info);
  const size = info.size('mem_section')!;
  const field = info.offset('mem_section.section_mem_map')!;
  if (size < kernel.wordSize || size > LARGEST_SECTION || field < 0 || field + kernel.wordSize > size) {
    throw vmcoreInfoWrong('SIZE(mem_section)', size, `section_mem_map is at ${field} in it`);
  }
  const pagesPerSection = 2 ** sizeBits / PAGE_SIZE;
  const structPage = info.size('page')!;
  const maps: MemoryMap[] = [];
  for (const { firstSection, count, address } of sectionBlocks(kernel, info, size, 2 ** (physicalBits - sizeBits))) {
    const sections = read(kernel, address, count * size);
    for (let index = 0; index < count; index++) {
      const coded = word(kernel, sections, index * size + field);
      if ((coded & SECTION_HAS_MEM_MAP) === 0n) continue;
      const firstPfn = (firstSection + index) * pagesPerSection;
      const endPfn = firstPfn + pagesPerSection;
      if (endPfn > kernel.pfnLimit) throw kernelVariableUnusable('mem_section', address, `it has pfn ${firstPfn}`);
      // What is told is where the array would begin if its first page were that of pfn 0.
      const map = BigInt.asUintN(kernel.wordSize * 8, coded - (coded % FLAGS_END) + BigInt(firstPfn * structPage));
      const last = maps.at(-1);
      const follows =
        last?.endPfn === firstPfn && last.address + BigInt((firstPfn - last.firstPfn) * structPage) === map;
      if (follows) last.endPfn = endPfn;
      else maps.push({ firstPfn, endPfn, address: map });
    }
  }
  return maps;
}

/** SECTION_SIZE_BITS and MAX_PHYSMEM_BITS; kernels before 5.14 do not tell both, but then they are these. */
function bitsOf(kernel: KernelMemory, info: VmcoreInfo): [sizeBits: number, physicalBits: number] {
  const isPae = info.config('X86_PAE');
  const usual = kernel.wordSize === 8 ? [27, info.number('pgtable_l5_enabled') ? 52 : 46] : isPae ? [29, 36] : [26, 32];
  const sizeBits = info.number('SECTION_SIZE_BITS') ?? usual[0]!;
  const physicalBits = info.number('MAX_PHYSMEM_BITS') ?? usual[1]!;
  if (sizeBits < 20 || sizeBits > 40) {
    throw vmcoreInfoWrong('NUMBER(SECTION_SIZE_BITS)', sizeBits, 'it is not between 20 and 40');
  }
  if (physicalBits < sizeBits || physicalBits > 52) {
    throw vmcoreInfoWrong('NUMBER(MAX_PHYSMEM_BITS)', physicalBits, `it is not between ${sizeBits} and 52`);
  }
  return [sizeBits, physicalBits];
}

/** mem_section is an array of all sections, or with SPARSEMEM_EXTREME of pointers to pages that are full of them. */
function* sectionBlocks(
  kernel: KernelMemory,
  info: VmcoreInfo,
  size: number,
  sections: number,
): Generator<SectionBlock> {
  const address = info.symbol('mem_section')!;
  const length = info.arrayLength('mem_section')!;
  const perRoot = Math.floor(PAGE_SIZE / size);
  const isExtreme = length === Math.ceil(sections / perRoot);
  if (length > LONGEST_ARRAY || (length !== sections && !isExtreme)) {
    throw vmcoreInfoWrong('LENGTH(mem_section)', length, `there are ${sections} sections, ${perRoot} in a page`);
  }
  if (!isExtreme) {
    yield { firstSection: 0, count: length, address };
    return;
  }
  const roots = read(kernel, address, length * kernel.wordSize);
  for (let root = 0; root < length; root++) {
    const pointer = word(kernel, roots, root * kernel.wordSize);
    if (pointer !== 0n) yield { firstSection: root * perRoot, count: perRoot, address: pointer };
  }
}

function read(kernel: KernelMemory, address: bigint, length: number): Buffer {
  const bytes = kernel.read(address, length);
  if (!bytes) throw kernelVariableUnusable('mem_section', address, `its ${length} bytes are not in memory`);
  return bytes;
}

const word = (kernel: KernelMemory, bytes: Buffer, at: number): bigint =>
  kernel.wordSize === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
