/** Saves that are interrupted, and images that cannot be resumed: each is refused by the rule that it breaks. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { inOrder } from '../inOrder.ts';
import { changeHeader, writePartitions, type ImageHeader } from './imageDisk.ts';
import { LabMachine } from './labMachine.ts';

/** Of kernel A's machine, and of one that can load its image, in MiB. */
const MEMORY = 128;
const LARGE = 320;
const INTERRUPTED = /cannot be opened as a memory image: it is the image of a kernel whose save was interrupted/;
/** How far a save is when it is interrupted, in bytes. */
const IN_THE_MIDDLE = 20 << 20;
/** Bytes a second: slow enough that the rest of a save takes seconds. */
const WRITE_RATE = 40 << 20;

describe('interrupted saves and images that cannot be resumed', () => {
  inOrder();
  let folder: string;
  /** /dev/vda to /dev/vdd: raw, with a file system, too small for an image, with two partitions. */
  let disks: [raw: string, files: string, small: string, parted: string];
  /** Where the partitions begin. */
  let partitions: number[];
  let machine: LabMachine;
  const opened = (path: string): string => {
    const image = openImage([path]);
    image.close();
    return image.format;
  };
  const save = async (argument: string): Promise<unknown> => machine.agent('save', argument);
  const resume = async (argument: string): Promise<unknown> => machine.agent('resume', argument);
  const files = async (): Promise<string[]> => (await machine.run('ls /mnt/files')).trim().split(/\s+/);
  /** Saves until it is in the middle. */
  const interruptedSave = async (target: string, interrupt: () => Promise<void>): Promise<void> => {
    let interruption: Promise<void> | undefined;
    await assert.rejects(
      machine.agent('save', `target=${target}`, 30, (bytes) => {
        if (bytes > IN_THE_MIDDLE) interruption ??= interrupt();
      }),
      /cancelled|machine was stopped/,
    );
    await interruption;
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'hibernation-faults-'));
    disks = ['raw', 'files', 'small', 'parted'].map((name) => join(folder, name)) as typeof disks;
    for (const disk of disks) {
      writeFileSync(disk, '');
      truncateSync(disk, (disk === disks[2] ? 8 : 2 * MEMORY + 44) << 20);
    }
    partitions = writePartitions(disks[3], [MEMORY + 20, MEMORY + 20]);
  });
  after(async () => LabMachine.stopAll());
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  describe('a save', () => {
    before(async () => {
      machine = await LabMachine.boot('A', { disks, memory: MEMORY, writeRate: WRITE_RATE });
      await assert.rejects(save('target=/dev/vda'), /\/proc\/vmcore cannot be opened.*in kernel B only/);
      await machine.agent('plant', '8');
      // Stripes of zeros: a PT_LOAD each.
      const [random, zero] = ['urandom', 'zero'].map((name) => `head -c 131072 /dev/${name}`);
      await machine.run(`for i in $(seq 60); do ${random}; ${zero}; done >/tmp/striped`);
      await machine.jump('high');
      await machine.run('mke2fs /dev/vdb && mkdir /mnt/files && mount /dev/vdb /mnt/files');
    });

    const refusals: [what: string, argument: string, sentence: RegExp][] = [
      ['level 2', 'level=2', /The level 2 leaves out .*: page cache \(2\)\. It could not go on/],
      ['level 31', 'level=31', /: page cache \(2\), page cache with private data \(4\), memory of programs \(8\)/],
      ['a level that is none', 'level=all', /The level all is none: levels are 0, 1 .*, 16 .* and 17/],
      ['a compressed image', 'compress=zlib', /compressed image cannot be resumed/],
    ];
    for (const [what, argument, sentence] of refusals) {
      it(`of ${what} is refused before anything is written`, async () => {
        await assert.rejects(save(`target=/dev/vda ${argument}`), sentence);
        assert.equal((await machine.run('head -c 4096 /dev/vda | tr -d "\\0" | wc -c')).trim(), '0');
      });
    }

    it('is refused where there is no space, or where somebody else is', async () => {
      const needs = /is too small: the image needs \d+ bytes, and there are \d+/;
      await assert.rejects(save('target=/dev/vdc'), needs);
      await machine.run('dd if=/dev/zero of=/mnt/files/large bs=1M count=230');
      await assert.rejects(save('target=/mnt/files/image'), needs);
      await machine.run('rm /mnt/files/large');
      assert.deepEqual(await files(), ['lost+found']);
      await assert.rejects(save('target=/dev/vdb'), /Device or resource busy; it is mounted/);
      await assert.rejects(save('target=/nowhere/image'), /No such file or directory/);
      await assert.rejects(save('target=/dev/vdx'), /There is no device \/dev\/vdx/);
      await assert.rejects(save('target=/dev/null'), /neither a file nor a block device/);
      await assert.rejects(save(''), /save needs target=/);
      await assert.rejects(machine.agent('cancel'), /nothing is being saved/);
    });

    it('goes to a file, to a partition and to a disk', async () => {
      for (const target of ['/mnt/files/image', '/dev/vdd1', '/dev/vda']) await save(`target=${target}`);
      await save('target=/dev/vdd2 level=17');
      assert.equal(opened(disks[0]), 'ELF32 core with EM_386');
      assert.deepEqual(await files(), ['image', 'lost+found']);
    });

    it('that is cancelled leaves no image, and kernel A can go on', async () => {
      for (const target of ['/dev/vda', '/mnt/files/other']) {
        await interruptedSave(target, async () => {
          await assert.rejects(machine.agent('back'), /is being saved: wait for its end, or cancel it/);
          await machine.agent('cancel');
        });
      }
      assert.deepEqual(await files(), ['image', 'lost+found']);
      await machine.run('sync');
      assert.throws(() => opened(disks[0]), INTERRUPTED);
      await machine.enter('back', 'A');
      await machine.agent('check');
      await machine.jump('high');
    });

    it('that ends by a power cut leaves no image', async () => {
      await save('target=/dev/vda');
      opened(disks[0]);
      await interruptedSave('/dev/vda', async () => machine.cutPower());
      assert.throws(() => opened(disks[0]), INTERRUPTED);
    });
  });

  describe('a resume', () => {
    before(async () => {
      machine = await LabMachine.boot('C', { disks, memory: LARGE });
      await machine.run('mkdir /mnt/files && mount /dev/vdb /mnt/files');
    });

    /** What is changed in the header, and the sentence by which it is refused. */
    const faults: [what: string, change: (header: ImageHeader) => unknown, sentence: RegExp][] = [
      [
        'of another machine',
        ({ bytes }) => bytes.writeUInt16LE(62, 18),
        /another machine \(e_machine 62, ELF class 1\)/,
      ],
      ['that is no core', ({ bytes }) => bytes.writeUInt16LE(2, 16), /is an ELF file, but not a core/],
      ['that is compressed', ({ bytes }) => bytes.write('KDUMP   '), /is not an ELF core, the only format/],
      ['without the note', ({ bytes, note }) => bytes.write('OTHER', note - 12), /no note that marks it as resumable/],
      [
        'of a later version',
        ({ bytes, note }) => bytes.writeUInt32LE(2, note),
        /by version 2 of the note; this kexec knows 1/,
      ],
      ['with another entry', ({ bytes, note }) => bytes[note + 8]!++, /The entry 0x\w+ of .* is not behind the call/],
      [
        'with ranges that overlap',
        ({ loads }) => (loads[1]!.address = loads[0]!.address),
        /PT_LOAD 1 of .* overlaps the one before it, or is not in order, at 0x1000/,
      ],
      ['that is cut off', ({ loads }) => (loads.at(-1)!.offset = 0x70000000), /is cut off: it has \d+ bytes/],
      [
        'with memory of the window',
        ({ loads }) => (loads.at(-1)!.address -= 0x1000),
        /PT_LOAD \d of .* overlaps the window 0x2000000-0x3ffffff/,
      ],
      [
        'that needs memory which is not there',
        ({ loads }) => (loads.at(-1)!.address = 0x20000000),
        /needs memory at 0x20000000-0x\w+, which this machine does not have as RAM/,
      ],
      [
        'larger than half of memory',
        ({ loads }) => (loads.at(-1)!.memory += 100 << 20),
        /at most half of this kernel's memory, \d+ of \d+ MiB: it would need \d+ MiB\. .* inside the window 0x2000000-/,
      ],
    ];
    for (const [what, change, sentence] of faults) {
      it(`of an image ${what} is refused`, async () => {
        const restore = changeHeader(disks[3], partitions[0]!, change);
        await assert.rejects(resume('source=/dev/vdd1'), sentence);
        restore();
      });
    }

    it('of an image with too many ranges is refused', async () => {
      const restore = changeHeader(disks[3], partitions[1]!, ({ loads }) => {
        assert.ok(loads.length > 16);
        for (const load of loads) load.memory = load.file;
      });
      await assert.rejects(
        resume('source=/dev/vdd2'),
        /has \d+ ranges of memory; kexec_load takes at most 16 segments/,
      );
      restore();
    });

    it('of what is unfinished, or not there, is refused', async () => {
      await assert.rejects(resume('source=/dev/vda'), /\/dev\/vda is not whole: its save was interrupted/);
      await assert.rejects(resume('source=/dev/vdx'), /\/dev\/vdx cannot be opened: No such file or directory/);
      await assert.rejects(resume(''), /resume needs source=/);
      await assert.rejects(resume('source=/dev/vdd1 way=boat'), /--resume-by=boat is neither copy nor load/);
      await assert.rejects(machine.agent('jump'), /nothing is loaded to jump to/);
    });

    it('by a kernel that would overwrite itself is refused', async () => {
      const itself =
        /has memory at 0x100000-0x13f\w+, outside of the window 0x2000000-0x3ffffff .*: it would overwrite itself/;
      await assert.rejects(resume('source=/dev/vdd1 way=copy'), itself);
    });

    it('by a kexec that is killed is told as such', async () => {
      await machine.run('printf "#!/bin/sh\\nkill -9 \\$\\$\\n" >/tmp/kexec && chmod +x /tmp/kexec');
      await machine.run('mount --bind /tmp/kexec /sbin/kexec');
      await assert.rejects(resume('source=/dev/vdd1'), /the resume ended without a word/);
      await assert.rejects(machine.load({ min: 0x2000000, max: 0x3ffffff }), /kexec ended with status 137/);
      await machine.run('umount /sbin/kexec');
    });

    it('from a file works after all that', async () => {
      assert.equal((await machine.agent('resume', 'source=/mnt/files/image'))['way'], 'load');
      await machine.run('umount /mnt/files');
      await machine.enter('jump', 'A');
      assert.match((await machine.agent('check'))['sha256']!, /^[0-9a-f]{64}$/);
      await machine.stop();
    });
  });
});
