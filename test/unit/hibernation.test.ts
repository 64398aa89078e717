/** What the host does with a saved image: its note, its copy, its comparison with memory, its name. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHibernateWish } from '../../debug-adapter/jump/hibernation.ts';
import { SavedImages } from '../../qemu-runner/savedImages.ts';
import { copySparse } from '../../qemu-runner/sparseCopy.ts';
import { readResumeNote } from '../../vmcore-viewer/core/resumeNote.ts';
import { auditSavedImage } from '../../vmcore-viewer/core/savedImageAudit.ts';
import { note, PAGE, pageOf, resumable, withImage, writeElf } from './imageFiles.ts';

const MIB = 1 << 20;

describe('the note of a saved image', () => {
  const read = (descriptor: Buffer): ReturnType<typeof readResumeNote> =>
    withImage([writeElf({ bits: 32, loads: [], notes: [note('KEXECJUMP', 1, descriptor)] })], ({ notes }) =>
      readResumeNote(notes),
    );

  it('tells the re-entry point, the window, the memory and the kernel', () => {
    assert.deepEqual(read(resumable()), {
      version: 1,
      entry: 0x28000d7,
      window: [0x100000, 0x1ffffff],
      memoryEnd: 0xffda000,
      release: '6.1.192-kexec-jump',
      buildId: 'ab'.repeat(20),
    });
    assert.equal(read(resumable({ entry: 0n }))?.entry, undefined);
  });

  it('is not believed when it is short, or of a version that is not known', () => {
    assert.equal(read(resumable().subarray(0, 100)), undefined);
    assert.equal(read(resumable({ version: 2 })), undefined);
    assert.equal(read(resumable({ version: 0 })), undefined);
  });
});

describe('the audit of a saved image', () => {
  const pages = [0, 1, 2, 3].map(pageOf);
  const memory = (content: Buffer) => ({
    size: content.length,
    read: (address: number, length: number) =>
      address + length <= content.length ? content.subarray(address, address + length) : undefined,
  });
  const image = writeElf({
    bits: 32,
    loads: [{ physical: 0, bytes: Buffer.concat(pages.slice(0, 3)), memorySize: 4 * PAGE }],
  });
  const audit = (content: Buffer, level: number): ReturnType<typeof auditSavedImage> =>
    withImage([image], (opened) => auditSavedImage(opened, memory(content), level));

  it('finds each page as it is in memory, and zeros where it leaves zeros out', () => {
    const same = Buffer.concat([...pages.slice(0, 3), Buffer.alloc(PAGE)]);
    assert.deepEqual(audit(same, 1), { compared: 3, different: [], notZero: [], leftOut: 1 });
  });

  it('names the pages that are not', () => {
    const other = Buffer.concat([pages[0]!, pages[2]!, pages[2]!, pages[3]!]);
    assert.deepEqual(audit(other, 1), { compared: 3, different: [1], notZero: [3], leftOut: 1 });
    assert.deepEqual(audit(other, 17).notZero, [], 'free pages are left out as well');
  });
});

describe('the copy of a saved image', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hibernation-'));
    const content = Buffer.alloc(4 * MIB + 100);
    content.fill(7, 0, 100);
    content.fill(9, 3 * MIB);
    writeFileSync(join(folder, 'disk'), Buffer.concat([content, Buffer.alloc(MIB, 1)]));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const copy = async (signal: AbortSignal, onProgress: (done: number) => void = () => undefined): Promise<void> =>
    copySparse(join(folder, 'disk'), join(folder, 'copy'), 4 * MIB + 100, onProgress, signal);

  it('has the bytes, and takes no room for zeros', async () => {
    const told: number[] = [];
    await copy(new AbortController().signal, (done) => told.push(done));
    const copied = readFileSync(join(folder, 'copy'));
    assert.ok(copied.equals(readFileSync(join(folder, 'disk')).subarray(0, copied.length)));
    assert.equal(copied.length, 4 * MIB + 100);
    assert.equal(told.at(-1), copied.length);
    assert.ok(statSync(join(folder, 'copy')).blocks * 512 < 3 * MIB);
  });

  it('leaves nothing when it is cancelled, or there is too little to copy', async () => {
    const abort = new AbortController();
    const cancelled = copy(abort.signal, (done) => {
      if (done === 2 * MIB) abort.abort(new Error('no more'));
    });
    await assert.rejects(cancelled, /no more/);
    const missing = copySparse(join(folder, 'disk'), join(folder, 'copy'), 9 * MIB, () => undefined, abort.signal);
    await assert.rejects(missing);
    assert.deepEqual(readdirSync(folder), ['disk']);
  });
});

describe('saved images by name', () => {
  it('are listed, the latest first, and deleted', () => {
    const folder = mkdtempSync(join(tmpdir(), 'saved-images-'));
    const images = new SavedImages(join(folder, 'images'));
    assert.deepEqual(images.list(), []);
    writeFileSync(images.pathOf('one'), '1');
    writeFileSync(images.pathOf('two'), '22');
    assert.deepEqual(
      images
        .list()
        .map(({ name, bytes }) => `${name} ${bytes}`)
        .sort(),
      ['one 1', 'two 2'],
    );
    images.delete('one');
    assert.ok(!existsSync(images.pathOf('one')));
    assert.throws(() => images.pathOf('../one'), /cannot be the name of a saved image/);
    rmSync(folder, { recursive: true });
  });
});

describe('a wish to hibernate', () => {
  it('names a file, a level that kernel A survives, and an end', () => {
    const wish = { path: '/tmp/a.vmcore', level: 17, after: 'poweroff' } as const;
    assert.deepEqual(parseHibernateWish(wish), wish);
    assert.throws(() => parseHibernateWish({ ...wish, path: 'a' }), /absolute path/);
    assert.throws(() => parseHibernateWish({ ...wish, level: 31 as 17 }), /0, 1, 16 or 17/);
    assert.throws(() => parseHibernateWish({ ...wish, after: 'halt' as 'back' }), /stay, back, poweroff/);
  });
});
