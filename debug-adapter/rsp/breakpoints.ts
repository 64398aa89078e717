/** Breakpoints that belong to a kernel, and what QEMU must be told when another kernel goes live. */

/** Kinds of the RSP packets Z0 to Z4: software, hardware, write watch, read watch, access watch. */
export type BreakpointKind = 0 | 1 | 2 | 3 | 4;

/** A breakpoint or watchpoint. `address` is virtual, or physical where paging is off; `length` is in bytes. */
export interface Breakpoint {
  kind: BreakpointKind;
  address: number;
  length: number;
}

/** The owner of a breakpoint: a kernel's gdb, or the tracker of the jump. */
export type Owner = string;

/** `kind,address,length` as in a Z packet, which is also the identity of a breakpoint. */
export function packetArguments({ kind, address, length }: Breakpoint): string {
  return `${kind},${address.toString(16)},${length.toString(16)}`;
}

/** A packet that changes what QEMU holds, and the breakpoint that it changes. */
export interface ArmingChange {
  packet: string;
  key: string;
  isRemoval: boolean;
}

/** Who wants which breakpoint, and which of them are armed in QEMU. Pure: the router sends the packets. */
export class BreakpointTable {
  private readonly wanted = new Map<Owner, Map<string, Breakpoint>>();
  private readonly armed = new Set<string>();

  insert(owner: Owner, breakpoint: Breakpoint): void {
    let own = this.wanted.get(owner);
    if (!own) this.wanted.set(owner, (own = new Map<string, Breakpoint>()));
    own.set(packetArguments(breakpoint), breakpoint);
  }

  remove(owner: Owner, breakpoint: Breakpoint): void {
    this.wanted.get(owner)?.delete(packetArguments(breakpoint));
  }

  /** Debug registers that an owner's breakpoints take. */
  debugRegistersOf(owner: Owner): number {
    return [...(this.wanted.get(owner)?.values() ?? [])].filter(({ kind }) => kind > 0).length;
  }

  /** Forgets all breakpoints of an owner. */
  clear(owner: Owner): void {
    this.wanted.delete(owner);
  }

  /** Whether an owner has an instruction breakpoint at an address. */
  has(owner: Owner, address: number): boolean {
    return [...(this.wanted.get(owner)?.values() ?? [])].some((own) => own.kind <= 1 && own.address === address);
  }

  /** Whether QEMU holds an instruction breakpoint at an address: `c` from there would not get past it. */
  isArmedAt(address: number): boolean {
    return ['0', '1'].some((kind) => this.armed.has(`${kind},${address.toString(16)},1`));
  }

  /** The packets that make QEMU hold exactly the breakpoints of these owners; call `acknowledge` for each sent. */
  changesFor(owners: readonly Owner[]): ArmingChange[] {
    const target = new Set<string>();
    for (const owner of owners) for (const key of this.wanted.get(owner)?.keys() ?? []) target.add(key);
    const changes: ArmingChange[] = [];
    for (const key of this.armed) if (!target.has(key)) changes.push({ packet: `z${key}`, key, isRemoval: true });
    for (const key of target) if (!this.armed.has(key)) changes.push({ packet: `Z${key}`, key, isRemoval: false });
    return changes;
  }

  /** Records that QEMU took a packet of `changesFor`. */
  acknowledge({ key, isRemoval }: ArmingChange): void {
    if (isRemoval) this.armed.delete(key);
    else this.armed.add(key);
  }
}
