/**
 * An ordinary kdump: kernel A panics, and a capture kernel in memory that A was told never to use saves it, as /proc/vmcore is and by
 * makedumpfile. Nobody has jumped; what is told of it is what makedumpfile tells.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRESENCE } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { findZeroPages } from '../../vmcore-viewer/core/zeroPages.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { agree, factsOf, tool } from './imageTool.ts';
import { LabMachine } from './labMachine.ts';
import { DUMP_LEVELS, Makedumpfile, reportOf } from './makedumpfile.ts';

/** MiB: the capture kernel, its RAM disk unpacked, and a dump on its way to the disk. */
const CRASH_KERNEL = 80;
/** MiB; even, as kernels begin: random numbers for the capture kernel must not lie right behind it, where it is decompressed to. */
const CRASH_KERNEL_AT = 160;
/** Bytes: more than the memory of the guest. */
const DISK_SIZE = 300 << 20;
const LAB_RELEASE = '6.1.192-kexec-jump';
const NEEDED_PAGES = 'Pages left out';

/** What makedumpfile writes in the capture kernel, as people filter it. */
const FILTERED = {
  lzo: { command: 'makedumpfile -l -d 31 /proc/vmcore /tmp/dump', format: 'kdump-compressed version 6, lzo' },
  zlib: { command: 'makedumpfile -c -d 31 /proc/vmcore /tmp/dump', format: 'kdump-compressed version 6, zlib' },
  flattened: {
    command: 'makedumpfile -F -c -d 31 /proc/vmcore >/tmp/dump',
    format: 'kdump-compressed version 6, flattened, zlib',
  },
} as const;
type FilteredName = keyof typeof FILTERED;
const FILTERED_NAMES = Object.keys(FILTERED) as FilteredName[];

