/**
 * Classes of pages of real kernels, live and dormant: as many of each as makedumpfile finds in the same memory, and as the
 * kernel itself has counted.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Console } from '../../qemu-runner/consoles.ts';
import { findLab } from '../../qemu-runner/guest/lab.ts';
import { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { PAGE_CLASS, type PageClassName } from '../../vmcore-viewer/core/pageClassNames.ts';
import { classifyPages, countClasses } from '../../vmcore-viewer/core/pageClasses.ts';
import { describePage } from '../../vmcore-viewer/core/pageDescription.ts';
import { PAGE_FLAGS_OF_LINUX_6_1 } from '../../vmcore-viewer/core/pageFlags.ts';
import { decodePageList, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import type { PageKnowledge } from '../../vmcore-viewer/core/pageRules.ts';
import { GuestRamFile, PAGE_SIZE, readWord, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import { findVmcoreInfo, type FoundVmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfoScan.ts';
import { findZeroPages } from '../../vmcore-viewer/core/zeroPages.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { DUMP_LEVELS, Makedumpfile, reportOf, writeElfCore } from './makedumpfile.ts';

const THREAD = { A: 1, B: 2 } as const;
/** Of the page list, in the control page. */
const LIST_HEAD = 0x81c;
/**
 * The kernel counts pages of kmalloc() as slab that are too large for one, and have no such flag (mm/slab_common.c,
 * __kmalloc_large_node). The lab's keeps these, in bytes: net/ipv4/tcp_metrics.c, tcp_net_metrics_init; drivers/ata/libata-core.c,
 * ata_port_alloc, for the two channels of the machine's PIIX.
 */
const LARGE_KMALLOCS = [
  'sizeof(*tcp_metrics_hash) << tcp_metrics_hash_log',
  'sizeof(struct ata_port)',
  'sizeof(struct ata_port)',
];
/** MiB. */
const MEMORY = 128;
/** Classes of which every kernel that has started its programs has pages. */
const ALWAYS_THERE = [
  ...(['free', 'cache', 'user', 'slab', 'pageTable'] as const),
  ...(['kernelText', 'kernelData', 'reserved', 'other'] as const),
];

