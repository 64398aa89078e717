/** Disks and kernels C that are too small: what the preflight says of them, and what the guest then does. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import { Debuggee, SAVING_SECONDS } from '../guest/debuggee.ts';
import { breaking, preflightOf } from '../guest/preflightOf.ts';
import { buildVariant, LACKING } from './variantGuest.ts';

const MEMORY = 128;
const QUIET: LaunchConfiguration = { autoJump: false, stopAt: [] };

describe('hibernation that breaks', function () {
  this.timeout(900_000);
  let folder: string;
  let small: string;
  const image = (window: string): string => join(folder, `${window}.vmcore`);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'preflight-hibernation-'));
    small = mkdtempSync(join(tmpdir(), 'preflight-small-'));
  });
  after(async () => Debuggee.endAll());
  after(() => {
    for (const each of [folder, small]) rmSync(each, { recursive: true });
  });

  describe('by a disk that is too small', () => {
    let debuggee: Debuggee;

    before(async () => {
      // The file system is the adapter's alone, and goes with it.
      const mount = 'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"';
      debuggee = Debuggee.start({}, ['unshare', '--map-root-user', '--mount', 'sh', '-c', mount, small]);
      await debuggee.initialize({ ...QUIET, memory: MEMORY, window: 'high' });
      await debuggee.client.request('configurationDone');
      await debuggee.ready('canJump');
      await debuggee.agent('plant', '20');
    });

    it('is told before kernel A is left', async () => {
      await assert.rejects(
        debuggee.hibernate({ path: join(small, 'a.vmcore'), level: 0, after: 'stay' }),
        /Kexec Hibernate was not begun.*At level 0 the image takes 97 MiB.*preflight-small-\w+" has 16 MiB/,
      );
      assert.ok(debuggee.can('canJump'), 'kernel A still runs');
    });

    it('leaves no image, and kernel A as it was, when a person goes on', async () => {
      assert.deepEqual(await debuggee.client.request('kexecJump/anyway', {}), { began: false });
      await assert.rejects(
        debuggee.hibernate({ path: join(small, 'a.vmcore'), level: 0, after: 'stay' }),
        /ENOSPC: no space left on device/,
      );
      assert.deepEqual(readdirSync(`/proc/${debuggee.client.pid!}/root${small}`), []);
      await debuggee.client.request('kexecJump/jumpBack');
      await debuggee.ready('canJump');
      assert.match((await debuggee.agent('check'))['sha256']!, /^[0-9a-f]{64}$/);
    });

    it('saves it to a disk that is large enough', async () => {
      await debuggee.hibernate({ path: image('high'), level: 17, after: 'poweroff' });
      await debuggee.hasTerminated();
      assert.ok(existsSync(image('high')));
      await debuggee.end();
    });
  });

  describe('by a machine that resumes with too little memory', () => {
    /** Kernel C boots, waits, and is told to go on. */
    const goOn = async (launch: LaunchConfiguration, rules: string[], words: RegExp): Promise<void> => {
      assert.deepEqual(breaking(await preflightOf(launch)), rules);
      const debuggee = await Debuggee.launch({ ...launch, stopAt: [] });
      await debuggee.until(() => /Kexec Resume was not begun/.exec(debuggee.output) ?? undefined, 60, 'the refusal');
      await assert.rejects(debuggee.client.request('kexecJump/anyway', {}, 60), words);
      await debuggee.end();
    };

    it('kernel C has less than twice the image', async () => {
      await goOn(
        { resume: image('high'), resumeBy: 'load', memory: 160 },
        ['memory-of-kernel-c'],
        /at most half of this kernel's memory, \d+ of \d+ MiB: it would need \d+ MiB/,
      );
    });

    it('kernel A had memory that is not there', async () => {
      await goOn(
        { resume: image('high'), resumeBy: 'load', memory: 96 },
        ['memory-of-the-image', 'memory-of-kernel-c'],
        /needs memory at .* which this machine does not have as RAM|at most half of this kernel's memory/,
      );
    });

    it('comes back where the memory is enough, without a question', async () => {
      const launch: LaunchConfiguration = { resume: image('high') };
      assert.equal((await preflightOf(launch)).verdict, 'ok');
      const debuggee = await Debuggee.launch({ ...launch, stopAt: [] });
      await debuggee.ready('canJump');
      assert.match((await debuggee.agent('check'))['sha256']!, /^[0-9a-f]{64}$/);
      await debuggee.end();
    });
  });

  describe('by a kernel C that may not write to memory', () => {
    let lacking: Lab;

    before(async () => {
      lacking = await buildVariant(LACKING);
      const path = image('low');
      const debuggee = await Debuggee.launch({
        ...QUIET,
        memory: MEMORY,
        window: 'low',
        hibernate: { path, level: 17 },
      });
      await debuggee.hasTerminated(SAVING_SECONDS);
      await debuggee.end();
    });

    it('is told, and kexec then says so', async () => {
      const { vmlinux, bzImage } = lacking;
      const launch = { resume: image('low'), kernelB: { vmlinux, image: bzImage } };
      assert.deepEqual(breaking(await preflightOf(launch)), ['kernel-c-memory-device']);
      const debuggee = await Debuggee.launch({ ...launch, stopAt: [], preflight: 'tell' });
      const refusal = /could not do "resume": .*/;
      const [said] = await debuggee.until(() => refusal.exec(debuggee.output) ?? undefined, 60, 'what kexec says');
      assert.match(said, /\/dev\/mem/);
      await debuggee.end();
    });
  });
});
