/**
 * Registers of CPUs: of an image's notes, and those that a kernel left with by a jump.
 * Source: include/linux/elfcore.h (struct elf_prstatus), arch/x86/include/uapi/asm/ptrace-abi.h and
 * arch/x86/include/asm/user_64.h (struct user_regs_struct), arch/x86/kernel/relocate_kernel_32.S (relocate_kernel);
 * QEMU, target/i386/arch_dump.c (struct QEMUCPUState).
 */
import type { ImageJump } from './imageJump.ts';
import type { ImageNote } from './images/memoryImage.ts';
import { readVirtual } from './pageTables/i386.ts';

/** Values by the names that gdb has for them, in the order of their source. */
export type RegisterValues = Readonly<Record<string, bigint>>;

/** Type of a note of "CORE" that has the registers of a CPU. Source: include/uapi/linux/elf.h. */
export const NT_PRSTATUS = 1;

const I386 = [
  ...['ebx', 'ecx', 'edx', 'esi', 'edi', 'ebp', 'eax', 'ds', 'es', 'fs', 'gs'],
  ...['orig_eax', 'eip', 'cs', 'eflags', 'esp', 'ss'],
] as const;
const X86_64 = [
  ...['r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi'],
  ...['orig_rax', 'rip', 'cs', 'eflags', 'rsp', 'ss', 'fs_base', 'gs_base', 'ds', 'es', 'fs', 'gs'],
] as const;
/** 16 bits in a word whose other half nobody sets. */
const SEGMENTS: ReadonlySet<string> = new Set(['cs', 'ss', 'ds', 'es', 'fs', 'gs']);
/** By the size of struct elf_prstatus, since a 64-bit core may be of an i386 kernel: where pr_reg is, and its words. */
const LAYOUTS: Readonly<Record<number, { at: number; wordSize: 4 | 8; names: readonly string[] }>> = {
  144: { at: 72, wordSize: 4, names: I386 },
  336: { at: 112, wordSize: 8, names: X86_64 },
};

/** What relocate_kernel has pushed before it saves %esp, from there on; the last is its return address into machine_kexec(). */
export const PUSHED = ['eflags', 'ebp', 'edi', 'esi', 'ebx', 'eip'] as const;

/** Registers of each CPU that an image has a note of, in the order of the notes; `undefined` for a note that is not understood. */
export function registersOfNotes(notes: readonly ImageNote[]): (RegisterValues | undefined)[] {
  return notes
    .filter(({ name, type }) => name === 'CORE' && type === NT_PRSTATUS)
    .map(({ descriptor }) => {
      const layout = LAYOUTS[descriptor.length];
      if (!layout) return undefined;
      const { at, wordSize, names } = layout;
      const word = (index: number): bigint =>
        wordSize === 8
          ? descriptor.readBigUInt64LE(at + index * wordSize)
          : BigInt(descriptor.readUInt32LE(at + index * wordSize));
      const values = names.map((name, index) => [name, SEGMENTS.has(name) ? word(index) & 0xffffn : word(index)]);
      return Object.fromEntries(values) as RegisterValues;
    });
}

/** Byte offsets in QEMU's own note of a CPU, whose numbers are of 64 bits also for i386. */
const QEMU_STATE = { general: 8, segments: 152, control: 392, size: 432 } as const;
/** r8 to r15 come between. */
const QEMU_GENERAL = { eax: 0, ebx: 1, ecx: 2, edx: 3, esi: 4, edi: 5, esp: 6, ebp: 7, eip: 16, eflags: 17 } as const;
/** Selector, limit, flags, padding, and the base at 16. */
const QEMU_SEGMENT = { names: ['cs', 'ds', 'es', 'fs', 'gs', 'ss'], size: 24, base: 16 } as const;
const QEMU_CONTROL = ['cr0', 'cr1', 'cr2', 'cr3', 'cr4'] as const;

/** Registers of each CPU of an i386 machine by QEMU's own notes, which have the segments' bases and the control registers too. */
export function registersOfQemu(notes: readonly ImageNote[]): RegisterValues[] {
  return notes
    .filter(({ name, descriptor }) => name === 'QEMU' && descriptor.length >= QEMU_STATE.size)
    .map(({ descriptor }) => {
      const low = (at: number): bigint => BigInt(descriptor.readUInt32LE(at));
      const general = Object.entries(QEMU_GENERAL).map(([name, index]) => [name, low(QEMU_STATE.general + index * 8)]);
      const segments = QEMU_SEGMENT.names.flatMap((name, index) => {
        const at = QEMU_STATE.segments + index * QEMU_SEGMENT.size;
        return [
          [name, low(at)],
          [`${name}_base`, low(at + QEMU_SEGMENT.base)],
        ];
      });
      const control = QEMU_CONTROL.map((name, index) => [name, low(QEMU_STATE.control + index * 8)]);
      return Object.fromEntries([...general, ...segments, ...control]) as RegisterValues;
    });
}

/**
 * The registers that a kernel left with, as machine_kexec() will have them again at the return. Those that it does not save are left
 * out, and so are those on its stack if that cannot be read.
 */
export function registersOfJump({ saved, asItLeft }: ImageJump): RegisterValues {
  const stack = readVirtual(asItLeft, saved, saved.esp, PUSHED.length * 4);
  const pushed = stack ? PUSHED.map((name, index) => [name, BigInt(stack.readUInt32LE(index * 4))] as const) : [];
  return {
    ...Object.fromEntries(pushed),
    esp: BigInt(saved.esp + PUSHED.length * 4),
    cr0: BigInt(saved.cr0),
    cr3: BigInt(saved.cr3),
    cr4: BigInt(saved.cr4),
  };
}
