/** A kernel's own symbols in tables that were made by hand; and readers of a kernel's memory that is anything at all. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MemoryError } from '../../vmcore-viewer/core/errors.ts';
import { Kallsyms } from '../../vmcore-viewer/core/kallsyms.ts';
import { readKernelLog } from '../../vmcore-viewer/core/kernelLog.ts';
import type { KernelMemory } from '../../vmcore-viewer/core/kernelMemory.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';

const AT = { names: 0x100, num_syms: 0x10, token_table: 0x800, token_index: 0x400, offsets: 0x40, relative_base: 0x20 };

function kernelOf(bytes: Buffer): KernelMemory {
  return {
    ...{ wordSize: 4, pageOffset: 0n, imageOffset: 0n, pfnLimit: 16 },
    read: (address, length) => {
      const at = Number(address);
      return at >= 0 && at + length <= bytes.length ? bytes.subarray(at, at + length) : undefined;
    },
    translate: () => undefined,
  };
}

const info = (places: Record<string, number>): VmcoreInfo =>
  new VmcoreInfo(
    Object.entries(places)
      .map(([name, address]) => `SYMBOL(kallsyms_${name})=${address.toString(16)}`)
      .join('\n'),
  );

/** Tokens 1 to 4; a symbol is a list of them, the first beginning with the letter of its type. */
function tables(symbols: readonly [tokens: number[], offset: number][]): Buffer {
  const bytes = Buffer.alloc(0x1000);
  const tokens = ['', 'T_te', 'xt', 'tfree', 'd'];
  let place = 0;
  tokens.forEach((token, index) => {
    bytes.writeUInt16LE(place, AT.token_index + index * 2);
    bytes.write(`${token}\0`, AT.token_table + place);
    place += token.length + 1;
  });
  bytes.writeUInt32LE(symbols.length, AT.num_syms);
  bytes.writeUInt32LE(0xc1000000, AT.relative_base);
  let at = AT.names;
  symbols.forEach(([name, offset], index) => {
    at = bytes.writeUInt8(name.length, at);
    for (const token of name) at = bytes.writeUInt8(token, at);
    bytes.writeInt32LE(offset, AT.offsets + index * 4);
  });
  return bytes;
}

describe("a kernel's own symbols", () => {
  it('are expanded from their tokens, with their addresses', () => {
    const found = Kallsyms.read(
      kernelOf(
        tables([
          [[1, 2], 0],
          [[3, 4], 0x40],
        ]),
      ),
      info(AT),
    );
    assert.equal(found.count, 2);
    assert.equal(found.address('_text'), 0xc1000000n);
    assert.equal(found.address('freed'), 0xc1000040n);
    assert.deepEqual(
      ['_tex', '_texts', 'reed', ''].map((name) => found.address(name)),
      Array(4).fill(undefined),
    );
    assert.deepEqual(found.before(0xc100003fn), { name: '_text', address: 0xc1000000n });
    assert.deepEqual(found.before(0xc1000fffn), { name: 'freed', address: 0xc1000040n });
    assert.equal(found.before(0xc0ffffffn), undefined);
  });

  it('have absolute addresses where they are of a CPU, and count down from the base otherwise', () => {
    const found = Kallsyms.read(
      kernelOf(
        tables([
          [[1, 2], 0x30],
          [[3], -1],
        ]),
      ),
      info(AT),
    );
    assert.deepEqual(
      [0xc0000000n, 0xffffffffn].map((address) => found.before(address)?.address),
      [0x30n, 0xc1000000n],
    );
  });

  it('that are missing are said so', () => {
    assert.throws(
      () => Kallsyms.read(kernelOf(Buffer.alloc(0x80)), info(AT)),
      /kallsyms_token_index.* is not in memory/,
    );
    assert.throws(
      () => Kallsyms.read(kernelOf(Buffer.alloc(0x80)), info({})),
      /does not tell SYMBOL\(kallsyms_names\)/,
    );
  });
});

describe("readers of a kernel's memory", () => {
  const KEYS = Object.keys(AT);
  it('take any tables of symbols, or say what is wrong', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0x400, maxLength: 0x2000 }),
        fc.array(fc.nat(0x1fff), { minLength: KEYS.length, maxLength: KEYS.length }),
        (bytes, places) => {
          const at = Object.fromEntries(KEYS.map((key, index) => [key, places[index]!]));
          orMemoryError(() => {
            const symbols = Kallsyms.read(kernelOf(Buffer.from(bytes)), info(at));
            return [symbols.address('_text'), symbols.before(0xc1000000n)];
          });
        },
      ),
    );
  });

  it('take any ring of a log, or say what is wrong', () => {
    const fields = [
      ...['printk_ringbuffer.desc_ring', 'printk_ringbuffer.text_data_ring', 'prb_desc_ring.count_bits'],
      ...['prb_desc_ring.descs', 'prb_desc_ring.infos', 'prb_desc_ring.head_id', 'prb_desc_ring.tail_id'],
      ...['prb_desc.state_var', 'prb_desc.text_blk_lpos', 'prb_data_blk_lpos.begin', 'prb_data_blk_lpos.next'],
      ...['printk_info.ts_nsec', 'printk_info.text_len', 'prb_data_ring.size_bits', 'prb_data_ring.data'],
      'atomic_long_t.counter',
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0x200, maxLength: 0x1000 }),
        fc.array(fc.nat(64), { minLength: fields.length, maxLength: fields.length }),
        fc.tuple(fc.nat(0xfff), fc.nat(64), fc.nat(64)),
        (bytes, offsets, [prb, desc, record]) => {
          const lines = fields.map((field, index) => `OFFSET(${field})=${offsets[index]!}`);
          const sizes = [`SIZE(prb_desc)=${desc}`, `SIZE(printk_info)=${record}`, `SYMBOL(prb)=${prb.toString(16)}`];
          orMemoryError(() =>
            readKernelLog(kernelOf(Buffer.from(bytes)), new VmcoreInfo([...sizes, ...lines].join('\n'))),
          );
        },
      ),
    );
  });
});

function orMemoryError(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
  }
}
