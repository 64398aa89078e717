/**
 * Classes of pages of Debian's own kernels for x86_64 and for i386 with PAE, which nobody has built for this: as many of each
 * as makedumpfile finds in the same memory, or for a kernel that it does not know, as the kernel itself has counted.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../qemu-runner/programs.ts';
import { readKernelLog } from '../../vmcore-viewer/core/kernelLog.ts';
import { PAGE_CLASS, type PageClassName } from '../../vmcore-viewer/core/pageClassNames.ts';
import { classifyPages, countClasses, type PageClassification } from '../../vmcore-viewer/core/pageClasses.ts';
import { describePage } from '../../vmcore-viewer/core/pageDescription.ts';
import { pageFlagsOf } from '../../vmcore-viewer/core/pageFlags.ts';
import type { PageKnowledge } from '../../vmcore-viewer/core/pageRules.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { PhysicalRun } from '../../vmcore-viewer/core/physicalRuns.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import { findVmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfoScan.ts';
import { findZeroPages } from '../../vmcore-viewer/core/zeroPages.ts';
import { inOrder } from '../inOrder.ts';
import { DebianKernel, QEMU, type DebianMachine } from './debianKernel.ts';
import { DUMP_LEVELS, Makedumpfile, reportOf, writeElfCore } from './makedumpfile.ts';

const MEMORY = 512 << 20;
/** The other half of RAM is above 4 GiB then. */
const HALF = MEMORY / 2;
const FOUR_GIB = 4 * 2 ** 30;
/** The BIOS keeps its tables in the last pages below 4 GiB. */
const FIRMWARE = 32 * PAGE_SIZE;

/** What the CPU sees as RAM: the file has bytes behind the VGA's memory too. */
function ramOf({ memory, below4GiB }: DebianMachine): PhysicalRun[] {
  const low = [
    { address: 0, length: 0xa0000 },
    { address: 0x100000, length: Math.min(memory, below4GiB) - FIRMWARE - 0x100000 },
  ];
  return memory > below4GiB ? [...low, { address: FOUR_GIB, length: memory - below4GiB }] : low;
}

/** Classes of which every kernel that has started its programs has pages. */
const ALWAYS_THERE: readonly PageClassName[] = [
  ...(['free', 'cache', 'user', 'slab', 'pageTable'] as const),
  ...(['kernelText', 'kernelData', 'reserved', 'compound', 'other'] as const),
];
/** Pages that may have changed hands between the kernel's count and the moment it is held. */
const TOLERANCE = 200;

/** Which the guest takes, each of 2 MiB. */
const HUGE_PAGES = 8 * 512;

/**
 * Without zero pages beside others: a makedumpfile of 32 bits takes pages above 4 GiB for those that it has just read 4 GiB
 * below (cache.c, cache_search(): `size_t off`), and may miss that they are zeros.
 */
const LEVELS_32_BIT = [1, 2, 4, 8, 16, 30] as const;
/** Debian 12's makedumpfile does not know this kernel. */
const NO_LEVELS = [] as const;

const X86_64 = { package: 'linux-image-amd64', memory: MEMORY, below4GiB: MEMORY } as const;

const MACHINES: readonly [string, DebianMachine, readonly number[]][] = [
  ['x86_64, four levels, KASLR', { ...X86_64, cpu: 'qemu64', append: '', below4GiB: HALF }, DUMP_LEVELS],
  ['x86_64, five levels', { ...X86_64, cpu: 'max', append: 'nokaslr' }, DUMP_LEVELS],
  [
    'i386 with PAE, KASLR',
    {
      ...{ package: 'linux-image-686-pae:i386', cpu: 'qemu64', append: '' },
      ...{ memory: MEMORY, below4GiB: HALF },
    },
    LEVELS_32_BIT,
  ],
  ['x86_64, Linux 6.12', { ...X86_64, package: 'linux-image-6.12-amd64', cpu: 'max', append: '' }, NO_LEVELS],
];

