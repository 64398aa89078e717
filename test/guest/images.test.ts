/** Memory images of a real guest, in all formats that QEMU and makedumpfile write: each page as it is in the guest's RAM. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QmpClient } from '../../qemu-runner/qmp.ts';
import { PRESENCE, type MemoryImage } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { withParts } from '../../vmcore-viewer/core/images/kdump/splitSet.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { PAGE_CLASS } from '../../vmcore-viewer/core/pageClassNames.ts';
import { classifyPages } from '../../vmcore-viewer/core/pageClasses.ts';
import { PAGE_FLAGS_OF_LINUX_6_1 } from '../../vmcore-viewer/core/pageFlags.ts';
import { GuestRamFile, PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';
import { findVmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfoScan.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { Makedumpfile, writeElfCore } from './makedumpfile.ts';

/** MiB. */
const MEMORY = 128;
const PAGES = (MEMORY << 20) / PAGE_SIZE;
/** There QEMU has ROMs and the screen's memory, which the RAM file does not show. */
const isRam = (pfn: number): boolean => pfn < 0xa0 || (pfn >= 0x100 && pfn < PAGES);

describe('memory images of a real guest', () => {
  inOrder();
  let folder: string;
  let debuggee: Debuggee;
  let qmp: QmpClient;
  let ram: GuestRamFile;
  let makedumpfile: Makedumpfile;
  /** An ELF core of all memory, with VMCOREINFO. */
  let core: string;
  const at = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'images-'));
    makedumpfile = Makedumpfile.ofLab(at('makedumpfile'));
    const args = ['-qmp', `unix:${at('qmp')},server=on,wait=off`];
    debuggee = await Debuggee.launch({ memory: MEMORY, autoJump: false, stopAt: [], qemu: { args } });
    await debuggee.ready('canJump');
    await debuggee.client.request('pause', { threadId: 1 });
    await debuggee.stop();
    ram = new GuestRamFile(join(debuggee.folder, 'ram'));
    qmp = await QmpClient.connect(at('qmp'));
    core = at('core');
    const [found] = findVmcoreInfo(ram);
    writeElfCore(core, {
      ...{ architecture: 'i386', memory: ram, ram: [{ address: 0, length: PAGES * PAGE_SIZE }] },
      ...{ pageOffset: 0xc0000000n, vmcoreInfo: ram.read(found!.address, PAGE_SIZE)! },
    });
  });
  after(async () => {
    qmp.close();
    ram.close();
    await debuggee.end();
    rmSync(folder, { recursive: true, force: true });
  });
  after(async () => Debuggee.endAll());

  /** Compares all RAM with an image. @returns how many page frames there are of each presence. */
  function compare(image: MemoryImage): Record<keyof typeof PRESENCE, number> {
    const counts = { absent: 0, present: 0, partly: 0, filtered: 0, unreadable: 0 };
    const names = Object.keys(PRESENCE) as (keyof typeof PRESENCE)[];
    image.presence(0, PAGES).forEach((presence, pfn) => {
      if (!isRam(pfn)) return;
      counts[names[presence]!]++;
      const page = image.read(pfn * PAGE_SIZE, PAGE_SIZE);
      if (presence === PRESENCE.present) assert.ok(page?.equals(ram.read(pfn * PAGE_SIZE, PAGE_SIZE)!), `page ${pfn}`);
      else assert.equal(page, undefined, `page ${pfn}`);
    });
    return counts;
  }

  /** Opens, compares and closes. */
  function check(paths: readonly string[], format: RegExp): { counts: ReturnType<typeof compare>; image: MemoryImage } {
    const image = openImage(paths);
    const counts = compare(image);
    assert.match(image.format, format);
    assert.equal(image.machine, 'i386');
    assert.ok(image.facts.length > 3);
    let bytes = 0;
    for (const range of image.presentRanges()) bytes += range.length;
    assert.ok(bytes >= counts.present * PAGE_SIZE);
    image.close();
    return { counts, image };
  }
  const allPages = PAGES - 0x60;

  for (const paging of [false, true]) {
    it(`reads QEMU's ELF core${paging ? ' by virtual addresses (-p)' : ''}`, async () => {
      const path = at(`qemu-elf-${String(paging)}`);
      await qmp.command('dump-guest-memory', { paging, protocol: `file:${path}` }, 60);
      const { counts, image } = check([path], /^ELF(32|64) core with EM_386, as QEMU writes it$/);
      assert.deepEqual(image.problems, []);
      if (!paging) assert.equal(counts.present, allPages);
      assert.ok(counts.present > 0);
      rmSync(path);
    });
  }

  for (const method of ['zlib', 'lzo', 'snappy']) {
    it(`reads QEMU's kdump-${method}`, async function () {
      const path = at(`qemu-${method}`);
      const { formats } = (await qmp.command('query-dump-guest-memory-capability')) as { formats: string[] };
      if (!formats.includes(`kdump-${method}`)) this.skip();
      const options = { paging: false, protocol: `file:${path}`, format: `kdump-${method}` };
      await qmp.command('dump-guest-memory', options, 60);
      const { counts, image } = check([path], new RegExp(`^kdump-compressed version 6, flattened, ${method}$`));
      assert.equal(counts.present, allPages);
      assert.deepEqual(image.problems, []);
    });
  }

  for (const [options, format] of [
    [['-d', '0'], 'uncompressed'],
    [['-c', '-d', '0'], 'zlib'],
    [['-l', '-d', '0'], 'lzo'],
    [['-c', '-d', '1'], 'zlib'],
    [['-l', '-d', '31'], 'lzo'],
  ] as const) {
    it(`reads what makedumpfile ${options.join(' ')} writes, flattened too`, () => {
      const path = at('dump');
      const level = Number(options.at(-1));
      const messages = makedumpfile.run([...options, '--message-level', '31', core, path]);
      const { counts, image } = check([path], new RegExp(`^kdump-compressed version 6, ${format}$`));
      assert.equal(image.dumpLevel, level);
      assert.deepEqual(image.problems, []);
      // Zero pages, which level 1 is about, share one descriptor.
      if (level <= 1) assert.equal(counts.present, allPages);
      else assert.ok(counts.filtered > 1000 && counts.present > 1000, messages);
      assert.ok(new VmcoreInfo(image.vmcoreInfo!).release);

      const flattened = at('flattened');
      makedumpfile.run(['-F', ...options, core], flattened);
      assert.deepEqual(check([flattened], /, flattened/).counts, counts);
      rmSync(flattened);
      rmSync(path);
    });
  }

  for (const level of [0, 31]) {
    it(`reads what makedumpfile -E -d ${level} writes, flattened too`, () => {
      const path = at('elf');
      makedumpfile.run(['-E', '-d', String(level), core, path]);
      const { counts, image } = check([path], /^ELF64 core with EM_386$/);
      if (level === 0) assert.equal(counts.present, allPages);
      else assert.ok(counts.filtered > 256);
      assert.deepEqual(image.problems, []);
      const flattened = at('flattened');
      makedumpfile.run(['-F', '-E', '-d', String(level), core], flattened);
      assert.deepEqual(check([flattened], /^ELF64 core with EM_386, flattened$/).counts, counts);
      rmSync(flattened);
      rmSync(path);
    });
  }

  it('finds in a dump of level 31 what each page is, and that those that makedumpfile leaves out are not there', () => {
    const path = at('filtered');
    makedumpfile.run(['-c', '-d', '31', core, path]);
    const image = openImage([path]);
    const info = new VmcoreInfo(image.vmcoreInfo!);
    const { classes } = classifyPages(new StructPages(image, info), { table: PAGE_FLAGS_OF_LINUX_6_1 });
    const live = classifyPages(new StructPages(ram, info), { table: PAGE_FLAGS_OF_LINUX_6_1 });
    assert.ok(Buffer.from(classes).equals(Buffer.from(live.classes)));
    const presence = image.presence(0, classes.length);
    const left: number[] = [PAGE_CLASS.free, PAGE_CLASS.cache, PAGE_CLASS.cachePrivate, PAGE_CLASS.user];
    classes.forEach((found, pfn) => {
      assert.equal(presence[pfn], left.includes(found) ? PRESENCE.filtered : PRESENCE.present, `page ${pfn}`);
    });
    image.close();
  });

  it('finds VMCOREINFO in the memory of an image that has no note of it', () => {
    const image = openImage([at('qemu-zlib')]);
    assert.equal(image.vmcoreInfo, undefined);
    const [found, ...more] = findVmcoreInfo(image, image.presentRanges());
    assert.equal(found!.info.release, findVmcoreInfo(ram)[0]!.info.release);
    assert.deepEqual(more, []);
    image.close();
  });

  it('reads a split set in any order, and what is there of one', () => {
    const parts = ['one', 'two', 'three'].map(at);
    // By itself it splits at whole GiB.
    makedumpfile.run(['-c', '-d', '1', '--splitblock-size', '1024', '--split', core, ...parts]);
    const { counts } = check([parts[2]!, parts[0]!, parts[1]!], /^kdump-compressed version 6, split, zlib$/);
    assert.equal(counts.present, allPages);
    // Of several sets in a folder none is taken for whole: there is one.
    assert.deepEqual(withParts([parts[2]!]), parts);
    const partial = check([parts[2]!, parts[0]!], /split/);
    assert.ok(partial.counts.unreadable > 1000);
    assert.match(partial.image.problems.join(), /Files of the split set are missing: those with the page frames/);
  });

  for (const options of ['-c -d 0', '-l -d 1', '-E -d 0', '-F -c -d 0', '-F -l -d 1', '-F -E -d 0']) {
    it(`reads what is there of what makedumpfile ${options} writes when it is cut off`, () => {
      const path = at('cut');
      const args = [...options.split(' '), core];
      if (options.startsWith('-F')) makedumpfile.run(args, path);
      else makedumpfile.run([...args, path]);
      truncateSync(path, Math.floor(statSync(path).size / 2) + 5);
      const { counts, image } = check([path], /./);
      rmSync(path);
      if (options === '-F -E -d 0') {
        assert.match(image.problems.join(), /makedumpfile -E writes them last/);
        return;
      }
      assert.ok(counts.present > 1000 && counts.unreadable > 1000, JSON.stringify(counts));
      assert.match(image.problems.join(), /cut off|damaged/);
    });
  }

  it('reads the RAM file itself', () => {
    const path = at('ram');
    copyFileSync(join(debuggee.folder, 'ram'), path);
    const image = openImage([path]);
    assert.equal(compare(image).present, allPages);
    assert.equal(image.format, 'raw memory');
    image.close();
  });
});
