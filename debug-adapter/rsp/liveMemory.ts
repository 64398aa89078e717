/**
 * The live kernel's memory, read from the guest RAM file: 20 times as fast as through QEMU's gdbstub, whose packets hold
 * 2 KB in hexadecimal. What is no plain RAM is left to the stub.
 */
import { physicalRuns } from '../../vmcore-viewer/core/pageTables/i386.ts';
import { readRuns } from '../../vmcore-viewer/core/physicalRuns.ts';
import type { PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { RspClient } from './client.ts';
import type { RegisterLayout } from './registers.ts';

/** Source: Intel SDM volume 3, section 2.5. */
export const CR0_PG = 0x80000000;

/** VGA memory and ROMs of a PC: the file has bytes there too, but the CPU sees others. */
const HOLE = { start: 0xa0000, end: 0x100000 } as const;

/** RAM of a PC below 3 GiB, where address and file offset are the same. */
class PlainRam implements PhysicalMemory {
  readonly size: number;

  constructor(private readonly file: PhysicalMemory) {
    this.size = file.size;
  }

  read(address: number, length: number, scratch?: Buffer): Buffer | undefined {
    const touchesHole = address < HOLE.end && address + length > HOLE.start;
    return touchesHole ? undefined : this.file.read(address, length, scratch);
  }
}

export class LiveMemory {
  /** RAM as the CPU sees it at a physical address, without what is no plain RAM. */
  readonly physical: PhysicalMemory;

  constructor(
    ramFile: PhysicalMemory,
    private readonly layout: RegisterLayout,
  ) {
    this.physical = new PlainRam(ramFile);
  }

  /**
   * Reads at a virtual address (physical while paging is off) of a stopped machine.
   * @param registers its `g` packet.
   * @returns the bytes, or `undefined` when the stub has to be asked: it is no plain RAM.
   */
  read(registers: Buffer, address: number, length: number): Buffer | 'not mapped' | undefined {
    const get = (name: string): number => this.layout.get(registers, name);
    if ((get('cr0') & CR0_PG) === 0) return this.physical.read(address, length);
    // Without a RAM file nothing is known of the page tables.
    if (this.physical.size === 0) return undefined;
    const runs = physicalRuns(this.physical, { cr3: get('cr3'), cr4: get('cr4') }, address, length);
    return runs ? readRuns(this.physical, runs) : 'not mapped';
  }
}

/** Longest piece of memory that QEMU takes in one packet, in bytes. */
const LONGEST_PIECE = 2000;

/** Reads memory through the gdbstub, or `undefined` when any of it is not mapped. */
export async function readThroughStub(qemu: RspClient, address: number, length: number): Promise<Buffer | undefined> {
  const answers = pieces(length).map(async ({ at, size }) =>
    qemu.request(`m${(address + at).toString(16)},${size.toString(16)}`),
  );
  const read = await Promise.all(answers);
  return read.some((answer) => /^E..$/.test(answer)) ? undefined : Buffer.from(read.join(''), 'hex');
}

/** Writes memory through the gdbstub, which then drops what it has translated of it. @returns whether all is mapped. */
export async function writeThroughStub(qemu: RspClient, address: number, bytes: Buffer): Promise<boolean> {
  const answers = pieces(bytes.length).map(async ({ at, size }) => {
    const data = bytes.toString('hex', at, at + size);
    return qemu.request(`M${(address + at).toString(16)},${size.toString(16)}:${data}`);
  });
  return (await Promise.all(answers)).every((answer) => answer === 'OK');
}

/**
 * Lets the gdbstub take addresses as physical for a moment. Source: QEMU, docs/system/gdb.rst.
 * @param send sends all its requests at once, so that no other packet comes in between.
 */
export async function inPhysicalMode<T>(qemu: RspClient, send: () => Promise<T>): Promise<T> {
  const on = qemu.request('Qqemu.PhyMemMode:1');
  const answer = send();
  const off = qemu.request('Qqemu.PhyMemMode:0');
  const [result] = await Promise.all([answer, on, off]);
  return result;
}

/** Offsets and sizes of the packets that a length takes. */
function pieces(length: number): { at: number; size: number }[] {
  return Array.from({ length: Math.ceil(length / LONGEST_PIECE) }, (_, index) => {
    const at = index * LONGEST_PIECE;
    return { at, size: Math.min(LONGEST_PIECE, length - at) };
  });
}
