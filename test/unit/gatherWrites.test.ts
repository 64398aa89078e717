import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { gatherWrites } from '../../debug-adapter/dap/gatherWrites.ts';

describe('gathered writes', () => {
  it('makes one of what is written in one turn, in its order', async () => {
    const writes: string[] = [];
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk: string, _encoding, done) => {
        writes.push(chunk);
        done();
      },
      writev: (chunks, done) => {
        writes.push(chunks.map(({ chunk }) => chunk as string).join(''));
        done();
      },
    });
    gatherWrites(stream);
    stream.write('one ');
    stream.write('two');
    await turn();
    stream.write('four');
    await turn();
    assert.deepEqual(writes, ['one two', 'four']);
  });
});
