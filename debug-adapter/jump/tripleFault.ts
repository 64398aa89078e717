/**
 * Why a machine was reset. With `-action reboot=shutdown,shutdown=pause` it stands where it died, its registers intact.
 * Source: Intel SDM volume 3, section 6.15, "Interrupt 8: Double Fault Exception".
 */

/** A descriptor table register. `limit` is the offset of its last byte; an empty table has 0. */
export interface DescriptorTable {
  base: number;
  limit: number;
}

/** What the monitor shows of a CPU that gdb does not. */
export interface SystemRegisters {
  gdt: DescriptorTable;
  idt: DescriptorTable;
}

/** Reads QEMU's `info registers`. Returns `undefined` when the tables are not in it. */
export function parseSystemRegisters(monitor: string): SystemRegisters | undefined {
  const table = (name: string): DescriptorTable | undefined => {
    const [, base, limit] = new RegExp(`^${name}=\\s*([0-9a-f]+) ([0-9a-f]+)`, 'm').exec(monitor) ?? [];
    return base && limit ? { base: parseInt(base, 16), limit: parseInt(limit, 16) } : undefined;
  };
  const [gdt, idt] = [table('GDT'), table('IDT')];
  return gdt && idt && { gdt, idt };
}

/** Instructions that read the GDT: loads of a segment register, far jumps, calls and returns. */
const LOADS_SEGMENT = /\b(mov\w*\s.*,%(?:[c-gs]s)|pop\w*\s+%[d-gs]s|l[d-gs]s|ljmp|lcall|lret|iret|ltr|lldt)\b/;

/**
 * Explains a reset in a sentence.
 * @param instruction the instruction at the program counter, in AT&T syntax.
 */
export function explainReset(instruction: string, registers: SystemRegisters | undefined): string {
  if (!registers) return 'The machine was reset: a triple fault, or a reboot';
  const { gdt, idt } = registers;
  if (gdt.limit > 0 && idt.limit > 0) {
    return `The machine was reset at "${instruction}" with a GDT and an IDT in place: a reboot, or a fault in a handler`;
  }
  const noHandler =
    idt.limit === 0
      ? 'there is no IDT (limit 0), so that any exception ends in a triple fault'
      : 'no handler can be entered, as its code segment is in the GDT too: the exception ends in a triple fault';
  const segment = /%([c-gs]s)\b(?!.*%[c-gs]s)/.exec(instruction)?.[1];
  if (gdt.limit === 0 && LOADS_SEGMENT.test(instruction)) {
    return `Triple fault: "${instruction}" loads ${segment ? '%' + segment : 'a segment'} from an empty GDT (limit 0), and ${noHandler}`;
  }
  return `Triple fault at "${instruction}": it caused an exception, and ${noHandler}`;
}
