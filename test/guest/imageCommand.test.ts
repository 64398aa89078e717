/**
 * `kexec-jump image`, `diff` and `dmesg` as programs see them: the built tool on images of a jump, beside makedumpfile's own report of
 * the same memory and the guest's own dmesg.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findLab } from '../../qemu-runner/guest/lab.ts';
import { NAMED_WINDOWS } from '../../qemu-runner/window.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import type { ImageFacts } from '../../vmcore-viewer/explorer/imageFacts.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { CLI } from './commandLine.ts';
import { agree, factsOf, patch, tool, withoutGaps } from './imageTool.ts';
import { Makedumpfile, writeElfCore } from './makedumpfile.ts';
import { runInGuest, saveImage } from './savedImage.ts';

const E_ENTRY = 24;
const LAB_RELEASE = '6.1.192-kexec-jump';

for (const window of ['high', 'low'] as const) {
  describe(`kexec-jump image, ${window} window`, () => {
    inOrder();
    const folder = mkdtempSync(join(tmpdir(), 'image-command-'));
    const at = (name: string): string => join(folder, name);
    const image = at('saved.vmcore');
    let makedumpfile: Makedumpfile;
    let entry: number;
    let dmesg: string;
    let facts: ImageFacts;
    before('kernel B saves kernel A', async () => {
      makedumpfile = Makedumpfile.ofLab(at('makedumpfile'));
      const inA = async (debuggee: Debuggee): Promise<void> => {
        dmesg = await runInGuest(debuggee, 'dmesg');
      };
      entry = await saveImage(image, window, { inA });
    });
    after(async () => {
      await Debuggee.endAll();
      rmSync(folder, { recursive: true });
    });

    it('tells what a saved image is', () => {
      facts = factsOf([image]);
      assert.deepEqual(facts.format, {
        ...{ container: 'elf', bits: 32, machine: 'i386', flattened: false, complete: true },
      });
      assert.equal(facts.pageSize, PAGE_SIZE);
      assert.deepEqual(facts.vmcoreinfo, { osrelease: LAB_RELEASE, from: 'note' });
      assert.ok(facts.banner?.startsWith(`Linux version ${LAB_RELEASE} (`), String(facts.banner));
      const { min, max } = NAMED_WINDOWS[window];
      const { overlay } = facts;
      assert.ok(overlay);
      const { destinations, self, exchanged, indirectionPages } = overlay;
      assert.deepEqual(overlay, {
        ...{ entry: `0x${entry.toString(16)}`, controlPage: `0x${(entry - (entry % PAGE_SIZE)).toString(16)}` },
        ...{ destinations, self, exchanged, indirectionPages },
        window: [min, max].map((address) => `0x${address.toString(16)}`),
        from: 'search',
      });
      assert.equal(destinations, (max + 1 - min) / PAGE_SIZE);
      assert.equal(self + exchanged, destinations);
      assert.ok(self > 0 && exchanged > 0 && indirectionPages >= destinations / 1023);
      assert.deepEqual(facts.resumable, { verdict: 'resumable', reasons: [] });
      assert.deepEqual([facts.problems, facts.undecided, facts.unclassified], [[], [], 0]);
      assert.equal(
        Object.values(facts.classes!).reduce((sum, count) => sum + count, 0),
        facts.maxPfn,
      );
    });

    it('counts its pages as they are in the file', () => {
      const elf = readFileSync(image);
      let [present, zero] = [0, 0];
      const zeros = Buffer.alloc(PAGE_SIZE);
      for (let program = 0; program < elf.readUInt16LE(44); program++) {
        const header = elf.subarray(elf.readUInt32LE(28) + program * 32);
        if (header.readUInt32LE(0) !== 1) continue;
        const [offset, size] = [header.readUInt32LE(4), header.readUInt32LE(16)];
        present += size / PAGE_SIZE;
        for (let page = offset; page < offset + size; page += PAGE_SIZE) {
          zero += Number(elf.subarray(page, page + PAGE_SIZE).equals(zeros));
        }
      }
      const absent = facts.maxPfn - present;
      assert.deepEqual(facts.pages, { present, zero, excluded: 0, absent, lost: 0 });
    });

    it('counts the classes of pages as makedumpfile does, seen as the kernel had them', () => {
      const explorer = Explorer.open({ paths: [image] });
      writeElfCore(at('overlaid'), {
        architecture: 'i386',
        memory: withoutGaps(explorer.jump!.asItLeft),
        ram: [{ address: 0, length: facts.maxPfn * PAGE_SIZE }],
        pageOffset: explorer.kernel!.memory.pageOffset!,
        vmcoreInfo: explorer.image.vmcoreInfo!,
      });
      explorer.close();
      agree(facts, makedumpfile, at('overlaid'));
      rmSync(at('overlaid'));
    });

    it('tells the registers of the CPU, and those that the kernel left with', () => {
      assert.deepEqual(
        facts.registers.map(({ cpu, from, at: place }) => [cpu, from, place?.split('+')[0]]),
        [
          [0, 'note', 'machine_kexec'],
          [null, 'jump', 'machine_kexec'],
        ],
      );
      const [note, jump] = facts.registers.map(({ values }) => values);
      assert.equal(note!['cs'], '0x60');
      assert.equal(Number(jump!['cr0']) & 1, 1);
      assert.equal(note!['ebp'], jump!['ebp']);
    });

    it('finds the re-entry point in e_entry, in a file beside it, and takes one that is given', () => {
      const from = (...args: string[]): string | undefined => factsOf([image, ...args]).overlay?.from;
      const text = `0x${entry.toString(16)}`;
      for (const [file, content] of [
        ['entry', `${text}\n`],
        ['saved.vmcore.entry', `console=ttyS0 elfcorehdr=0x1234 kexec_jump_back_entry=${text} nokaslr\n`],
      ] as const) {
        writeFileSync(at(file), content);
        assert.equal(from(), 'file');
        rmSync(at(file));
      }
      writeFileSync(at('entry'), '0x1000\n');
      const { overlay, problems } = factsOf([image]);
      assert.equal(overlay?.from, 'search');
      assert.match(problems.join(), /entry does not tell the re-entry point of this image\. Physical 0x1000 is no/);
      assert.equal(from('--entry', text), 'argument');
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(entry);
      patch(image, E_ENTRY, bytes);
      assert.equal(from(), 'e_entry');
      patch(image, E_ENTRY, Buffer.alloc(4));
      rmSync(at('entry'));
      const wrong = factsOf([image, '--entry', '0x5000'], 1);
      assert.equal(wrong.overlay, null);
      assert.match(wrong.stderr, /Physical 0x5000 is no re-entry point/);
    });

    it('finds VMCOREINFO without a note: through the jump where that has moved it', () => {
      const head = readFileSync(image).subarray(0, 4 * PAGE_SIZE);
      const name = head.indexOf('VMCOREINFO\0');
      patch(image, name, Buffer.from('X'));
      const { vmcoreinfo, classes } = factsOf([image]);
      patch(image, name, Buffer.from('V'));
      assert.deepEqual(vmcoreinfo, { osrelease: LAB_RELEASE, from: window === 'low' ? 'overlay' : 'scan' });
      assert.deepEqual(classes, facts.classes);
    });

    it('compares a vmlinux by its build id', () => {
      const { vmlinux } = findLab()!;
      assert.equal(factsOf([image, '--vmlinux', vmlinux]).vmlinux?.matches, true);
      copyFileSync(vmlinux, at('vmlinux'));
      const file = readFileSync(vmlinux);
      const buildId = factsOf([image, '--vmlinux', vmlinux]).vmlinux!.buildId!;
      patch(at('vmlinux'), file.indexOf(Buffer.from(buildId, 'hex')), Buffer.from([0, 0, 0, 0]));
      const { stderr, vmlinux: other } = factsOf([image, '--vmlinux', at('vmlinux')], 1);
      assert.equal(other?.matches, false);
      assert.match(stderr, new RegExp(`its build id is 00000000\\w+, that of Linux .* is ${buildId}\\.`));
      rmSync(at('vmlinux'));
    });

    it('prints the log as the guest has printed it', () => {
      const { status, stdout, stderr } = tool('dmesg', image);
      assert.deepEqual([status, stderr], [0, '']);
      assert.ok(dmesg.length > 5000);
      assert.equal(stdout.slice(0, dmesg.length), dmesg);
      assert.match(stdout.slice(dmesg.length), /Freezing user space processes/);
      // Who has seen enough closes the pipe.
      const shell = `"${process.execPath}" "${CLI}" dmesg "${image}" | head -n 1`;
      assert.equal(spawnSync('sh', ['-c', shell], { encoding: 'utf8' }).stderr, '');
    });

    it('shows what is there of one that was cut off, and says what is not', () => {
      copyFileSync(image, at('cut'));
      const size = Math.floor(statSync(image).size * 0.6) + 7;
      truncateSync(at('cut'), size);
      const cut = factsOf([at('cut')], 1);
      assert.equal(cut.format.complete, false);
      assert.equal(cut.maxPfn, facts.maxPfn);
      assert.ok(cut.pages.lost > 1000 && cut.pages.absent === facts.pages.absent);
      assert.equal(cut.resumable.verdict, 'notResumable');
      assert.match(cut.stderr, new RegExp(`not there \\(it ends at 0x${size.toString(16)}\\)`));
      rmSync(at('cut'));
    });

    it('compares images, with the exit statuses of diff', () => {
      assert.equal(tool('diff', image, image).status, 0);
      copyFileSync(image, at('other'));
      const elf = readFileSync(image);
      patch(at('other'), elf.indexOf(`Linux version ${LAB_RELEASE}`), Buffer.from('l'));
      const { status, stdout } = tool('diff', '--json', image, at('other'));
      assert.equal(status, 1);
      const { pages } = JSON.parse(stdout) as { pages: Record<string, number> };
      assert.equal(pages['different'], 1);
      assert.match(tool('diff', image, at('other')).stdout, /What differs\n {2}pfn/);
      assert.equal(tool('diff', image, at('none')).status, 2);
      rmSync(at('other'));
    });

    if (window === 'high') {
      for (const level of [1, 17, 31]) {
        it(`tells what makedumpfile -E -d ${level} has made of it, and whether that can be resumed`, () => {
          makedumpfile.run(['-E', '-d', String(level), image, at('elf')]);
          const found = factsOf([at('elf'), '--entry', `0x${entry.toString(16)}`]);
          assert.ok(found.pages.excluded > 1000);
          assert.equal(found.pages.present + found.pages.excluded, facts.pages.present);
          assert.deepEqual(found.classes, facts.classes);
          assert.equal(
            found.resumable.verdict,
            level === 31 ? 'notResumable' : 'resumable',
            JSON.stringify(found.resumable),
          );
          rmSync(at('elf'));
        });
      }

      for (const [options, level] of [
        ['-c', 1],
        ['-c', 31],
        ['-l', 0],
        ['-F -l', 17],
      ] as const) {
        it(`tells what makedumpfile ${options} -d ${level} has made of it`, () => {
          const args = [...options.split(' '), '-d', String(level)];
          if (options.startsWith('-F')) makedumpfile.run([...args, image], at('kdump'));
          else makedumpfile.run([...args, image, at('kdump')]);
          const report = makedumpfile.report(image, level);
          const left = level < 2 ? 0 : report.cache + report.cachePrivate + report.user + report.free;
          const found = factsOf([at('kdump')]);
          const { container, flattened, complete, machine } = found.format;
          assert.deepEqual(
            [container, flattened, complete, machine],
            ['kdump', options.startsWith('-F'), true, 'i386'],
          );
          const excluded = level < 2 ? 0 : left;
          assert.equal(found.pages.excluded, excluded);
          assert.equal(found.pages.present, facts.pages.present - excluded);
          if (level < 2) assert.equal(found.pages.zero, facts.pages.zero);
          assert.deepEqual(found.classes, facts.classes);
          assert.equal(found.resumable.verdict, 'notResumable');
          rmSync(at('kdump'));
        });
      }

      it('tells what is there of a split set', () => {
        const parts = ['one', 'two', 'three'].map(at);
        makedumpfile.run(['-c', '-d', '1', '--splitblock-size', '1024', '--split', image, ...parts]);
        const whole = factsOf([parts[2]!, parts[0]!, parts[1]!]);
        assert.deepEqual([whole.pages, whole.classes], [facts.pages, facts.classes]);
        const half = factsOf([parts[0]!, parts[1]!], 1);
        assert.ok(half.pages.lost > 0 && !half.format.complete);
        assert.equal(half.pages.present + half.pages.lost, facts.pages.present);
        assert.match(half.stderr, /Files of the split set are missing/);
        renameSync(parts[0]!, at('damaged'));
        // Among the last pages some are compressed: of others nobody can tell.
        const { size } = statSync(at('damaged'));
        for (let back = 1; back <= 20; back++) patch(at('damaged'), size - back * 1000, Buffer.alloc(16, 0xff));
        const damaged = factsOf([at('damaged'), parts[1]!, parts[2]!], 1);
        assert.ok(damaged.pages.lost >= 1 && damaged.pages.lost <= 20, String(damaged.pages.lost));
        assert.match(damaged.stderr, /page frame \d+ \(physical 0x[0-9a-f]+\) is damaged/);
      });
    }
  });
}

describe('kexec-jump image, of what is no image', () => {
  it('says so in a sentence, with status 2', () => {
    for (const [args, sentence] of [
      [['/dev/zero'], /it is a folder, a pipe or a device/],
      [['/nowhere'], /\/nowhere cannot be opened: there is no such file\./],
      [[import.meta.dirname], /it is a folder/],
      [[import.meta.filename], /it has no signature that is known/],
      [[], /it needs a file\nUsage: kexec-jump image FILE/],
      [['--colour', 'x'], /Unknown option '--colour'/],
      [['--entry', 'zz', import.meta.filename], /"zz" is no physical address/],
    ] as const) {
      const { status, stdout, stderr } = tool('image', ...args);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, sentence);
    }
  });
});
