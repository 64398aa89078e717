import assert from 'node:assert/strict';
import { repeatLength } from '../../debug-adapter/rsp/repeat.ts';

describe('repeated instructions', () => {
  const cases: [text: string, bytes: string, length: number | undefined][] = [
    ['rep movsl', 'f3a5', 2],
    ['rep movsw', '66f3a5', 3],
    ['rep movsw, prefixes the other way', 'f366a5', 3],
    ['repnz scas', 'f2ae', 2],
    ['movsl alone', 'a5f3', undefined],
    ['pause', 'f390', undefined],
    ['an SSE instruction', 'f30f10', undefined],
    ['nothing', '', undefined],
    ['a prefix alone', 'f3', undefined],
  ];
  for (const [text, bytes, length] of cases) {
    it(text, () => {
      assert.equal(repeatLength(Buffer.from(bytes, 'hex')), length);
    });
  }
});
