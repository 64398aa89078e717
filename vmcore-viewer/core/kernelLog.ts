/**
 * The kernel's log (dmesg), from its printk ring buffer and VMCOREINFO alone.
 * Source: kernel/printk/printk_ringbuffer.h (struct printk_ringbuffer, DESC_*), kernel/printk/printk.c
 * (log_buf_vmcoreinfo_setup), Documentation/admin-guide/kdump/gdbmacros.txt (dmesg).
 */
import { kernelVariableUnusable, vmcoreInfoWrong } from './errors.ts';
import { readKernelBytes, readTolerantly, type KernelMemory } from './kernelMemory.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

/** A record of the log. */
export interface LogRecord {
  /** Nanoseconds since the kernel's clock began. */
  timestamp: bigint;
  /** May have several lines; control characters are as the kernel wrote them. */
  text: string;
}

/** What there is of a log. */
export interface KernelLog {
  /** The oldest first. */
  records: LogRecord[];
  /** How many records, or texts of records, are not in the image. Such a text is replaced, and a record left out. */
  lost: number;
}

/** Stands for a text that is not in the image. */
const LOST_TEXT = '(this line is not in the image)';

const KEYS = [
  ...['SYMBOL(prb)', 'SIZE(prb_desc)', 'SIZE(printk_info)', 'OFFSET(atomic_long_t.counter)'],
  ...['OFFSET(printk_ringbuffer.desc_ring)', 'OFFSET(printk_ringbuffer.text_data_ring)'],
  ...['OFFSET(prb_desc_ring.count_bits)', 'OFFSET(prb_desc_ring.descs)', 'OFFSET(prb_desc_ring.infos)'],
  ...['OFFSET(prb_desc_ring.head_id)', 'OFFSET(prb_desc_ring.tail_id)'],
  ...['OFFSET(prb_desc.state_var)', 'OFFSET(prb_desc.text_blk_lpos)'],
  ...['OFFSET(prb_data_blk_lpos.begin)', 'OFFSET(prb_data_blk_lpos.next)'],
  ...['OFFSET(printk_info.ts_nsec)', 'OFFSET(printk_info.text_len)'],
  ...['OFFSET(prb_data_ring.size_bits)', 'OFFSET(prb_data_ring.data)'],
];

/** enum desc_state: in the two highest bits of the state variable, below them is the record's id. */
const COMMITTED = 1n;
const FINALIZED = 2n;
/** Twice the text that a kernel can be configured to keep (LOG_BUF_SHIFT is at most 25), and the records for it (PRB_AVGBITS). */
const MOST_SIZE_BITS = 26;
const MOST_COUNT_BITS = MOST_SIZE_BITS - 5;

/**
 * Reads the records that are complete.
 * @throws MemoryError when VMCOREINFO does not tell enough, or the ring buffer is not in the image or makes no sense.
 */
