/** `kexec-jump hibernate` and `resume`, as a person runs them. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kexecJump } from './commandLine.ts';

describe('kexec-jump hibernate and resume', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-hibernate-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('save kernel A to a file, and bring it back in a fresh machine', async () => {
    const file = join(folder, 'a.vmcore');
    const saved = await kexecJump('hibernate', file, '--window', 'low');
    assert.equal(saved.status, 0, saved.output);
    assert.match(saved.output, /has kernel A: \d+ MB in .* \d+ pages are as they are in memory, \d+ are left out/);
    const resumed = await kexecJump('resume', file);
    assert.equal(resumed.status, 0, resumed.output);
    assert.match(resumed.output, /C running[^]*A resuming[^]*kernel A goes on/);
    const [sum, ...rest] = [saved, resumed].map(({ output }) => /SHA-256 ([0-9a-f]{12})/.exec(output)?.[1]);
    assert.deepEqual([sum !== undefined, rest], [true, [sum]]);
  });

  it('refuse before anything is written or started', async () => {
    const file = join(folder, 'b.vmcore');
    const level = await kexecJump('hibernate', file, '--level', '31');
    assert.deepEqual([level.status, existsSync(file)], [2, false]);
    assert.match(level.output, /--level is one of 0, 1, 16, 17/);
    writeFileSync(file, 'no image');
    const resumed = await kexecJump('resume', file);
    assert.equal(resumed.status, 1);
    assert.match(resumed.output, /b\.vmcore" cannot be resumed: .*cannot be opened as a memory image/);
  });
});
