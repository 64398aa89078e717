import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PlainFile, readBytes, type FileBytes } from '../../vmcore-viewer/core/images/fileBytes.ts';
import { openFlattened } from '../../vmcore-viewer/core/images/flattened.ts';
import { flatten, withPaths, type Piece } from './imageFiles.ts';

function withFlattened<Result>(bytes: Buffer, look: (file: FileBytes) => Result): Result {
  return withPaths([bytes], ([path]) => {
    const file = openFlattened(new PlainFile(path!));
    const result = look(file);
    file.close();
    return result;
  });
}

const writes = fc.array(
  fc.record({
    offset: fc.nat(500),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 120 }).map((all) => Buffer.from(all)),
  }),
  { minLength: 1, maxLength: 40 },
);

/** What is in a file after writes, and which of its bytes were written. */
function rearranged(pieces: readonly Piece[]): { bytes: Buffer; written: boolean[] } {
  const size = Math.max(...pieces.map(({ offset, bytes }) => offset + bytes.length));
  const file = { bytes: Buffer.alloc(size), written: new Array<boolean>(size).fill(false) };
  for (const { offset, bytes } of pieces) {
    bytes.copy(file.bytes, offset);
    file.written.fill(true, offset, offset + bytes.length);
  }
  return file;
}

describe('flattened files', () => {
  it('look as if they were rearranged: later records overwrite, what no record has is zero', () => {
    fc.assert(
      fc.property(writes, fc.nat(600), fc.nat(200), (pieces, offset, length) => {
        const { bytes } = rearranged(pieces);
        withFlattened(flatten(pieces), (file) => {
          assert.deepEqual(file.problems, []);
          assert.equal(file.size, bytes.length);
          assert.ok(readBytes(file, 0, file.size)?.equals(bytes));
          const isThere = offset + length <= bytes.length;
          assert.deepEqual(
            readBytes(file, offset, length),
            isThere ? bytes.subarray(offset, offset + length) : undefined,
          );
          assert.deepEqual([...file.extents(0, 10_000)], [{ offset: 0, length: bytes.length }]);
        });
      }),
    );
  });

  it('have bytes of a later record that lies behind an earlier one in the same stream', () => {
    const byte = (offset: number, ...values: number[]): { offset: number; bytes: Buffer } => ({
      offset,
      bytes: Buffer.from(values),
    });
    withFlattened(flatten([byte(1, 1), byte(0, 2, 2, 2), byte(2, 3), byte(3, 4)]), (file) => {
      assert.deepEqual(readBytes(file, 0, file.size), Buffer.from([2, 2, 3, 4]));
    });
  });

  it('have what came before the end when they are cut off, and nothing that did not', () => {
    fc.assert(
      fc.property(writes, (pieces) => {
        const { bytes, written } = rearranged(pieces);
        withFlattened(flatten(pieces, false), (file) => {
          assert.match(file.problems.join(), /it was cut off at/);
          const there = new Array<boolean>(bytes.length).fill(false);
          for (const { offset, length } of file.extents(0, bytes.length)) {
            there.fill(true, offset, offset + length);
            assert.ok(readBytes(file, offset, length)?.equals(bytes.subarray(offset, offset + length)));
          }
          assert.deepEqual(there, written);
          if (written.includes(false)) assert.equal(readBytes(file, 0, bytes.length), undefined);
        });
      }),
    );
  });

  it('have the first bytes of a record in whose middle they end', () => {
    const pieces = [
      { offset: 0, bytes: Buffer.from('begin') },
      { offset: 5, bytes: Buffer.from('middle of a record') },
    ];
    const whole = flatten(pieces, false);
    withFlattened(whole.subarray(0, whole.length - 12), (file) => {
      assert.equal(readBytes(file, 0, file.size)?.toString(), 'beginmiddle');
    });
  });

  it('end at a record that cannot be true', () => {
    for (const [offset, length] of [
      [-5, 10],
      [0, -10],
      [0, 0],
    ] as const) {
      const bytes = flatten([
        { offset: 0, bytes: Buffer.from('text') },
        { offset: 4, bytes: Buffer.from('more') },
      ]);
      bytes.writeBigInt64BE(BigInt(offset), 4096 + 20);
      bytes.writeBigInt64BE(BigInt(length), 4096 + 28);
      withFlattened(bytes, (file) => {
        assert.match(file.problems.join(), /its record at 0x1014 is damaged/);
        assert.equal(readBytes(file, 0, file.size)?.toString(), 'text');
      });
    }
  });

  it('that go back and forth without end are read as far as they can be kept', () => {
    const pieces = Array.from({ length: 300 }, (_, index) => ({ offset: 300 - index, bytes: Buffer.from('xy') }));
    withFlattened(flatten(pieces), (file) => {
      assert.match(file.problems.join(), /Rearrange it with makedumpfile -R/);
      assert.equal(file.size, 302);
    });
  });
});
