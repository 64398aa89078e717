/** Each rule of the window and of what is loaded, broken on purpose: what the preflight says of it, and what the guest then does. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from '../../debug-adapter/preflight/judge.ts';
import { LIVE_COMMAND, parseAnswer } from '../../debug-adapter/preflight/live.ts';
import type { PreflightReport } from '../../debug-adapter/preflight/rule.ts';
import type { Window } from '../../qemu-runner/window.ts';
import { pageOf, writeElf } from '../unit/imageFiles.ts';
import { Debuggee } from './debuggee.ts';
import { LabMachine } from './labMachine.ts';
import { breaking, factsOf, preflightOf } from './preflightOf.ts';
import { runInGuest } from './savedImage.ts';

const MEMORY = 128;
const MIB = 1 << 20;
const windowOf = (min: number, mebibytes: number): Window => ({ min, max: min + mebibytes * MIB - 1 });

describe('what breaks a jump', () => {
  let folder: string;
  let machine: LabMachine;

  before(() => (folder = mkdtempSync(join(tmpdir(), 'preflight-test-'))));
  after(async () => LabMachine.stopAll());
  after(async () => Debuggee.endAll());
  after(() => {
    rmSync(folder, { recursive: true });
  });

  describe('before kernel B is loaded', () => {
    const elf = (): string => join(folder, 'elf');

    /** What the rules say with what kernel A says of itself. */
    const live = async (window: Window): Promise<PreflightReport> => {
      const answer = parseAnswer(await machine.run(LIVE_COMMAND));
      const facts = await factsOf({ memory: MEMORY, window });
      return judge({ ...facts, live: { kernel: 'A', ...answer, loaded: undefined } });
    };

    before(async () => {
      // Each page is a range of its own.
      const loads = Array.from({ length: 17 }, (_, index) => ({
        physical: 0x2000000 + index * 0x2000,
        bytes: pageOf(1),
      }));
      const file = writeElf({ bits: 32, loads });
      // kexec asks for the version, and for no sections or good ones.
      file.writeUInt32LE(1, 20);
      file.writeUInt32LE(0, 32);
      writeFileSync(elf(), file);
      truncateSync(elf(), MIB);
      machine = await LabMachine.boot('A', { memory: MEMORY, disks: [elf()] });
    });
    after(async () => machine.stop());

    const refused: [what: string, window: Window, rules: string[], words: RegExp][] = [
      ['behind the end of memory', windowOf(0x8000000, 32), ['window-in-memory'], /not inside one range of System RAM/],
      ['larger than half of memory', windowOf(0x2000000, 64), ['half-of-memory', 'room-for-pages'], /Invalid argument/],
      [
        'below 16 MiB',
        windowOf(0x100000, 15),
        ['initrd-in-window', 'kernel-in-window', 'memory-of-kernel-b'],
        /locate_hole failed/,
      ],
      [
        'smaller than its files',
        windowOf(0x2000000, 4),
        ['initrd-in-window', 'kernel-in-window', 'memory-of-kernel-b'],
        /locate_hole failed/,
      ],
    ];
    for (const [what, window, rules, words] of refused) {
      it(`a window ${what} is refused by kexec`, async () => {
        assert.deepEqual(breaking(await preflightOf({ memory: MEMORY, window })), rules);
        await assert.rejects(machine.load(window), words);
      });
    }

    it('a window over the tables of the firmware is refused by kexec, and known when kernel A tells', async () => {
      const window = windowOf(0x6000000, 32);
      const { rules } = await preflightOf({ memory: MEMORY, window });
      assert.equal(rules.find(({ name }) => name === 'window-in-memory')?.verdict, 'warning');
      assert.deepEqual(breaking(await live(window)), ['window-in-memory']);
      await assert.rejects(machine.load(window), /not inside one range of System RAM/);
    });

    it('half of memory is what kernel A says: a window of just that is loaded, and one of a page more is not', async () => {
      const { total } = parseAnswer(await machine.run(LIVE_COMMAND));
      const half = Math.floor(total / 2 / 4096) * 4096;
      const [fits, breaks] = [half, half + 4096].map((size) => ({ min: 0x1800000, max: 0x1800000 + size - 1 }));
      assert.ok(!breaking(await live(fits!)).includes('half-of-memory'));
      assert.ok(breaking(await live(breaks!)).includes('half-of-memory'));
      await assert.rejects(machine.load(breaks!), /kexec_load failed: Invalid argument/);
      // Whether there are pages to spare is another rule's matter.
      await machine.load(fits!).catch((error: unknown) => {
        assert.match(String(error), /Cannot allocate memory/);
      });
      await machine.run('kexec -u');
    });

    it('a kernel A whose memory is in use has no pages to spare', async () => {
      const window = windowOf(0x2000000, 48);
      assert.deepEqual(breaking(await live(window)), []);
      await machine.run('head -c 72000000 /dev/urandom >/tmp/full');
      assert.deepEqual(breaking(await live(window)), ['room-for-pages']);
      await assert.rejects(machine.load(window), /kexec ended with status/);
      assert.match(await machine.run('dmesg'), /Out of memory: Killed process \d+ \(kexec\)/);
      assert.equal(await machine.run('cat /sys/kernel/kexec_loaded'), '0\n');
      await machine.run('rm /tmp/full');
      await machine.load(window);
    });

    it('a file of 17 segments is refused by kexec_load', async () => {
      const window = windowOf(0x2000000, 32);
      const facts = await factsOf({ memory: MEMORY, window });
      const segments = Array.from({ length: 17 }, (_, index) => ({
        address: 0x2000000 + index * 0x2000,
        size: 0x1000,
      }));
      const answer = parseAnswer(await machine.run(LIVE_COMMAND));
      const loaded = { segments, destinations: undefined };
      assert.deepEqual(breaking(judge({ ...facts, live: { kernel: 'A', ...answer, loaded } })), ['segments']);
      const load = 'kexec -l --type=elf-x86 --args-none --entry=0x2000000 /tmp/elf 2>&1; true';
      const said = await machine.run(`head -c ${MIB} /dev/vda >/tmp/elf; ${load}; cat /sys/kernel/kexec_loaded`);
      assert.match(said, /kexec_load failed: Invalid argument[^]*^nr_segments = 17$/m);
    });
  });

  describe('after the jump', () => {
    const jumpInto = async (window: Window, seconds: number): Promise<void> => {
      machine = await LabMachine.boot('A', { memory: MEMORY });
      await machine.load(window);
      await machine.jumpToNew('B', seconds);
    };
    afterEach(async () => machine.stop());

    it('a kernel B that is linked above the window hangs without a word', async () => {
      const window = windowOf(0x100000, 20);
      assert.deepEqual(breaking(await preflightOf({ memory: MEMORY, window })), [
        'kernel-in-window',
        'memory-of-kernel-b',
      ]);
      await assert.rejects(jumpInto(window, 5), /did not answer/);
      assert.equal(machine.consoleOfB, '');
    });

    it('a kernel B that runs over its RAM disk finds it destroyed', async () => {
      const window = windowOf(0x100000, 22);
      assert.deepEqual(breaking(await preflightOf({ memory: MEMORY, window })), [
        'kernel-in-window',
        'memory-of-kernel-b',
      ]);
      await assert.rejects(jumpInto(window, 5), /did not answer/);
      await machine.saysInB(/Initramfs unpacking failed: invalid magic at start of compressed archive/);
    });

    it('a kernel B with too little memory lacks programs', async () => {
      const window = windowOf(0x2000000, 20);
      assert.deepEqual(breaking(await preflightOf({ memory: MEMORY, window })), ['memory-of-kernel-b']);
      await jumpInto(window, 20);
      assert.match(await machine.run('dmesg'), /Initramfs unpacking failed: write error/);
      assert.equal(await machine.run('ls /sbin/kexec 2>/dev/null | wc -l'), '0\n');
      await assert.rejects(machine.agent('back'), /kexec: not found/);
    });

    it('a kernel B with far too little panics', async () => {
      const window = windowOf(0x2000000, 12);
      assert.deepEqual(breaking(await preflightOf({ memory: MEMORY, window })), ['memory-of-kernel-b']);
      await assert.rejects(jumpInto(window, 5), /did not answer/);
      await machine.saysInB(/Kernel panic - not syncing: System is deadlocked on memory/);
    });

    it('a kernel B with just enough has all of its programs', async () => {
      const window = windowOf(0x2000000, 27);
      assert.deepEqual(breaking(await preflightOf({ memory: MEMORY, window })), []);
      await jumpInto(window, 20);
      assert.doesNotMatch(await machine.run('dmesg'), /Initramfs unpacking failed/);
      await machine.enter('back', 'A');
    });
  });

  describe('in a session', () => {
    let debuggee: Debuggee;
    let asked: { broken: { name: string }[]; asks: boolean } | undefined;
    const preflight = async (): Promise<PreflightReport> =>
      (await debuggee.client.request<{ report: PreflightReport }>('kexecJump/preflight', {})).report;
    after(async () => debuggee.end());

    it('is told at launch, and the jump waits', async () => {
      debuggee = Debuggee.start();
      debuggee.client.on('event', ({ event, body }) => {
        if (event === 'kexecJump/preflight') asked = body as typeof asked;
      });
      await debuggee.initialize({ stopAt: [], kernelB: { append: 'memmap=64M@0x8000000' } });
      await debuggee.client.request('configurationDone');
      assert.deepEqual(
        asked?.broken.map(({ name }) => name),
        ['memory-map-of-kernel-b'],
      );
      assert.equal(asked.asks, true);
      await debuggee.ready('canJump');
      await assert.rejects(
        debuggee.client.request('kexecJump/jump'),
        /Kexec Jump was not begun, because it would break\..*"memmap=64M@0x8000000" on kernel B's command line.*"preflight": "tell"/,
      );
      assert.match(debuggee.output, /^Preflight, rule 12, Kernel B's map of memory: .*writes over it/m);
      await debuggee.until(() => debuggee.output.includes('Kexec Jump was not begun') || undefined, 10, 'the sentence');
    });

    it('says what is loaded, and that it is elsewhere if a person has loaded it by hand', async () => {
      const before = (await preflight()).rules.find(({ name }) => name === 'segments');
      assert.match(before?.found ?? '', /Nothing is loaded yet/);
      const load = (min: string, max: string): string =>
        `kexec --load-preserve-context /boot/kernel --initrd=/boot/initrd --mem-min=${min} --mem-max=${max} --append="$(cat /boot/append)"`;
      await runInGuest(debuggee, load('0x4000000', '0x5ffffff'));
      const elsewhere = (await preflight()).rules.find(({ name }) => name === 'segments');
      assert.equal(elsewhere?.verdict, 'warning');
      assert.match(elsewhere.found, /6 segments of at most 16 are loaded; outside of the window .*: 0x4000000-/);
      await runInGuest(debuggee, `kexec -u && ${load('0x2000000', '0x3ffffff')}`);
      const right = (await preflight()).rules.find(({ name }) => name === 'segments');
      assert.match(right?.found ?? '', /all 8192 destination pages in 0x2000000-0x3ffffff, inside the window/);
    });

    it('goes on when a person says so, and kernel B has memory of kernel A', async () => {
      assert.deepEqual(await debuggee.client.request('kexecJump/anyway', {}), { began: true });
      await debuggee.ready('canJumpBack');
      const { rules } = await preflight();
      const map = rules.find(({ name }) => name === 'memory-map-of-kernel-b');
      assert.equal(map?.verdict, 'breaks');
      assert.match(map.found, /System RAM outside of the window 0x2000000-0x3ffffff: 0x8000000-0xbffffff \(64 MiB\)/);
    });
  });
});
