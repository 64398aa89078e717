/**
 * The registers of QEMU's i386 `g` packet, laid out as its target description says.
 * Source: QEMU gdb-xml/i386-32bit.xml; "Debugging with GDB", appendix G, Target Descriptions.
 */

/** One register: byte offset and bytes in the `g` packet. */
export interface RegisterSlot {
  name: string;
  number: number;
  offset: number;
  size: number;
}

/** Registers as the `g` packet holds them. */
export class RegisterLayout {
  private readonly slots: Map<string, RegisterSlot>;
  /** Bytes of the whole packet. */
  readonly size: number;

  private constructor(slots: RegisterSlot[]) {
    this.slots = new Map(slots.map((slot) => [slot.name, slot]));
    this.size = slots.reduce((size, slot) => Math.max(size, slot.offset + slot.size), 0);
  }

  /**
   * Reads a target description. Registers inside XML comments do not exist: QEMU's file has some, and counting them
   * shifts every offset behind them.
   */
  static parse(targetXml: string): RegisterLayout {
    const slots: RegisterSlot[] = [];
    let offset = 0;
    let number = 0;
    for (const [, attributes] of targetXml.replace(/<!--[\s\S]*?-->/g, '').matchAll(/<reg\s([^>]*)>/g)) {
      const attribute = (name: string): string | undefined =>
        new RegExp(`\\b${name}="([^"]*)"`).exec(attributes ?? '')?.[1];
      const size = Number(attribute('bitsize')) / 8;
      number = Number(attribute('regnum') ?? number);
      slots.push({ name: attribute('name') ?? '', number, offset, size });
      offset += size;
      number++;
    }
    return new RegisterLayout(slots);
  }

  has(name: string): boolean {
    return this.slots.has(name);
  }

  /** A register of at most 32 bits. @throws RangeError for a name that the description does not have. */
  get(registers: Buffer, name: string): number {
    return registers.readUInt32LE(this.slot(name).offset);
  }

  set(registers: Buffer, name: string, value: number): void {
    registers.writeUInt32LE(value >>> 0, this.slot(name).offset);
  }

  /** All registers as a stop reply has them: `number:value;`, in hexadecimal, the value in the target's byte order. */
  expedited(registers: Buffer): string {
    const values = registers.toString('hex');
    let text = '';
    for (const { number, offset, size } of this.slots.values()) {
      text += `${number.toString(16).padStart(2, '0')}:${values.slice(2 * offset, 2 * (offset + size))};`;
    }
    return text;
  }

  private slot(name: string): RegisterSlot {
    const slot = this.slots.get(name);
    if (!slot) throw new RangeError(`The target description has no register ${name}`);
    return slot;
  }
}
