/** A kernel that the user built elsewhere: its build tree is found from vmlinux, its base by itself. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findLab } from '../../qemu-runner/guest/lab.ts';
import { Debuggee } from './debuggee.ts';

describe('own kernel', () => {
  let tree: string;
  let debuggee: Debuggee;

  before(() => {
    const lab = findLab()!;
    tree = mkdtempSync(join(tmpdir(), 'own-kernel-test-'));
    mkdirSync(join(tree, 'arch/x86/boot'), { recursive: true });
    mkdirSync(join(tree, 'arch/x86/kernel'), { recursive: true });
    cpSync(lab.vmlinux, join(tree, 'vmlinux'));
    cpSync(lab.bzImage, join(tree, 'arch/x86/boot/bzImage'));
    cpSync(lab.relocateObject, join(tree, 'arch/x86/kernel/relocate_kernel_32.o'));
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());
  after(() => {
    rmSync(tree, { recursive: true });
  });

  it('jumps from the lab kernel into one of another folder, with KASLR', async () => {
    const vmlinux = join(tree, 'vmlinux');
    debuggee = await Debuggee.launch({
      kernelB: { vmlinux, append: 'kaslr' },
      autoJump: false,
      stopAt: ['B starting', 'leaving B', 'swapping pages'],
    });
    await debuggee.ready('canJump');
    await debuggee.client.request('kexecJump/jump');
    assert.equal((await debuggee.stop()).functions[0], 'swap_pages');
    await debuggee.proceed(1);
    const starting = await debuggee.stop();
    assert.equal(starting.functions[0], 'start_kernel');
    const { modules } = await debuggee.client.request<{ modules: { name: string; path: string }[] }>('modules');
    assert.ok(modules.some(({ name, path }) => name === 'vmlinux (kernel B)' && path === vmlinux));
    await debuggee.proceed(2);
    await debuggee.ready('canJumpBack');
    await debuggee.client.request('kexecJump/jumpBack');
    assert.deepEqual((await debuggee.stop()).functions.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
    await debuggee.proceed(2);
    const swapping = await debuggee.stop();
    assert.match(swapping.place, /^relocate_kernel_32\.S:/, "the control page has the other tree's symbols");
  });
});