for (const [name, machine, levels] of MACHINES) {
  const architecture = machine.package.endsWith(':i386') ? 'i386' : 'x86_64';
  const missing = findProgram(QEMU) ? undefined : `there is no ${QEMU}`;
  describe(`page classes, ${name}${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
    inOrder();
    let folder: string;
    let kernel: DebianKernel | undefined;
    let pages: StructPages;
    let found: PageClassification;
    let knowledge: PageKnowledge;
    let vmcoreInfo: Buffer;
    let counts: Record<PageClassName, number>;

    before(async function () {
      if (missing !== undefined) this.skip();
      folder = mkdtempSync(join(tmpdir(), 'page-classes-'));
      kernel = await DebianKernel.boot(machine);
    });
    after(() => {
      kernel?.end();
      if (missing === undefined) rmSync(folder, { recursive: true, force: true });
    });

    it('says of every page what it is', () => {
      const { ram } = kernel!;
      const all = findVmcoreInfo(ram);
      assert.equal(all.length, 1);
      const { address, info } = all[0]!;
      vmcoreInfo = ram.read(address, PAGE_SIZE)!;
      pages = new StructPages(ram, info);
      const table = pageFlagsOf(info.release)!;
      const [code, end] = [kernel!.image('code'), kernel!.image('bss')[1]];
      const { imageOffset } = pages.kernel;
      assert.equal(kernel!.text - imageOffset, code[0]);
      const image = { _text: kernel!.text, _etext: code[1] + 1n + imageOffset, _end: end + 1n + imageOffset };
      knowledge = { table, image };
      found = classifyPages(pages, knowledge);
      assert.deepEqual(
        found.undecided.map((entry) => entry.class),
        ['kernelStack'],
      );
      counts = countClasses(found.classes);
      assert.equal(counts.unreadable, 0);
      // With KASLR the kernel itself may lie where the guest has tried to take a page out of use.
      if (machine.append === 'nokaslr') assert.equal(counts.hwpoison, 1);
      for (const { address: start, length } of ramOf(machine)) {
        const absent = found.classes.indexOf(PAGE_CLASS.absent, start / PAGE_SIZE);
        assert.ok(absent < 0 || absent >= (start + length) / PAGE_SIZE, `pfn ${absent} has a struct page`);
      }
    });

    if (levels.length > 0) {
      it(`agrees with makedumpfile at dump levels ${levels.join(', ')}`, async function () {
        const makedumpfile = await Makedumpfile.fetch(architecture);
        const { ram } = kernel!;
        const core = join(folder, 'core');
        const there = ramOf(machine);
        writeElfCore(core, { architecture, memory: ram, ram: there, pageOffset: pages.kernel.pageOffset!, vmcoreInfo });
        const zero = findZeroPages(ram);
        for (const level of levels) {
          assert.deepEqual(
            reportOf(found.classes, zero, level, there),
            makedumpfile.report(core, level),
            `level ${level}`,
          );
        }
      });
    }

    it('agrees with what the kernel has counted', () => {
      const counted = (of: string): number => kernel!.counted(of);
      const compared: Record<string, [ours: number, kernels: number]> = {
        free: [counts.free, counted('nr_free_pages')],
        // A large kmalloc() is counted as slab; its compound page has nothing of a slab but that.
        slab: [counts.slab + counts.compound, counted('nr_slab_reclaimable') + counted('nr_slab_unreclaimable')],
        pageTable: [counts.pageTable, counted('nr_page_table_pages')],
        cache: [counts.cache + counts.cachePrivate, counted('nr_file_pages')],
        user: [counts.user, counted('nr_anon_pages') + HUGE_PAGES],
      };
      for (const [what, [ours, kernels]] of Object.entries(compared)) {
        assert.ok(Math.abs(ours - kernels) <= TOLERANCE, `${what}: ${ours} pages, the kernel counted ${kernels}`);
      }
    });

    it("reads the kernel's log", () => {
      const { kernel: memory, info } = pages;
      const log = readKernelLog(memory, info).records;
      assert.ok(log[0]!.text.startsWith(`Linux version ${info.release!} `), log[0]!.text);
      assert.ok(log.length > 100);
    });

    it('describes pages of each class', () => {
      for (const of of ALWAYS_THERE) {
        assert.ok(counts[of] > 0, `there are pages of class ${of}`);
        const described = describePage(pages, found.classes, found.classes.indexOf(PAGE_CLASS[of]), knowledge);
        assert.equal(described.class, of);
        assert.ok(described.flags !== undefined);
      }
    });
  });
}
