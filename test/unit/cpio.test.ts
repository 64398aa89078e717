import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { newcArchive } from '../../qemu-runner/guest/cpio.ts';

/** What the cpio program lists in an archive. */
function listed(archive: Uint8Array): string[] {
  const { stdout, stderr, status } = spawnSync('cpio', ['--list', '--quiet'], { input: archive, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(Boolean);
}

function extracted(archive: Uint8Array, name: string): Buffer {
  return spawnSync('cpio', ['--extract', '--to-stdout', '--quiet', name], { input: archive }).stdout;
}

describe('cpio archive', () => {
  it('is read by cpio, with the directories that its files need', () => {
    const archive = newcArchive([
      { name: '/boot/kernel', mode: 0o644, data: Buffer.from('bzImage') },
      { name: './boot/append', mode: 0o644, data: Buffer.from('role=B\n') },
    ]);
    assert.deepEqual(listed(archive), ['boot', 'boot/kernel', 'boot/append']);
    assert.equal(extracted(archive, 'boot/append').toString(), 'role=B\n');
  });

  it('holds any content, and can stand behind another archive', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (data) => {
        const archive = newcArchive([{ name: 'a', mode: 0o644, data }]);
        assert.equal(archive.length % 4, 0);
        assert.ok(extracted(archive, 'a').equals(data));
      }),
      { numRuns: 20 },
    );
  });

  it('is the same for the same input', () => {
    const entries = [{ name: 'init', mode: 0o100755, data: Buffer.from('#!/bin/sh') }];
    assert.deepEqual(newcArchive(entries), newcArchive(entries));
  });

  it('refuses names that climb out', () => {
    for (const name of ['', '../etc/passwd', 'a/../../b', 'a\0b']) {
      assert.throws(() => newcArchive([{ name, mode: 0o644, data: Buffer.alloc(0) }]), RangeError, name);
    }
  });
});