export function readKernelLog(memory: KernelMemory, info: VmcoreInfo): KernelLog {
  const { wordSize } = memory;
  info.expect(KEYS, "reading the kernel's log");
  const offset = (field: string): bigint => BigInt(info.offset(field)!);
  const bytesAt = (name: string, address: bigint, length: number): Buffer =>
    readKernelBytes(memory, name, address, length);
  const wordIn = (bytes: Buffer, at: number): bigint =>
    wordSize === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
  const word = (name: string, address: bigint): bigint => wordIn(bytesAt(name, address, wordSize), 0);
  const bits = (name: string, address: bigint, most: number): number => {
    const found = bytesAt(name, address, 4).readUInt32LE(0);
    if (found > most) throw vmcoreInfoWrong(name, found, `it is more than ${most}`);
    return found;
  };

  const ring = word('prb', info.symbol('prb')!);
  const descRing = ring + offset('printk_ringbuffer.desc_ring');
  const textRing = ring + offset('printk_ringbuffer.text_data_ring');
  const count = 1 << bits('prb_desc_ring.count_bits', descRing + offset('prb_desc_ring.count_bits'), MOST_COUNT_BITS);
  const size = 1 << bits('prb_data_ring.size_bits', textRing + offset('prb_data_ring.size_bits'), MOST_SIZE_BITS);
  const [descSize, infoSize] = [info.size('prb_desc')!, info.size('printk_info')!];
  const table = (name: string, pointer: bigint, length: number): ReturnType<typeof readTolerantly> & object => {
    const address = word(name, pointer);
    const found = readTolerantly(memory, address, length);
    if (!found) throw kernelVariableUnusable(name, address, 'it is not in memory');
    return found;
  };
  const descs = table('prb_desc_ring.descs', descRing + offset('prb_desc_ring.descs'), count * descSize);
  const infos = table('prb_desc_ring.infos', descRing + offset('prb_desc_ring.infos'), count * infoSize);
  const texts = table('prb_data_ring.data', textRing + offset('prb_data_ring.data'), size);

  const stateShift = BigInt(wordSize * 8 - 2);
  const idMask = (1n << stateShift) - 1n;
  const counter = offset('atomic_long_t.counter');
  const tail = word('tail_id', descRing + offset('prb_desc_ring.tail_id') + counter) & idMask;
  const head = word('head_id', descRing + offset('prb_desc_ring.head_id') + counter) & idMask;
  const at = (field: string): number => info.offset(field)!;
  const stateAt = at('prb_desc.state_var') + info.offset('atomic_long_t.counter')!;
  const beginAt = at('prb_desc.text_blk_lpos') + at('prb_data_blk_lpos.begin');
  const nextAt = at('prb_desc.text_blk_lpos') + at('prb_data_blk_lpos.next');

  const ends: [type: string, size: number, end: number][] = [
    ['prb_desc', descSize, Math.max(stateAt, beginAt, nextAt) + wordSize],
    ['printk_info', infoSize, Math.max(at('printk_info.ts_nsec') + 8, at('printk_info.text_len') + 2)],
  ];
  for (const [type, typeSize, end] of ends) {
    if (end > typeSize) throw vmcoreInfoWrong(`SIZE(${type})`, typeSize, 'it has fields that end behind that');
  }

  const records: LogRecord[] = [];
  let lost = 0;
  for (let done = 0, id = tail; done < count; done++, id = (id + 1n) & idMask) {
    const place = Number(id % BigInt(count));
    const desc = descs.bytes.subarray(place * descSize, (place + 1) * descSize);
    const state = wordIn(desc, stateAt);
    const isThere = descs.has(place * descSize, descSize) && infos.has(place * infoSize, infoSize);
    const isComplete = (state & idMask) === id && [COMMITTED, FINALIZED].includes(state >> stateShift);
    if (!isThere) lost++;
    else if (isComplete) {
      const record = infos.bytes.subarray(place * infoSize, (place + 1) * infoSize);
      const length = record.readUInt16LE(at('printk_info.text_len'));
      const [from, to] = textPlace(size, wordIn(desc, beginAt), wordIn(desc, nextAt), length, wordSize);
      const isTextThere = texts.has(from, to - from);
      if (!isTextThere) lost++;
      const text = isTextThere ? texts.bytes.toString('utf8', from, to) : LOST_TEXT;
      records.push({ timestamp: record.readBigUInt64LE(at('printk_info.ts_nsec')), text });
    }
    if (id === head) break;
  }
  return { records, lost };
}

/**
 * From where to where a text is in the ring of `size` bytes. A block begins with the record's id; one that would wrap begins at the
 * start of the ring. A record without text has odd positions.
 */
function textPlace(size: number, begin: bigint, next: bigint, length: number, wordSize: number): [number, number] {
  if (begin & 1n) return [0, 0];
  // A block may end where the ring does.
  const end = Number(next % BigInt(size)) || size;
  const start = Number(begin % BigInt(size));
  const from = (start > end ? 0 : start) + wordSize;
  return [from, Math.max(from, Math.min(from + length, end))];
}

/** A record as dmesg prints it: each of its lines with the time. */
export function formatLogRecord({ timestamp, text }: LogRecord): string {
  const microseconds = timestamp / 1000n;
  const seconds = String(microseconds / 1_000_000n).padStart(5);
  const fraction = String(microseconds % 1_000_000n).padStart(6, '0');
  return text
    .split('\n')
    .map((line) => `[${seconds}.${fraction}] ${line}`)
    .join('\n');
}
