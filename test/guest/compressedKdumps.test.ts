/**
 * Kdump files by every compression there is, of the memory of Debian's kernel: plain, flattened and in parts, each page as it is in
 * memory, and the classes that makedumpfile finds.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRESENCE } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { flatten, piecesOf } from '../unit/imageFiles.ts';
import { inOrder } from '../inOrder.ts';
import { coreOfDebian } from './coreOfDebian.ts';
import { agree, factsOf } from './imageTool.ts';
import { Makedumpfile } from './makedumpfile.ts';
import { compressBySnappy } from './snappyKdump.ts';

const MEMORY = 256 << 20;
const PARTS = 3;
/** Bytes in a record of a flattened file: makedumpfile's own are about so long. */
const RECORD = 300_000;

/** By makedumpfile's option. */
const COMPRESSIONS = { '-c': 'zlib', '-l': 'lzo', '-z': 'zstd', '-p': 'snappy' } as const;
type Option = keyof typeof COMPRESSIONS;

describe('kdump files by every compression', () => {
  inOrder();
  const folder = mkdtempSync(join(tmpdir(), 'compressed-'));
  const at = (name: string): string => join(folder, name);
  const core = at('core');
  let makedumpfile: Makedumpfile;
  let pages: number;
  after(() => {
    rmSync(folder, { recursive: true });
  });

  before(async () => {
    makedumpfile = await Makedumpfile.fetchWithZstd();
    const ram = await coreOfDebian(core, MEMORY);
    pages = ram.reduce((sum, { length }) => sum + length / PAGE_SIZE, 0);
  });

  /** Compares every page that a file has with the core's. @returns how many there are. */
  function compare(paths: readonly string[], format: string): { present: number; filtered: number } {
    const [image, original] = [openImage(paths), openImage([core])];
    assert.equal(image.format, format);
    const counts = { present: 0, filtered: 0 };
    image.presence(0, MEMORY / PAGE_SIZE).forEach((presence, pfn) => {
      if (presence === PRESENCE.filtered) counts.filtered++;
      if (presence !== PRESENCE.present) return;
      counts.present++;
      const page = image.read(pfn * PAGE_SIZE, PAGE_SIZE);
      assert.ok(page?.equals(original.read(pfn * PAGE_SIZE, PAGE_SIZE)!), `page ${pfn}`);
    });
    assert.deepEqual(image.problems, []);
    image.close();
    original.close();
    return counts;
  }

  /** Writes files by an option. @returns what it says. */
  async function write(option: Option, options: readonly string[], ...paths: string[]): Promise<string> {
    const messages = makedumpfile.run([option, ...options, '--message-level', '31', core, ...paths]);
    if (option === '-p') {
      // Were it built with snappy, all this would be its own.
      assert.match(messages, /'-p' option is disabled/);
      for (const path of paths) assert.ok((await compressBySnappy(path)) > 1000);
    }
    return messages;
  }

  for (const [option, method] of Object.entries(COMPRESSIONS) as [Option, string][]) {
    describe(method, () => {
      const dump = at(`dump${option}`);
      let counts: ReturnType<typeof compare>;

      it('is read page for page, all of them and those that level 31 leaves', async () => {
        const all = at('all');
        await write(option, ['-d', '0'], all);
        counts = compare([all], `kdump-compressed version 6, ${method}`);
        rmSync(all);
        // The page that the guest has taken out of use is left out at every level.
        assert.ok(counts.present + counts.filtered === pages && counts.filtered <= 1, JSON.stringify(counts));
        await write(option, ['-d', '31'], dump);
        counts = compare([dump], `kdump-compressed version 6, ${method}`);
        assert.equal(counts.present + counts.filtered, pages);
        assert.ok(counts.present > 1000 && counts.filtered > 1000, JSON.stringify(counts));
      });

      it('is read when it is flattened', () => {
        const flattened = at('flattened');
        if (option === '-p') writeFileSync(flattened, flatten(piecesOf(readFileSync(dump), RECORD)));
        else makedumpfile.run(['-F', option, '-d', '31', core], flattened);
        assert.deepEqual(compare([flattened], `kdump-compressed version 6, flattened, ${method}`), counts);
        rmSync(flattened);
      });

      it('is read in parts', async () => {
        const parts = Array.from({ length: PARTS }, (_, part) => at(`part-${part}`));
        // By itself it splits at whole GiB.
        await write(option, ['-d', '31', '--splitblock-size', '1024', '--split'], ...parts);
        assert.deepEqual(compare(parts, `kdump-compressed version 6, split, ${method}`), counts);
        for (const part of parts) rmSync(part);
      });

      it('has the classes that makedumpfile finds', () => {
        const facts = factsOf([dump]);
        assert.equal(facts.unclassified, 0);
        agree(facts, makedumpfile, core);
      });
    });
  }
});
