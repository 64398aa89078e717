/** Where the fields of a kernel's structures are, whoever knows: gdb by the debug information, or the kernel's own BTF. */
import { fieldUnknown } from './errors.ts';

/** A member of a structure, by a path of names: "task_struct.thread.sp". */
export type Field = `${string}.${string}`;

export interface KernelStructs {
  /** Who knows, for a sentence: "structures in …". */
  readonly from: string;
  /** Bytes from the beginning of the structure. */
  offsetOf(field: Field): number | undefined;
}

/** The offsets of some fields. @throws MemoryError when one is not known. */
export function offsetsOf<Name extends Field>(structs: KernelStructs, fields: readonly Name[]): Record<Name, number> {
  const offset = (field: Name): number => {
    const known = structs.offsetOf(field);
    if (known === undefined) throw fieldUnknown(structs.from, field);
    return known;
  };
  return Object.fromEntries(fields.map((field) => [field, offset(field)])) as Record<Name, number>;
}
