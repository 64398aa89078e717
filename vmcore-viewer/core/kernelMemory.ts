/**
 * Virtual memory of the kernel that a VMCOREINFO describes, for each kind of page tables of x86.
 * Source: arch/x86/Kconfig (PAGE_OFFSET), arch/x86/include/asm/page_64_types.h (__START_KERNEL_map),
 * include/uapi/linux/utsname.h (struct new_utsname).
 */
import { kernelMemoryNotFound, kernelVariableUnusable } from './errors.ts';
import { CR4_PAE, readVirtual, translate, type PagingRegisters } from './pageTables/i386.ts';
import { PageTablesX8664 } from './pageTables/x86_64.ts';
import type { Translation } from './pageTables/walk.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

/** Reads what a kernel has mapped for itself. Addresses are virtual, and bigints: those of x86_64 are beyond 2^53. */
export interface KernelMemory {
  /** Bytes of a pointer and of an unsigned long. */
  readonly wordSize: 4 | 8;
  /** Where the direct mapping begins, in which physical 0 is: PAGE_OFFSET. `undefined` when it is not in the image. */
  readonly pageOffset: bigint | undefined;
  /** Virtual minus physical address of the kernel's image, its code and data. */
  readonly imageOffset: bigint;
  /** One more than the highest pfn that is believed. */
  readonly pfnLimit: number;
  /** Reads bytes, or `undefined` when any of them is not mapped or not there. @param scratch as of `PhysicalMemory.read()`. */
  read(address: bigint, length: number, scratch?: Buffer): Buffer | undefined;
  /** Where an address leads, step by step, or `undefined` when it is not mapped. */
  translate(address: bigint): Translation | undefined;
}

/** By how the memory is split between programs and kernel: VMSPLIT_3G, _3G_OPT, _2G, _2G_OPT, _1G. */
const PAGE_OFFSETS = [0xc0000000, 0xb0000000, 0x80000000, 0x78000000, 0x40000000] as const;
const ADDRESSES_END = 0x1_0000_0000;
const START_KERNEL_MAP = 0xffffffff80000000n;
/** `release` is the third field of struct new_utsname, each of __NEW_UTS_LEN + 1 bytes. */
const UTS_FIELD = 65;

/** What the page tables of i386 lead to, in pages: 4 GiB, and 64 GiB with PAE. */
const PFN_LIMIT_I386 = 1 << 20;
const PFN_LIMIT_PAE = 1 << 24;
/** 4 TiB, so that a damaged image cannot make us take more than 1 GiB for a byte a page. */
const PFN_LIMIT_X86_64 = 1 << 30;

/**
 * The kernel's memory through its page tables; on i386 by the fixed offset of low memory where those are not in the image.
 * Either is believed when it leads to the release that VMCOREINFO names.
 * @param info VMCOREINFO of an x86 kernel.
 * @throws MemoryError when keys are missing, or the kernel is not in this memory.
 */
export function openKernelMemory(physical: PhysicalMemory, info: VmcoreInfo): KernelMemory {
  const is64Bit = (info.symbol('swapper_pg_dir') ?? 0n) >= ADDRESSES_END;
  info.expect(
    [
      ...['OSRELEASE', 'SYMBOL(swapper_pg_dir)', 'SYMBOL(init_uts_ns)', 'OFFSET(uts_namespace.name)'],
      ...(is64Bit ? ['NUMBER(phys_base)'] : []),
    ],
    'reading the memory of the kernel',
  );
  const release = info.release!;
  const names = info.symbol('init_uts_ns')! + BigInt(info.offset('uts_namespace.name')!);
  const ways = is64Bit ? [kernelOfX8664(physical, info)] : kernelsOfI386(physical, info);
  const found = ways.find(
    (way) =>
      way
        .read(names + 2n * BigInt(UTS_FIELD), UTS_FIELD)
        ?.toString('latin1')
        .split('\0')[0] === release,
  );
  if (!found) throw kernelMemoryNotFound(release, names);
  return found;
}

/** Reads bytes of something that must be there. @param name for the message. @throws MemoryError when they are not in memory. */
export function readKernelBytes(kernel: KernelMemory, name: string, address: bigint, length: number): Buffer {
  const bytes = kernel.read(address, length);
  if (!bytes) throw kernelVariableUnusable(name, address, 'it is not in memory');
  return bytes;
}

