import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeInitrdOfA } from '../../qemu-runner/bootFiles.ts';
import { isSameBuild, readBootHeader } from '../../qemu-runner/bootHeader.ts';

const BANNER = 'Linux version 6.1.176-kexec-jump (lab@lab) (gcc 12.2.0) #3 Thu Jan  1 00:00:00 UTC 2026';

describe('boot files', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'boot-files-test-'))));
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('reads the version of a bzImage', () => {
    const image = Buffer.alloc(0x4000);
    image.write('HdrS', 0x202, 'latin1');
    image.writeUInt16LE(0x3000, 0x20e);
    image.write('6.1.176-kexec-jump (lab@lab) #3 Thu Jan  1 00:00:00 UTC 2026\0', 0x3200, 'latin1');
    writeFileSync(join(folder, 'bzImage'), image);
    const { version, placement } = readBootHeader(join(folder, 'bzImage'));
    assert.equal(placement, undefined, 'an old protocol tells no sizes');
    assert.ok(isSameBuild(version, BANNER));
    assert.ok(!isSameBuild(version, BANNER.replace('#3', '#4')), 'another build of the same release');
    assert.ok(!isSameBuild(version, BANNER.replace('6.1.176', '6.1.17')), 'another release');
  });

  it('says that a file is no kernel, or is not there', () => {
    writeFileSync(join(folder, 'vmlinux'), '\x7fELF');
    assert.throws(() => readBootHeader(join(folder, 'vmlinux')), /is not a bzImage of Linux/);
    assert.throws(() => readBootHeader(join(folder, 'none')), /The kernel image cannot be read.*ENOENT/);
    assert.throws(() => {
      writeInitrdOfA(join(folder, 'out'), join(folder, 'none'), { image: '', initrd: '', append: '' });
    }, /The initrd of kernel A cannot be read/);
  });
});
