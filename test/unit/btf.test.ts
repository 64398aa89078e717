/** BTF as a kernel could carry it, and as none should. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Btf } from '../../vmcore-viewer/core/btf.ts';
import type { Field } from '../../vmcore-viewer/core/kernelStructs.ts';

const KIND = {
  int: 1,
  pointer: 2,
  struct: 4,
  union: 5,
  enumeration: 6,
  typedef: 8,
  const: 10,
  function: 13,
  later: 25,
};
const BITFIELDS = 1 << 31;

interface Member {
  name: string;
  /** Number of a type, from 1 on. */
  type: number;
  /** As it is in the bytes. */
  place: number;
}

interface Type {
  kind: keyof typeof KIND;
  name?: string;
  /** Or the type that it stands for. */
  size?: number;
  members?: readonly Member[];
  hasBitfields?: boolean;
  /** Words behind it. */
  more?: readonly number[];
}

function write(types: readonly Type[]): Buffer {
  let strings = '\0';
  const text = (name = ''): number => {
    if (name === '') return 0;
    if (!strings.includes(`\0${name}\0`)) strings += `${name}\0`;
    return strings.indexOf(`\0${name}\0`) + 1;
  };
  const words = types.flatMap(({ kind, name, size = 0, members = [], hasBitfields, more = [] }) => [
    ...[text(name), ((KIND[kind] << 24) | members.length | (hasBitfields ? BITFIELDS : 0)) >>> 0, size],
    ...members.flatMap((member) => [text(member.name), member.type, member.place]),
    ...more,
  ]);
  const bytes = Buffer.alloc(24 + words.length * 4);
  bytes.writeUInt16LE(0xeb9f, 0);
  bytes.writeUInt8(1, 2);
  [24, 0, words.length * 4, words.length * 4, strings.length].forEach((word, index) => {
    bytes.writeUInt32LE(word, 4 + index * 4);
  });
  words.forEach((word, index) => bytes.writeUInt32LE(word, 24 + index * 4));
  // A kernel's strings are many.
  return Buffer.concat([bytes, Buffer.from(strings, 'latin1'), Buffer.alloc(64)]);
}

const TYPES: readonly Type[] = [
  { kind: 'int', name: 'int', size: 4, more: [0x20] },
  { kind: 'typedef', name: 'thread_t', size: 3 },
  { kind: 'const', size: 4 },
  { kind: 'struct', name: 'thread', size: 8, members: [{ name: 'sp', type: 1, place: 32 }] },
  {
    kind: 'union',
    size: 8,
    members: [
      { name: 'slab_cache', type: 1, place: 0 },
      { name: 'within', type: 4, place: 0 },
    ],
  },
  {
    kind: 'struct',
    name: 'task',
    size: 64,
    members: [
      { name: 'pid', type: 1, place: 64 },
      { name: '', type: 5, place: 128 },
      { name: 'thread', type: 2, place: 256 },
    ],
  },
  {
    kind: 'struct',
    name: 'flags',
    size: 16,
    hasBitfields: true,
    members: [{ name: 'after', type: 1, place: (5 << 24) | 96 }],
  },
  // A name of something else is no structure's.
  { kind: 'typedef', name: 'flags_t', size: 7 },
  {
    kind: 'struct',
    name: 'endless',
    size: 4,
    members: Array.from({ length: 40 }, () => ({ name: '', type: 9, place: 8 })),
  },
];

describe('BTF', () => {
  const btf = Btf.read(write(TYPES))!;
  const offset = (field: Field): number | undefined => btf.offsetOf(field);

  it('has fields, those of structures without a name and behind aliases too', () => {
    assert.deepEqual([offset('task.pid'), offset('thread.sp')], [8, 4]);
    assert.deepEqual([offset('task.slab_cache'), offset('task.within.sp')], [16, 20]);
    assert.equal(offset('task.thread.sp'), 36);
    assert.equal(offset('flags.after'), 12);
  });

  it('has nothing else', () => {
    for (const field of ['task.sp', 'task.pid.x', 'tas.pid', 'flags_t.after', 'int.pid', 'endless.pid'] as const) {
      assert.equal(offset(field), undefined, field);
    }
  });

  it('is read up to a kind of type that is not known', () => {
    const later = Btf.read(write([...TYPES.slice(0, 4), { kind: 'later', size: 1 }, ...TYPES.slice(4)]))!;
    assert.deepEqual([later.offsetOf('thread.sp'), later.offsetOf('task.pid')], [4, undefined]);
  });

  it('does not follow structures without a name for ever, and knows no field that begins within a byte', () => {
    const deep = Array.from({ length: 20_000 }, (_, index): Type => ({
      kind: 'struct',
      size: 4,
      ...(index === 0 ? { name: 'deep' } : {}),
      members: [{ name: '', type: index + 2, place: 0 }],
    }));
    const bits: Type = { kind: 'struct', name: 'bits', size: 4, members: [{ name: 'odd', type: 1, place: 3 }] };
    const found = Btf.read(write([...deep, { ...bits, name: 'end' }, bits]))!;
    assert.deepEqual([found.offsetOf('deep.odd'), found.offsetOf('bits.odd')], [undefined, undefined]);
  });

  it('is any bytes, and ends', () => {
    const whole = write(TYPES);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        const found = Btf.read(bytes);
        for (const field of ['task.thread.sp', 'task.slab_cache', 'endless.pid'] as const) {
          const place = found?.offsetOf(field) ?? 0;
          assert.ok(Number.isInteger(place) && place >= 0, `${field} at ${place}`);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
