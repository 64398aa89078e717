/** The log in a ring buffer that was made by hand, for 32 and for 64 bits. */
import assert from 'node:assert/strict';
import { formatLogRecord, readKernelLog } from '../../vmcore-viewer/core/kernelLog.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';

const COMMITTED = 1n;
const REUSABLE = 3n;
const [PRB, DESCS, INFOS, DATA] = [0x1000n, 0x2000n, 0x3000n, 0x4000n];
const [COUNT_BITS, SIZE_BITS] = [2, 7];
const RING = 1n << BigInt(SIZE_BITS);

/** A kernel's memory with a log of four records and 128 bytes of text. */
function guest(wordSize: 4 | 8) {
  const bytes = Buffer.alloc(0x5000);
  const w = wordSize;
  const offsets = {
    ...{ 'printk_ringbuffer.desc_ring': 0, 'printk_ringbuffer.text_data_ring': 8 * w, 'atomic_long_t.counter': 0 },
    ...{ 'prb_desc_ring.count_bits': 0, 'prb_desc_ring.descs': w, 'prb_desc_ring.infos': 2 * w },
    ...{ 'prb_desc_ring.head_id': 3 * w, 'prb_desc_ring.tail_id': 4 * w, 'prb_desc.state_var': 0 },
    ...{ 'prb_desc.text_blk_lpos': w, 'prb_data_blk_lpos.begin': 0, 'prb_data_blk_lpos.next': w },
    ...{ 'printk_info.ts_nsec': 8, 'printk_info.text_len': 16, 'prb_data_ring.size_bits': 0, 'prb_data_ring.data': w },
  };
  const info = new VmcoreInfo(
    [
      ...[`SYMBOL(prb)=${(0xf00).toString(16)}`, `SIZE(prb_desc)=${3 * w}`, 'SIZE(printk_info)=24'],
      ...Object.entries(offsets).map(([field, offset]) => `OFFSET(${field})=${offset}`),
    ].join('\n'),
  );
  const word = (address: bigint, value: bigint): void => {
    if (w === 8) bytes.writeBigUInt64LE(value, Number(address));
    else bytes.writeUInt32LE(Number(value), Number(address));
  };
  const at = (base: bigint, field: keyof typeof offsets): bigint => base + BigInt(offsets[field]);
  word(0xf00n, PRB);
  bytes.writeUInt32LE(COUNT_BITS, Number(PRB));
  word(at(PRB, 'prb_desc_ring.descs'), DESCS);
  word(at(PRB, 'prb_desc_ring.infos'), INFOS);
  const text = PRB + BigInt(8 * w);
  bytes.writeUInt32LE(SIZE_BITS, Number(text));
  word(at(text, 'prb_data_ring.data'), DATA);
  const memory = {
    ...{ wordSize, pageOffset: 0n, imageOffset: 0n, pfnLimit: 16 },
    read: (address: bigint, length: number) =>
      Number(address) + length <= bytes.length ? bytes.subarray(Number(address), Number(address) + length) : undefined,
    translate: () => undefined,
  };
  return {
    ...{ info, memory, bytes },
    span: (tail: bigint, head: bigint): void => {
      word(at(PRB, 'prb_desc_ring.tail_id'), tail);
      word(at(PRB, 'prb_desc_ring.head_id'), head);
    },
    /** A record by its id, with its block of text at a position. */
    record: (id: bigint, state: bigint, begin: bigint, text: string, nanoseconds: bigint): void => {
      const place = id % 4n;
      const size = BigInt(Math.ceil((w + text.length) / w) * w);
      // A block that does not fit before the end of the ring is at its start.
      const wraps = (begin + size) / RING !== begin / RING;
      const next = wraps ? (begin / RING + 1n) * RING + size : begin + size;
      const desc = DESCS + place * BigInt(3 * w);
      word(desc, (state << BigInt(8 * w - 2)) | id);
      word(desc + BigInt(w), begin);
      word(desc + BigInt(2 * w), begin & 1n ? begin : next);
      const printk = Number(INFOS + place * 24n);
      bytes.writeBigUInt64LE(nanoseconds, printk + 8);
      bytes.writeUInt16LE(text.length, printk + 16);
      const start = wraps ? 0n : begin % RING;
      bytes.write(text, Number(DATA + start) + w);
    },
  };
}

describe("the kernel's log", () => {
  for (const wordSize of [4, 8] as const) {
    it(`is read from the oldest record to the newest, around the end of the ring, with words of ${wordSize} bytes`, () => {
      const { info, memory, record, span } = guest(wordSize);
      span(5n, 8n);
      record(5n, COMMITTED, 72n, 'first', 0n);
      record(6n, COMMITTED, 120n, 'at the start', 1_234_567_000n);
      record(7n, REUSABLE, 128n + 48n, 'gone', 2n);
      record(8n, COMMITTED, 1n, '', 12_000_000_000n);
      assert.deepEqual(readKernelLog(memory, info).records.map(formatLogRecord), [
        '[    0.000000] first',
        '[    1.234567] at the start',
        '[   12.000000] ',
      ]);
    });
  }

  it('says what is missing, and what cannot be', () => {
    const { info, memory, bytes } = guest(4);
    assert.throws(
      () => readKernelLog(memory, new VmcoreInfo('OSRELEASE=5')),
      /does not tell SYMBOL\(prb\), .*kernel's log/,
    );
    const text = info.keys.map((key) => `${key}=${info.text(key)!}`).join('\n');
    const small = new VmcoreInfo(text.replace('SIZE(printk_info)=24', 'SIZE(printk_info)=16'));
    assert.throws(() => readKernelLog(memory, small), /SIZE\(printk_info\)=16, but it has fields that end behind that/);
    bytes.writeUInt32LE(40, Number(PRB));
    assert.throws(() => readKernelLog(memory, info), /prb_desc_ring.count_bits=40, but it is more than/);
    bytes.writeUInt32LE(0xf0000000, 0xf00);
    assert.throws(() => readKernelLog(memory, info), /not in memory/);
  });
});
