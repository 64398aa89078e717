/** Whether a vmlinux has an index for gdb: of two that a linker could have made. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasDebugIndex } from '../../vmcore-viewer/core/vmlinux.ts';

const HEADER = 64;
const SECTION = 64;
const X86_64 = 62;

/** An ELF64 file with sections of these names, and nothing in them. */
function elfWith(names: readonly string[]): Buffer {
  const all = ['', ...names, '.shstrtab'];
  const strings = Buffer.from(all.map((name) => `${name}\0`).join(''), 'latin1');
  const bytes = Buffer.alloc(HEADER + all.length * SECTION);
  Buffer.from('\x7fELF\x02\x01\x01', 'latin1').copy(bytes);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(X86_64, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(HEADER), 40);
  bytes.writeUInt16LE(HEADER, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(SECTION, 58);
  bytes.writeUInt16LE(all.length, 60);
  bytes.writeUInt16LE(all.length - 1, 62);
  all.forEach((name, index) => bytes.writeUInt32LE(strings.indexOf(`${name}\0`), HEADER + index * SECTION));
  const last = HEADER + (all.length - 1) * SECTION;
  bytes.writeBigUInt64LE(BigInt(bytes.length), last + 24);
  bytes.writeBigUInt64LE(BigInt(strings.length), last + 32);
  return Buffer.concat([bytes, strings]);
}

describe('an index for gdb', () => {
  const folder = mkdtempSync(join(tmpdir(), 'debug-index-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const has = (content: Buffer): boolean => {
    const path = join(folder, 'vmlinux');
    writeFileSync(path, content);
    return hasDebugIndex(path);
  };

  it('is in a vmlinux that has such a section', () => {
    assert.equal(has(elfWith(['.text', '.gdb_index'])), true);
    assert.equal(has(elfWith(['.debug_names'])), true);
  });

  it('is in no other file', () => {
    assert.equal(has(elfWith(['.text', '.debug_info'])), false);
    assert.equal(has(elfWith(['.gdb_index']).subarray(0, 200)), false);
    assert.equal(has(Buffer.from('MZ')), false);
    assert.equal(hasDebugIndex(join(folder, 'nowhere')), false);
  });
});
