import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { loadedSections } from '../../vmcore-viewer/core/relocatable.ts';

interface Section {
  name: string;
  type: number;
  flags: number;
  size: number;
  align: number;
}

/** An ELF32 object with nothing in it but section headers and their names. */
function object(sections: readonly Section[]): Buffer {
  const names = Buffer.from(['', ...sections.map(({ name }) => name), '.shstrtab', ''].join('\0'), 'latin1');
  const all = [
    { name: '', type: 0, flags: 0, size: 0, align: 0 },
    ...sections,
    { name: '.shstrtab', type: 3, flags: 0, size: names.length, align: 1 },
  ];
  const table = 52 + names.length;
  const file = Buffer.alloc(table + all.length * 40);
  file.write('\x7fELF\x01', 'latin1');
  file.writeUInt32LE(table, 32);
  file.writeUInt16LE(all.length, 48);
  file.writeUInt16LE(all.length - 1, 50);
  names.copy(file, 52);
  all.forEach(({ name, type, flags, size, align }, index) => {
    const at = table + index * 40;
    const offset = index === all.length - 1 ? 52 : 0;
    [names.indexOf(`${name}\0`), type, flags, 0, offset, size, 0, 0, align].forEach((word, field) =>
      file.writeUInt32LE(word, at + field * 4),
    );
  });
  return file;
}

describe('relocatable object', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'relocatable-test-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const load = (file: Buffer, base: number) => {
    writeFileSync(join(folder, 'object'), file);
    return loadedSections(join(folder, 'object'), base);
  };

  it('puts sections with bytes first, aligned, and leaves out what is not in memory', () => {
    const file = object([
      { name: '.text', type: 1, flags: 6, size: 0x38c4, align: 16 },
      { name: '.bss', type: 8, flags: 3, size: 0x1000, align: 4096 },
      { name: '.comment', type: 1, flags: 0x30, size: 0x168, align: 1 },
      { name: '.rodata', type: 1, flags: 2, size: 0xbc, align: 16 },
    ]);
    assert.deepEqual(load(file, 0x3ff1000), [
      { name: '.text', address: 0x3ff1000 },
      { name: '.rodata', address: 0x3ff48d0 },
      { name: '.bss', address: 0x3ff5000 },
    ]);
  });

  it('never crashes on a damaged file: it is read, or refused with a sentence', () => {
    const whole = object([{ name: '.text', type: 1, flags: 6, size: 64, align: 16 }]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const file = Buffer.from(whole);
        file[at] = byte;
        try {
          load(file.subarray(0, length), 0x1000);
        } catch (error) {
          assert.match((error as Error).message, /cannot be read as an ELF file/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
