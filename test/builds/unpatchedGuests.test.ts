/**
 * What the patches are for that only some guests need: without its patch each guest dies of what the patch's header says, and the
 * debugger names it. The first patch of all guests has a test of its own.
 */
import assert from 'node:assert/strict';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import { Debuggee } from '../guest/debuggee.ts';
import { breaking, preflightOf } from '../guest/preflightOf.ts';
import { runInGuest } from '../guest/savedImage.ts';
import { buildVariant, type Variant } from './variantGuest.ts';

const REFUSAL_SECONDS = 30;

/** Told, so that what a build costs is seen. */
async function build(variant: Variant): Promise<Lab> {
  const began = Date.now();
  const lab = await buildVariant(variant);
  console.log(`        built in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return lab;
}

/** As kernels of a user's own: what machine they need is found in them. */
function launchOf({ vmlinux, bzImage: image, initramfs: initrd }: Lab): LaunchConfiguration {
  const kernel = { vmlinux, image, initrd };
  return { kernelA: kernel, kernelB: kernel, autoJump: false, stopAt: [], preflight: 'tell' };
}

async function jump(lab: Lab): Promise<Debuggee> {
  const debuggee = await Debuggee.launch(launchOf(lab));
  await debuggee.ready('canJump');
  await debuggee.client.request('kexecJump/jump');
  await debuggee.ready('canJumpBack');
  return debuggee;
}

describe('guests without a patch of theirs', function () {
  this.timeout(1_800_000);
  afterEach(async () => Debuggee.endAll());

  it('PAE without CR4.PAE on the return: a triple fault behind the write of CR0', async () => {
    const lab = await build({ guest: '6.1-pae', withoutPatches: { kernel: ['0004'] } });
    assert.deepEqual(breaking(await preflightOf(launchOf(lab))), ['kernel-a-pae']);
    const debuggee = await jump(lab);
    await debuggee.client.request('kexecJump/jumpBack');
    const stop = await debuggee.stop();
    assert.equal(stop.reason, 'exception');
    assert.match(
      stop.description,
      /^Triple fault: paging was switched on with CR4\.PAE off \(CR4 is 0x\w+\), although CR3 \(0x\w+\) has page tables of three levels/,
    );
    await debuggee.end();
  });

  it('two CPUs, with a kernel B that has all low memory: a reset when kernel A starts its second CPU', async () => {
    const lab = await build({ guest: '6.1-smp', withoutPatches: { kexec: ['0011'] } });
    const debuggee = await jump(lab);
    assert.equal(await runInGuest(debuggee, 'nproc'), '2\n');
    await debuggee.client.request('kexecJump/jumpBack');
    const stop = await debuggee.stop();
    assert.equal(stop.reason, 'exception');
    assert.match(
      stop.description,
      /^The machine was reset: CPU 1 of kernel A was started at 0x\w+, where kernel B has put its own code over kernel A's/,
    );
    assert.match(stop.functions.join(' '), /suspend_enable_secondary_cpus kernel_kexec/);
    await debuggee.end();
  });

  it('Linux 6.12 with an empty segment that counts as all memory: kernel B cannot load what it jumps back by', async () => {
    const lab = await build({ guest: '6.12', withoutPatches: { kernel: ['0005'] } });
    const debuggee = await jump(lab);
    await debuggee.client.request('kexecJump/jumpBack');
    const told =
      /could not do "back": load jump back kernel failed: Cannot allocate memory.* counts the empty segment .*patches\/0005/s;
    await debuggee.until(() => told.test(debuggee.output) || undefined, REFUSAL_SECONDS, 'what it means');
    // Kernel B goes on.
    assert.equal(await runInGuest(debuggee, 'uname -r | cut -d. -f1,2'), '6.12\n');
    await debuggee.end();
  });
});
