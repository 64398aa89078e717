/** What the patches are for: a stock kernel A dies on its return, and the debugger says of what. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { ensureLab, findLab, type Lab } from '../../qemu-runner/guest/lab.ts';
import { Debuggee } from '../guest/debuggee.ts';
import { breaking, preflightOf } from '../guest/preflightOf.ts';
import { runInGuest } from '../guest/savedImage.ts';

const GUEST = join(import.meta.dirname, '..', '..', 'qemu-runner', 'guest');
const DIRECTORY_VARIABLE = 'KEXEC_JUMP_GUEST_DIRECTORY';

describe('stock kernel without our patches', function () {
  this.timeout(900_000);
  let folder: string;
  let lab: Lab;
  let seconds: number;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unpatched-test-'));
    cpSync(GUEST, folder, { recursive: true });
    writeFileSync(join(folder, 'kernel', 'patches', 'series-6.1'), '');
    process.env[DIRECTORY_VARIABLE] = folder;
    const start = Date.now();
    lab = await ensureLab();
    seconds = (Date.now() - start) / 1000;
  });
  after(async () => Debuggee.endAll());
  after(async () => {
    Reflect.deleteProperty(process.env, DIRECTORY_VARIABLE);
    // The source tree is one for all builds: it gets its patches back.
    await ensureLab();
    assert.ok(findLab());
    rmSync(folder, { recursive: true });
  });

  it('is built by compiling only what the patches touch', () => {
    console.log(`        built in ${seconds.toFixed(1)} s`);
    assert.match(lab.release, /^6\.1\./);
  });

  const launch = (): LaunchConfiguration => {
    const kernel = { vmlinux: lab.vmlinux, image: lab.bzImage, initrd: lab.initramfs };
    return { kernelA: kernel, kernelB: kernel, autoJump: false, stopAt: [] };
  };

  it('is known to break before anything is started', async () => {
    assert.deepEqual(breaking(await preflightOf(launch())), ['kernel-a-returns', 'kernel-a-registers']);
  });

  it('stops at the faulting instruction and names the cause', async () => {
    const debuggee = await Debuggee.launch({ ...launch(), preflight: 'tell' });
    await debuggee.ready('canJump');
    await debuggee.client.request('kexecJump/jump');
    await debuggee.ready('canJumpBack');
    assert.match(debuggee.output, /Preflight, rule 2, Kernel A can return: .*never loads it again/);
    assert.equal(await runInGuest(debuggee, 'dmesg | grep -c "Zero PT_NOTE entries found"'), '1\n');
    await debuggee.client.request('kexecJump/jumpBack');
    const stop = await debuggee.stop();
    assert.equal(stop.reason, 'exception');
    assert.equal(stop.threadId, 1);
    assert.match(
      stop.description,
      /^Triple fault: "mov.*%ss" loads %ss from an empty GDT \(limit 0\), and no handler can be entered/,
    );
    assert.match(stop.functions[0] ?? '', /^_*restore_processor_state$/);
    assert.match(stop.functions.join(' '), /machine_kexec kernel_kexec/);
    await debuggee.end();
  });
});
