import assert from 'node:assert/strict';
import { PRESENCE } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { flatten, PAGE, pageOf, withImage, withPaths, writeElf } from './imageFiles.ts';

describe('opening a memory image', () => {
  it('takes whole pages without a signature for raw memory', () => {
    withImage([Buffer.concat([pageOf(0), pageOf(1)])], (image) => {
      assert.equal(image.format, 'raw memory');
      assert.equal(image.machine, undefined);
      assert.ok(image.read(100, PAGE)?.equals(Buffer.concat([pageOf(0).subarray(100), pageOf(1).subarray(0, 100)])));
      assert.equal(image.read(2 * PAGE - 1, 2), undefined);
      assert.deepEqual([...image.presence(1, 3)], [PRESENCE.present, PRESENCE.absent, PRESENCE.absent]);
      assert.deepEqual([...image.presentRanges()], [{ address: 0, length: 2 * PAGE }]);
    });
  });

  for (const [what, bytes, sentence] of [
    ['nothing', Buffer.alloc(0), /It is empty/],
    [
      'half a page',
      Buffer.from('some text'),
      /raw memory, which has whole pages\. It begins with 73 6f .* \("some text"\)/,
    ],
    [
      'a gzip file',
      Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), Buffer.alloc(PAGE - 3)]),
      /it is a gzip file: decompress/,
    ],
    [
      'a qcow2 file',
      Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), Buffer.alloc(PAGE - 4)]),
      /it is a qcow2 disk image/,
    ],
    ['something flattened', flatten([{ offset: 0, bytes: pageOf(0) }]), /neither an ELF core nor kdump-compressed/],
  ] as const) {
    it(`refuses ${what}`, () => {
      withPaths([bytes], (paths) => {
        assert.throws(() => openImage(paths), { name: 'MemoryError', message: sentence });
      });
    });
  }

  it('refuses files that do not belong together, and none at all', () => {
    const core = writeElf({ bits: 32, loads: [{ physical: 0, bytes: pageOf(0) }] });
    withPaths([core, core], (paths) => {
      assert.throws(() => openImage(paths), /it is not a kdump-compressed file\. Give one image/);
    });
    assert.throws(() => openImage([]), /no file was given/);
    assert.throws(() => openImage([import.meta.dirname]), /it is a folder, a pipe or a device, not a file/);
    assert.throws(() => openImage(['/nowhere/vmcore']), { code: 'ENOENT' });
  });
});
