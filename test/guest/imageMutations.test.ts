/**
 * Real images with damage in many places, through the whole report of `kexec-jump image` and `dmesg`: facts or a sentence, soon, in bounded
 * memory, and what is told adds up.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { MemoryError } from '../../vmcore-viewer/core/errors.ts';
import { readKernelLog } from '../../vmcore-viewer/core/kernelLog.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { factsText } from '../../vmcore-viewer/explorer/factsText.ts';
import { imageFacts } from '../../vmcore-viewer/explorer/imageFacts.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { patch } from './imageTool.ts';
import { Makedumpfile } from './makedumpfile.ts';
import { saveImage } from './savedImage.ts';

/** Both far above what any of it takes, on a machine that others use too. */
const MOST_MS = 20_000;
const MOST_BYTES = 1.5 * 2 ** 30;
const RUNS = 60;

/** What a damaged place holds. */
const damage = fc.oneof(
  fc.constantFrom(0n, 0xffffffffn, 0xffffffffffffffffn, 0x7fffffffn, 1n << 40n).map((value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  }),
  fc.uint8Array({ minLength: 1, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(0, 0xff, 0x5a).map((byte) => Buffer.alloc(PAGE_SIZE, byte)),
);

/** The whole report. A MemoryError is a sentence for the user: anything else is a bug. */
function report(path: string): void {
  const start = performance.now();
  let explorer: Explorer | undefined;
  try {
    explorer = Explorer.open({ paths: [path] });
    const { facts } = imageFacts(explorer, {});
    const { present, excluded, absent, lost, zero } = facts.pages;
    assert.equal(present + excluded + absent + lost, facts.maxPfn);
    assert.ok([present, excluded, absent, lost, zero].every((count) => Number.isSafeInteger(count) && count >= 0));
    assert.ok(zero <= present);
    assert.ok(factsText(explorer, facts).length > 100 && JSON.stringify(facts).length > 100);
    if (explorer.kernel) readKernelLog(explorer.kernel.memory, explorer.kernel.info);
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    assert.ok(error.message.length > 20);
  } finally {
    explorer?.close();
  }
  const took = performance.now() - start;
  assert.ok(took < MOST_MS, `it took ${Math.round(took)} ms`);
  assert.ok(process.memoryUsage.rss() < MOST_BYTES, `it took ${process.memoryUsage.rss() >> 20} MiB`);
}

describe('damaged images', () => {
  inOrder();
  const folder = mkdtempSync(join(tmpdir(), 'image-mutations-'));
  const at = (name: string): string => join(folder, name);
  /** Where damage does most: offsets in the saved image. */
  const tender: number[] = [];
  before(async () => {
    await saveImage(at('saved'), 'low');
    const makedumpfile = Makedumpfile.ofLab(at('makedumpfile'));
    // A kernel that is seen as it is: without the jump its memory is another's, and makedumpfile refuses it.
    await saveImage(at('high'), 'high');
    makedumpfile.run(['-c', '-d', '31', at('high'), at('kdump')]);
    makedumpfile.run(['-F', '-l', '-d', '17', at('high')], at('flattened'));
    makedumpfile.run(['-E', '-d', '31', at('high'), at('elf')]);

    const explorer = Explorer.open({ paths: [at('saved')] });
    const { image, jump, kernel, pages } = explorer;
    const offsetOf = (address: number): number[] => {
      const region = image.regions.find((each) => address >= each.address && address < each.address + each.length);
      return region ? [region.fileOffset! + address - region.address] : [];
    };
    const virtual = [
      ...['swapper_pg_dir', 'init_uts_ns', 'mem_map', 'contig_page_data', 'prb'].map((name) =>
        kernel!.info.symbol(name)!,
      ),
      ...[0, 1000, 30_000].map((pfn) => pages[0]!.pages.address(pfn)!),
    ];
    const physical = virtual.flatMap((address) => {
      const now = kernel!.memory.translate(address)?.physical;
      if (now === undefined) return [];
      return [jump!.asItLeft.locate(now - (now % PAGE_SIZE)) + (now % PAGE_SIZE)];
    });
    const own = [jump!.controlPage, jump!.controlPage + 0x800, jump!.saved.head & ~0xfff, jump!.saved.cr3];
    tender.push(...[...physical, ...own, ...jump!.list.indirectionPages].flatMap(offsetOf));
    explorer.close();
    assert.ok(tender.length > 12);
  });
  after(async () => {
    await Debuggee.endAll();
    rmSync(folder, { recursive: true });
  });

  for (const name of ['saved', 'kdump', 'flattened', 'elf']) {
    it(`are told what they are, or refused: ${name}`, () => {
      const { size } = statSync(at(name));
      const places = name === 'saved' ? tender : [];
      const place = fc.oneof(
        fc.nat(2 * PAGE_SIZE),
        fc.nat(16 * PAGE_SIZE),
        fc.nat(size - PAGE_SIZE),
        ...(places.length > 0
          ? [fc.tuple(fc.constantFrom(...places), fc.nat(256)).map(([at, more]) => at + more)]
          : []),
      );
      const changes = fc.array(fc.tuple(place, damage), { minLength: 1, maxLength: 5 });
      fc.assert(
        fc.property(changes, fc.option(fc.nat(size), { freq: 5 }), (all, end) => {
          copyFileSync(at(name), at('damaged'));
          for (const [offset, bytes] of all) patch(at('damaged'), offset, bytes);
          if (end !== null) truncateSync(at('damaged'), end);
          report(at('damaged'));
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    });
  }

  it('tell how many pages do not decompress', () => {
    copyFileSync(at('kdump'), at('damaged'));
    const bytes = readFileSync(at('kdump'));
    // Among the last pages some are compressed: of others nobody can tell.
    for (let back = 1; back <= 20; back++) patch(at('damaged'), bytes.length - back * 1000, Buffer.alloc(8, 0xa5));
    const [whole, damaged] = ['kdump', 'damaged'].map((name) => {
      const explorer = Explorer.open({ paths: [at(name)] });
      const { facts } = imageFacts(explorer, {});
      explorer.close();
      return facts;
    });
    const { lost, present } = damaged!.pages;
    assert.ok(lost >= 1 && lost <= 20, String(lost));
    assert.equal(present + lost, whole!.pages.present);
    assert.equal(damaged!.format.complete, false);
  });
});
