/** Looking for the kernels that have left, where nobody tells their re-entry points. */
import assert from 'node:assert/strict';
import { scanImage } from '../../vmcore-viewer/core/imageScan.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { UNWATCHED } from '../../vmcore-viewer/core/watch.ts';
import { controlPage, REENTRY } from './syntheticControlPage.ts';

/** Physical addresses: the kernel maps them from VIRTUAL on. */
const AT = {
  pageDirectory: 0x1000,
  pageTable: 0x2000,
  stack: 0x3000,
  list: 0x4000,
  control: 0x5000,
  elsewhere: 0x6000,
} as const;
const SIZE = 0x7000;
const VIRTUAL = 0xc0000000;
const STACK = AT.stack + 0x800;
const HEAD = AT.list | 2;
const PRESENT = 3;
const DONE = 4;

/** Memory of a kernel that has left by the control page, exchanging nothing. */
function memoryOfOneThatLeft(): Buffer {
  const memory = Buffer.alloc(SIZE);
  memory.writeUInt32LE(AT.pageTable | PRESENT, AT.pageDirectory + (VIRTUAL >>> 22) * 4);
  for (let page = 0; page < SIZE / PAGE_SIZE; page++) {
    memory.writeUInt32LE((page * PAGE_SIZE) | PRESENT, AT.pageTable + page * 4);
  }
  memory.writeUInt32LE(HEAD, STACK + 24);
  memory.writeUInt32LE(DONE, AT.list);
  const saved = { esp: VIRTUAL + STACK, cr3: AT.pageDirectory, virtual: VIRTUAL + AT.control, head: HEAD };
  controlPage(saved).copy(memory, AT.control);
  return memory;
}

function entriesIn(bytes: Buffer): readonly number[] {
  const read = (at: number, length: number): Buffer | undefined =>
    at + length <= bytes.length ? bytes.subarray(at, at + length) : undefined;
  return scanImage({ size: SIZE, read }, [{ address: 0, length: SIZE }], UNWATCHED).entries;
}

describe('re-entry points in memory', () => {
  it('are of kernels that have left', () => {
    assert.deepEqual(entriesIn(memoryOfOneThatLeft()), [AT.control + REENTRY]);
  });

  it('are not of one whose stack has been used for something else since', () => {
    assert.deepEqual(entriesIn(memoryOfOneThatLeft().fill(0, STACK + 24, STACK + 28)), []);
  });

  it('are not in pages that were moved away from where their kernel has them', () => {
    const memory = memoryOfOneThatLeft();
    memory.copy(memory, AT.elsewhere, AT.control, AT.control + PAGE_SIZE);
    memory.fill(0, AT.control, AT.control + PAGE_SIZE);
    assert.deepEqual(entriesIn(memory), []);
  });
});