/** Reads an unsigned long or a pointer. @param name for the message. @throws MemoryError when it is not in memory. */
export function readKernelWord(kernel: KernelMemory, name: string, address: bigint): bigint {
  const bytes = readKernelBytes(kernel, name, address, kernel.wordSize);
  return kernel.wordSize === 8 ? bytes.readBigUInt64LE(0) : BigInt(bytes.readUInt32LE(0));
}

function kernelOfX8664(physical: PhysicalMemory, info: VmcoreInfo): KernelMemory {
  const imageOffset = START_KERNEL_MAP - BigInt(info.number('phys_base')!);
  const root = Number(info.symbol('swapper_pg_dir')! - imageOffset);
  const hasFiveLevels = (info.number('pgtable_l5_enabled') ?? 0) !== 0;
  const tables = new PageTablesX8664(physical, root, hasFiveLevels, info.number('sme_mask') ?? 0);
  return {
    wordSize: 8,
    pageOffset: tables.findPageOffset(),
    imageOffset,
    pfnLimit: PFN_LIMIT_X86_64,
    read: (address, length, scratch) => tables.read(address, length, scratch),
    translate: (address) => tables.translate(address),
  };
}

function kernelsOfI386(physical: PhysicalMemory, info: VmcoreInfo): KernelMemory[] {
  const isPae = info.config('X86_PAE');
  const pageDirectory = Number(info.symbol('swapper_pg_dir'));
  const isAddress = (address: bigint, length: number): boolean =>
    address >= 0n && address + BigInt(length) <= ADDRESSES_END;
  const kernel = (
    pageOffset: number,
    read: (address: number, length: number, scratch?: Buffer) => Buffer | undefined,
    explain: (address: number) => Translation | undefined,
  ): KernelMemory => ({
    wordSize: 4,
    pageOffset: BigInt(pageOffset),
    imageOffset: BigInt(pageOffset),
    pfnLimit: isPae ? PFN_LIMIT_PAE : PFN_LIMIT_I386,
    read: (address, length, scratch) =>
      isAddress(address, length) ? read(Number(address), length, scratch) : undefined,
    translate: (address) => (isAddress(address, 1) ? explain(Number(address)) : undefined),
  });
  return [
    ...PAGE_OFFSETS.map((pageOffset) => {
      const registers: PagingRegisters = { cr3: pageDirectory - pageOffset, cr4: isPae ? CR4_PAE : 0 };
      return kernel(
        pageOffset,
        (address, length, scratch) => readVirtual(physical, registers, address, length, scratch),
        (address) => translate(physical, registers, address),
      );
    }),
    ...PAGE_OFFSETS.map((pageOffset) =>
      kernel(
        pageOffset,
        (address, length, scratch) =>
          address >= pageOffset ? physical.read(address - pageOffset, length, scratch) : undefined,
        (address) =>
          address >= pageOffset
            ? { physical: address - pageOffset, steps: ['By the fixed offset of low memory'] }
            : undefined,
      ),
    ),
  ];
}

/** Bytes of a table of which some may not be there: those are zeros. */
export interface TolerantBytes {
  bytes: Buffer;
  /** Whether all of a piece is there. Offset and length in bytes. */
  has(offset: number, length: number): boolean;
}

/** Reads what is there of a table, page by page where it is not whole; `undefined` when nothing of it is. */
export function readTolerantly(kernel: KernelMemory, address: bigint, length: number): TolerantBytes | undefined {
  const whole = kernel.read(address, length);
  if (whole) return { bytes: whole, has: () => true };
  const inPage = Number(address % BigInt(PAGE_SIZE));
  const missing = new Set<number>();
  const bytes = Buffer.alloc(length);
  const pages = Math.ceil((inPage + length) / PAGE_SIZE);
  for (let page = 0; page < pages; page++) {
    const from = Math.max(0, page * PAGE_SIZE - inPage);
    const to = Math.min(length, (page + 1) * PAGE_SIZE - inPage);
    const piece = kernel.read(address + BigInt(from), to - from);
    if (piece) piece.copy(bytes, from);
    else missing.add(page);
  }
  const isThere = (at: number): boolean => !missing.has(Math.floor((inPage + at) / PAGE_SIZE));
  const has = (offset: number, size: number): boolean => {
    for (let at = offset; at < offset + size; at += PAGE_SIZE) if (!isThere(at)) return false;
    return size === 0 || isThere(offset + size - 1);
  };
  return missing.size === pages ? undefined : { bytes, has };
}
