/** What functions of a vmlinux call, read from their bytes alone: no gdb, no machine. Source: Intel SDM volume 2 (CALL, LGDT, MOV). */
import { UserFacingError } from '../../qemu-runner/errors.ts';
import type { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import { controlCodeOf } from '../jump/controlCode.ts';

/** What is read of a vmlinux. */
export type KernelBytes = Pick<KernelFile, 'symbol' | 'bytesAt'>;

const CALL = 0xe8;
const CALL_LENGTH = 5;
/** 0f 01 /2 */
const LGDT = [0x0f, 0x01] as const;
const LGDT_FIELD = 2;
/** mov %eax,%cr4 and mov %eax,%cr0 */
const SETS_CR4 = Buffer.from([0x0f, 0x22, 0xe0]);
const SETS_CR0 = Buffer.from([0x0f, 0x22, 0xc0]);

/** Functions that load a GDT. Source: arch/x86/kernel/cpu/common.c, arch/x86/include/asm/desc.h. */
const GDT_LOADERS = ['load_fixmap_gdt', 'load_direct_gdt', 'native_load_gdt', 'switch_gdt_and_percpu_base'];

/**
 * Whether a function has a call of another one. Instructions are not told apart: that five bytes in between make such a call by chance
 * is as likely as guessing 32 bits.
 */
export function calls(file: KernelBytes, caller: string, callee: string): boolean {
  const target = file.symbol(callee)?.address;
  const found = bytesOf(file, caller);
  if (target === undefined || !found) return false;
  const { address, bytes } = found;
  for (let at = bytes.indexOf(CALL); at >= 0 && at + CALL_LENGTH <= bytes.length; at = bytes.indexOf(CALL, at + 1)) {
    if ((address + at + CALL_LENGTH + bytes.readInt32LE(at + 1)) >>> 0 === target) return true;
  }
  return false;
}

/**
 * Whether machine_kexec() loads a GDT once more behind the return of a jump: it makes the one in use invalid itself before it leaves.
 * `undefined` when there is no such function, or what it does is not understood.
 */
export function reloadsGdt(file: KernelBytes): boolean | undefined {
  const found = bytesOf(file, 'machine_kexec');
  if (!found || !calls(file, 'machine_kexec', 'restore_processor_state')) return undefined;
  if (GDT_LOADERS.some((name) => calls(file, 'machine_kexec', name))) return true;
  return lgdtCount(found.bytes) > 1 ? undefined : false;
}

/**
 * Whether relocate_kernel sets CR4 when its own pages are back and before it switches paging on: its peer has cleared it, and with it
 * PAE. `undefined` when what it does is not understood.
 */
export function setsCr4Again(file: KernelBytes & { path: string }): boolean | undefined {
  try {
    const { swappedBack, swapPages } = controlCodeOf(file);
    const start = file.symbol('relocate_kernel')!.address;
    const code = file.bytesAt(start + swappedBack, swapPages - swappedBack);
    const paging = code?.indexOf(SETS_CR0) ?? -1;
    return paging < 0 ? undefined : code!.subarray(0, paging).includes(SETS_CR4);
  } catch (error) {
    if (error instanceof UserFacingError) return undefined;
    throw error;
  }
}

/** Whether machine_kexec() puts the CPU's registers into the crash notes before it leaves. */
export function savesRegisters(file: KernelBytes): boolean | undefined {
  return bytesOf(file, 'machine_kexec') && calls(file, 'machine_kexec', 'crash_save_cpu');
}

function lgdtCount(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + LGDT.length < bytes.length; at++) {
    const isLgdt = bytes[at] === LGDT[0] && bytes[at + 1] === LGDT[1] && ((bytes[at + 2]! >> 3) & 7) === LGDT_FIELD;
    if (isLgdt) count++;
  }
  return count;
}

function bytesOf(file: KernelBytes, name: string): { address: number; bytes: Buffer } | undefined {
  const symbol = file.symbol(name);
  const bytes = symbol && symbol.size > 0 ? file.bytesAt(symbol.address, symbol.size) : undefined;
  return symbol && bytes ? { address: symbol.address, bytes } : undefined;
}