for (const window of ['high', 'low'] as const) {
  describe(`page classes, ${window} window`, () => {
    inOrder();
    let folder: string;
    let makedumpfile: Makedumpfile;
    let debuggee: Debuggee;
    let ram: GuestRamFile;
    let list: PageList;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'page-classes-'));
      makedumpfile = Makedumpfile.ofLab(join(folder, 'makedumpfile'));
      const disk = join(folder, 'disk');
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '8M']);
      const drive = ['-drive', `if=none,id=disk,format=qcow2,file=${disk}`];
      debuggee = await Debuggee.launch({
        window,
        memory: MEMORY,
        autoJump: false,
        stopAt: [],
        qemu: { args: [...drive, '-device', 'virtio-blk-pci,drive=disk'] },
      });
      await debuggee.ready('canJump');
      ram = new GuestRamFile(join(debuggee.folder, 'ram'));
    });
    after(async () => {
      await debuggee.end();
      ram.close();
      rmSync(folder, { recursive: true, force: true });
    });
    after(async () => Debuggee.endAll());

    /** Types a command into kernel A's console and waits for what it prints. */
    const type = async (command: string, printed: string): Promise<void> => {
      const terminal = await Console.connect(join(debuggee.folder, 'console-A.socket'));
      terminal.write(`${command}\n`);
      for (let waited = 0; !terminal.tail().includes(printed); waited += 20) {
        assert.ok(waited < 20_000, terminal.tail());
        await delay(20);
      }
    };

    /** What the kernel itself has counted, by gdb. Source: include/linux/mmzone.h, enum zone_stat_item, node_stat_item. */
    const countedBy = async (kernel: 'A' | 'B'): Promise<Record<string, number>> => {
      const [frame] = await debuggee.stack(THREAD[kernel]);
      const number = async (expression: string): Promise<number> =>
        Number(await debuggee.evaluate(expression, frame!.id));
      const counter = async (name: string): Promise<number> => number(`${name}.counter`);
      let large = 0;
      for (const bytes of LARGE_KMALLOCS) large += 2 ** Math.ceil(Math.log2((await number(bytes)) / PAGE_SIZE));
      return {
        free: await counter('vm_zone_stat[NR_FREE_PAGES]'),
        slab:
          (await counter('vm_node_stat[NR_SLAB_RECLAIMABLE_B]')) +
          (await counter('vm_node_stat[NR_SLAB_UNRECLAIMABLE_B]')) -
          large,
        pageTable: await counter('vm_node_stat[NR_PAGETABLE]'),
      };
    };

    const pause = async (thread: number): Promise<void> => {
      await debuggee.client.request('pause', { threadId: thread });
      await debuggee.stop();
    };

    it('agrees with makedumpfile and the kernel about a running kernel A', async () => {
      // A file system keeps its own blocks with buffer heads: private page cache.
      await type(
        'mke2fs /dev/vda > /dev/null && mount -t ext2 /dev/vda /mnt && echo $((6 * 7)) is mounted',
        '42 is mounted',
      );
      await pause(THREAD.A);
      const found = findVmcoreInfo(ram);
      assert.equal(found.length, 1);
      const classes = agree('A', ram, found[0]!);
      assert.deepEqual(await countedBy('A'), pick(classes));
      assert.ok(classes.cachePrivate > 0, 'the disk has left private page cache');
      await debuggee.proceed(THREAD.A);
    });

    it('agrees with makedumpfile and the kernel about a dormant kernel A, through the overlay', async () => {
      await debuggee.client.request('kexecJump/jump');
      await debuggee.ready('canJumpBack');
      const entry = Number((await debuggee.agent('status'))['entry']);
      await pause(THREAD.B);
      list = decodePageList(ram, readWord(ram, entry - (entry % PAGE_SIZE) + LIST_HEAD)!);
      const sources = new Set(list.exchanges.map(({ source }) => source));
      const overlay = new Overlay(ram, [list]);
      const own = findVmcoreInfo(overlay).filter(({ address }) => !sources.has(address));
      assert.equal(own.length, 1);
      assert.deepEqual(await countedBy('A'), pick(agree('dormant-A', overlay, own[0]!)));
    });

    it('agrees with makedumpfile and the kernel about kernel B in the window', async () => {
      const destinations = new Set(list.exchanges.map(({ destination }) => destination));
      const both = findVmcoreInfo(ram);
      assert.equal(both.length, 2);
      const own = both.filter(({ address }) => destinations.has(address));
      assert.equal(own.length, 1);
      assert.deepEqual(await countedBy('B'), pick(agree('B', ram, own[0]!)));
    });

    /** Checks every dump level. @returns how many pages there are of each class. */
    function agree(
      name: string,
      memory: PhysicalMemory,
      { address, info }: FoundVmcoreInfo,
    ): Record<PageClassName, number> {
      const pages = new StructPages(memory, info);
      const knowledge = { table: PAGE_FLAGS_OF_LINUX_6_1, image: imageOf(pages) };
      const { classes, undecided } = classifyPages(pages, knowledge);
      const zero = findZeroPages(memory);
      assert.deepEqual(
        undecided.map((entry) => [entry.class, ...entry.missing]),
        [
          ['hwpoison', 'NUMBER(PG_hwpoison)'],
          ['kernelStack', 'the list of tasks and the size of a stack'],
        ],
      );

      const core = join(folder, `${name}.core`);
      writeElfCore(core, {
        architecture: 'i386',
        memory,
        ram: [{ address: 0, length: pages.endPfn * PAGE_SIZE }],
        pageOffset: pages.kernel.pageOffset!,
        vmcoreInfo: memory.read(address, PAGE_SIZE)!,
      });
      for (const level of DUMP_LEVELS) {
        const expected = makedumpfile.report(core, level);
        assert.deepEqual(reportOf(classes, zero, level), expected, `${name}: dump level ${level}`);
      }
      rmSync(core);

      const counts = countClasses(classes);
      for (const found of ALWAYS_THERE) {
        assert.ok(counts[found] > 0, `${name} has pages of class ${found}`);
        const described = describePage(pages, classes, classes.indexOf(PAGE_CLASS[found]), knowledge);
        assert.equal(described.class, found);
      }
      assert.equal(counts.unreadable, 0);
      return counts;
    }
  });
}

/** The classes that a kernel counts itself. */
function pick({ free, slab, pageTable }: Record<PageClassName, number>): Record<string, number> {
  return { free, slab, pageTable };
}

/** The lab's vmlinux gives the image's extent; VMCOREINFO says where that kernel runs. */
function imageOf({ info }: StructPages): PageKnowledge['image'] & object {
  const file = new KernelFile(findLab()!.vmlinux);
  const moved = info.symbol('_stext')! - BigInt(file.symbol('_stext')!.address);
  const address = (name: string): bigint => BigInt(file.symbol(name)!.address) + moved;
  const image = { _text: address('_text'), _etext: address('_etext'), _end: address('_end') };
  file.close();
  return image;
}