describe('an ordinary kdump', () => {
  inOrder();
  const folder = mkdtempSync(join(tmpdir(), 'ordinary-kdump-'));
  const at = (name: string): string => join(folder, name);
  const vmcore = at('vmcore');
  let makedumpfile: Makedumpfile;
  /** What kernel A had logged before it panicked. */
  let dmesg: string;
  after(async () => {
    await Promise.all([Debuggee.endAll(), LabMachine.stopAll()]);
    rmSync(folder, { recursive: true });
  });

  before('kernel A panics, and the capture kernel saves it', async () => {
    makedumpfile = Makedumpfile.ofLab(at('makedumpfile'));
    const disks = [vmcore, ...FILTERED_NAMES.map(at), at('files')];
    for (const disk of disks) {
      writeFileSync(disk, '');
      truncateSync(disk, DISK_SIZE);
    }
    const device = (path: string): string => `/dev/vd${String.fromCharCode(0x61 + disks.indexOf(path))}`;
    const machine = await LabMachine.boot('A', { append: `crashkernel=${CRASH_KERNEL}M@${CRASH_KERNEL_AT}M`, disks });
    // A file system keeps its own blocks with buffer heads: private page cache.
    const files = device(at('files'));
    await machine.run(`mke2fs ${files} >/dev/null && mount -t ext2 ${files} /mnt`);
    await machine.run('kexec -p /boot/kernel --initrd=/boot/initrd --append="$(cat /boot/append)"');
    assert.equal(await machine.run('cat /sys/kernel/kexec_crash_loaded'), '1\n');
    dmesg = await machine.run('dmesg');
    await machine.crash();
    const save = async (file: string, path: string): Promise<void> => {
      truncateSync(path, Number(await machine.run(`cat ${file} >${device(path)} && sync && wc -c <${file}`)));
    };
    await save('/proc/vmcore', vmcore);
    for (const name of FILTERED_NAMES) {
      await machine.run(`{ ${FILTERED[name].command}; } 2>/tmp/messages >&2`);
      await save('/tmp/dump', at(name));
      await machine.run('rm /tmp/dump');
    }
    await machine.stop();
  });

  it('is opened with what its notes tell, as the memory of no jump', () => {
    const facts = factsOf([vmcore]);
    assert.deepEqual(facts.format, {
      ...{ container: 'elf', bits: 32, machine: 'i386', flattened: false, complete: true },
    });
    assert.deepEqual(facts.vmcoreinfo, { osrelease: LAB_RELEASE, from: 'note' });
    assert.deepEqual([facts.overlay, facts.problems, facts.undecided, facts.unclassified], [null, [], [], 0]);
    // The capture kernel's own memory is not in it.
    assert.ok(facts.pages.absent >= (CRASH_KERNEL << 20) / PAGE_SIZE);
    assert.equal(facts.pages.lost + facts.pages.excluded, 0);
    const [registers, ...others] = facts.registers;
    assert.match(registers!.at!, /^__crash_kexec\+0x/);
    assert.deepEqual([registers!.cpu, registers!.from, others], [0, 'note', []]);
  });

  it('has the log of the kernel, down to the panic', () => {
    for (const path of [vmcore, ...FILTERED_NAMES.map(at)]) {
      const { status, stdout, stderr } = tool('dmesg', path);
      assert.equal(status, 0, stderr);
      assert.ok(stdout.startsWith(dmesg), stdout.slice(0, 200));
      assert.match(
        stdout.slice(dmesg.length),
        // The kernel may have had something else to say in between.
        /^(?:\[.*\n)*?\[.*\] sysrq: Trigger a crash\n(?:\[.*\n)*?\[.*\] Kernel panic - not syncing: sysrq/,
      );
    }
  });

  it('has as many pages of each class as makedumpfile leaves out at each level', () => {
    const explorer = Explorer.open({ paths: [vmcore] });
    const { classes } = explorer.pages[0]!;
    const zero = findZeroPages(explorer.image);
    const ram = explorer.image.regions;
    for (const level of DUMP_LEVELS) {
      assert.deepEqual(reportOf(classes, zero, level, ram), makedumpfile.report(vmcore, level), `level ${level}`);
    }
    explorer.close();
    const { classes: counts } = factsOf([vmcore]);
    assert.ok(counts!.cachePrivate > 0, 'the disk has left private page cache');
    assert.ok(counts!.free > 0 && counts!.cache > 0 && counts!.user > 0);
  });

  for (const name of FILTERED_NAMES) {
    it(`is the same, as makedumpfile has filtered it: ${name}`, () => {
      const facts = factsOf([at(name)]);
      const whole = factsOf([vmcore]);
      assert.deepEqual(facts.classes, whole.classes);
      assert.deepEqual(facts.registers, whole.registers);
      assert.deepEqual(facts.vmcoreinfo, whole.vmcoreinfo);
      assert.deepEqual([facts.overlay, facts.problems, facts.unclassified], [null, [], 0]);
      agree(facts, makedumpfile, vmcore);
      const { free, cache, cachePrivate, user } = whole.classes!;
      assert.ok(facts.pages.excluded >= free + cache + cachePrivate + user - facts.pages.absent);

      const [filtered, original] = [openImage([at(name)]), openImage([vmcore])];
      assert.equal(filtered.format, FILTERED[name].format);
      const presence = filtered.presence(0, facts.maxPfn);
      let compared = 0;
      presence.forEach((found, pfn) => {
        if (found !== PRESENCE.present) return;
        const page = original.read(pfn * PAGE_SIZE, PAGE_SIZE);
        if (!page) return;
        compared++;
        assert.ok(filtered.read(pfn * PAGE_SIZE, PAGE_SIZE)?.equals(page), `page ${pfn}`);
      });
      assert.ok(compared >= facts.pages.present - 1);
      filtered.close();
      original.close();
    });
  }

  it('cannot be resumed, since nobody has left', () => {
    const broken = (name: string): string[] => {
      const { verdict, reasons } = factsOf([at(name)]).resumable;
      assert.equal(verdict, 'notResumable');
      return reasons.filter((rule) => rule.verdict === 'broken').map(({ title }) => title);
    };
    assert.deepEqual(broken('vmcore'), ['Re-entry point']);
    for (const name of FILTERED_NAMES) assert.deepEqual(broken(name), ['File format', 'Re-entry point', NEEDED_PAGES]);
    const { stdout } = tool('image', vmcore);
    assert.match(stdout, /^This image cannot be resumed\.$/m);
    assert.match(stdout, /^3\. BROKEN {3}Re-entry point: No kernel has left by a jump in this image/m);
  });

  for (const name of ['vmcore', 'lzo']) {
    it(`is debugged, with the stack from the system call to the panic: ${name}`, async () => {
      const debuggee = await Debuggee.launch({ core: at(name) });
      const stop = await debuggee.stop();
      const calls = [
        '__crash_kexec',
        'panic',
        'sysrq_handle_crash',
        '__handle_sysrq',
        'write_sysrq_trigger',
        'vfs_write',
        'ksys_write',
      ];
      const found = stop.functions.filter((call) => calls.includes(call));
      assert.deepEqual(found, calls, stop.functions.join(' < '));
      assert.match(await debuggee.evaluate('init_task.comm', stop.frames[0]!.id), /^"swapper/);
      await debuggee.end();
    });
  }
});
