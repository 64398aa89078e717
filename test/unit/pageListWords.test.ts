import assert from 'node:assert/strict';
import { pageListModel } from '../../extension/pageListWords.ts';

describe('the words of a page list', () => {
  it('are numbers of any size behind their addresses', () => {
    const words = Buffer.from(Uint32Array.of(0xfff01000, 0xfff02008).buffer).toString('base64');
    assert.deepEqual([...pageListModel(words)!.words], [0xfff01000, 0xfff02008]);
    assert.equal(pageListModel(''), undefined);
  });
});
