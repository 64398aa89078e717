/** What QEMU's monitor shows of the CPUs, of which gdb knows no descriptor tables. Source: QEMU, target/i386/cpu-dump.c. */

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

/** A CPU as it stands. */
export interface CpuState extends SystemRegisters {
  /** From 0. */
  number: number;
  /** Linear address of the instruction. */
  pc: number;
  cr0: number;
  cr3: number;
  cr4: number;
}

/** Reads `info registers`. Returns `undefined` when the tables are not in it. */
export function parseSystemRegisters(monitor: string): SystemRegisters | undefined {
  const table = (name: string): DescriptorTable | undefined => {
    const [, base, limit] = new RegExp(`^${name}=\\s*([0-9a-f]+) ([0-9a-f]+)`, 'm').exec(monitor) ?? [];
    return base && limit ? { base: parseInt(base, 16), limit: parseInt(limit, 16) } : undefined;
  };
  const [gdt, idt] = [table('GDT'), table('IDT')];
  return gdt && idt && { gdt, idt };
}

/** Reads `info registers -a`: all CPUs, in their order, of which it shows all of this. */
export function parseCpus(monitor: string): CpuState[] {
  return [...monitor.matchAll(/^CPU#(\d+)\s([^]*?)(?=^CPU#|$(?![^]))/gm)].flatMap(([, number = '', text = '']) => {
    const tables = parseSystemRegisters(text);
    const values = [/\bEIP=([0-9a-f]+)/, /^CS =[0-9a-f]+ ([0-9a-f]+)/m, /\bCR0=(\S+)/, /\bCR3=(\S+)/, /\bCR4=(\S+)/]
      .map((pattern) => pattern.exec(text)?.[1])
      .map((digits) => (digits === undefined ? NaN : parseInt(digits, 16)));
    if (!tables || values.some((value) => Number.isNaN(value))) return [];
    const [eip, codeBase, cr0, cr3, cr4] = values as [number, number, number, number, number];
    return [{ number: Number(number), ...tables, pc: (codeBase + eip) >>> 0, cr0, cr3, cr4 }];
  });
}
