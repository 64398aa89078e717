import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseMiLine, quote, type MiValue } from '../../debug-adapter/gdb/mi.ts';
import { assertGolden } from './golden.ts';

/** Writes a value as gdb does, to read it back. */
function write(value: MiValue): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  return `{${Object.entries(value)
    .map(([name, item]) => `${name}=${write(item)}`)
    .join(',')}}`;
}

const { value } = fc.letrec<{ value: MiValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,8}$/), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

describe('GDB/MI parser', () => {
  it('reads a real session as before', () => {
    const transcript = readFileSync(join(import.meta.dirname, 'golden', 'gdb-session.mi'), 'utf8');
    const records = transcript.split('\n').filter(Boolean).map(parseMiLine);
    assertGolden('gdb-session.json', JSON.stringify(records, undefined, 2));
  });

  it('reads back every value', () => {
    fc.assert(
      fc.property(value, (item) => {
        assert.deepEqual(parseMiLine(`7^done,value=${write(item)}`), {
          kind: 'result',
          token: 7,
          class: 'done',
          results: { value: item },
        });
      }),
    );
  });

  it('never throws on any line', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('', '^done,', '*stopped,', '~"', '=x,a='), (line, start) => {
        parseMiLine(start + line);
      }),
    );
  });

  it('decodes octal escapes as UTF-8', () => {
    assert.deepEqual(parseMiLine('~"\\303\\244\\n"'), { kind: 'console', text: 'ä\n' });
  });

  it('does not take a name of its own for a property of the language', () => {
    const record = parseMiLine('^done,__proto__="x",constructor="y"');
    assert.equal(record?.kind, 'result');
    assert.equal(Object.getPrototypeOf(record.results), Object.prototype);
    assert.deepEqual(Object.keys(record.results), ['__proto__', 'constructor']);
  });
});
