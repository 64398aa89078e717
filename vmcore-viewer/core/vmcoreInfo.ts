/**
 * VMCOREINFO: what a kernel tells about itself, so that its memory can be read without its vmlinux.
 * Source: kernel/crash_core.c (crash_save_vmcoreinfo_init), include/linux/crash_core.h (VMCOREINFO_*),
 * Documentation/admin-guide/kdump/vmcoreinfo.rst.
 */
import { vmcoreInfoIncomplete } from './errors.ts';

/** Keys whose values are numbers, as the kernel writes them. */
const HEXADECIMAL = /^(?:SYMBOL\(.+\)|KERNELOFFSET)$/;
const DECIMAL = /^(?:(?:SIZE|OFFSET|LENGTH|NUMBER)\(.+\)|PAGESIZE|CRASHTIME)$/;

/** The decoded text. A key that is missing, or whose value is no number where one belongs, is `undefined`. */
export class VmcoreInfo {
  private readonly values = new Map<string, string>();

  /** @param text lines of `KEY=VALUE`; what follows a zero byte is ignored, and of two lines with one key the first counts. */
  constructor(text: string | Buffer) {
    const [lines = ''] = (typeof text === 'string' ? text : text.toString('latin1')).split('\0', 1);
    for (const line of lines.split('\n')) {
      const equals = line.indexOf('=');
      if (equals <= 0) continue;
      const key = line.slice(0, equals);
      if (!this.values.has(key)) this.values.set(key, line.slice(equals + 1));
    }
  }

  /** All keys, in the order of the text. */
  get keys(): string[] {
    return [...this.values.keys()];
  }

  /** The value as it is written. */
  text(key: string): string | undefined {
    return this.values.get(key);
  }

  /** `uname -r` of the kernel. */
  get release(): string | undefined {
    return this.values.get('OSRELEASE');
  }

  /** Hexadecimal digits of the build id, which tells one build from another. */
  get buildId(): string | undefined {
    return this.values.get('BUILD-ID');
  }

  /** Bytes. */
  get pageSize(): number | undefined {
    return this.integer('PAGESIZE');
  }

  /** Bytes by which KASLR moved the kernel; i386 does not tell it. */
  get kernelOffset(): bigint | undefined {
    return this.value('KERNELOFFSET');
  }

  /** Seconds since 1970; there only after a panic. */
  get crashTime(): number | undefined {
    return this.integer('CRASHTIME');
  }

  /** Virtual address of a symbol, as the kernel runs. */
  symbol(name: string): bigint | undefined {
    return this.value(`SYMBOL(${name})`);
  }

  /** Bytes of a type. */
  size(type: string): number | undefined {
    return this.integer(`SIZE(${type})`);
  }

  /** Bytes from the start of a structure to a field, which is named `structure.field`. */
  offset(field: string): number | undefined {
    return this.integer(`OFFSET(${field})`);
  }

  /** Elements of an array. */
  arrayLength(array: string): number | undefined {
    return this.integer(`LENGTH(${array})`);
  }

  /** A constant of the kernel; `undefined` also when a double cannot hold it. */
  number(name: string): number | undefined {
    return this.integer(`NUMBER(${name})`);
  }

  /** Whether a configuration option is said to be set; only a few are ever told. @param option without `CONFIG_`. */
  config(option: string): boolean {
    return this.values.get(`CONFIG_${option}`) === 'y';
  }

  /** Those of the keys, written as in the text, that have no usable value. */
  missing(keys: readonly string[]): string[] {
    return keys.filter((key) => {
      if (HEXADECIMAL.test(key)) return this.value(key) === undefined;
      return DECIMAL.test(key) ? this.integer(key) === undefined : !this.values.has(key);
    });
  }

  /** @throws MemoryError that names those of the keys that have no usable value, and what they are needed for. */
  expect(keys: readonly string[], purpose: string): void {
    const missing = this.missing(keys);
    if (missing.length > 0) throw vmcoreInfoIncomplete(this.release, missing, purpose);
  }

  private integer(key: string): number | undefined {
    const value = Number(this.value(key));
    return Number.isSafeInteger(value) ? value : undefined;
  }

  private value(key: string): bigint | undefined {
    const text = this.values.get(key) ?? '';
    if (HEXADECIMAL.test(key)) return /^[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text}`) : undefined;
    return /^-?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  }
}
