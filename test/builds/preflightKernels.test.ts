/** Kernels and a kexec that lack what a jump needs: what the preflight says of them, and what the guest then does. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelConfiguration } from '../../debug-adapter/protocol.ts';
import { NAMED_WINDOWS } from '../../qemu-runner/window.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import { LabMachine } from '../guest/labMachine.ts';
import { breaking, preflightOf } from '../guest/preflightOf.ts';
import { buildVariant, LACKING } from './variantGuest.ts';

const MEMORY = 128;

describe('kernels that lack what a jump needs', function () {
  this.timeout(900_000);
  let lacking: Lab;
  let folder: string;
  let disk: string;
  let machine: LabMachine | undefined;
  const files = ({ vmlinux, bzImage }: Lab): KernelConfiguration => ({ vmlinux, image: bzImage });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'preflight-kernels-'));
    disk = join(folder, 'disk');
    writeFileSync(disk, '');
    truncateSync(disk, (MEMORY + 16) << 20);
    const began = Date.now();
    lacking = await buildVariant(LACKING);
    console.log(`        built in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  });
  afterEach(async () => {
    await machine?.stop();
    machine = undefined;
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('kernel A without CONFIG_KEXEC_JUMP cannot load with a preserved context', async () => {
    const report = await preflightOf({ memory: MEMORY, kernelA: files(lacking) });
    assert.deepEqual(
      breaking(report).filter((name) => name !== 'kernel-a-returns'),
      ['kernel-a-jumps', 'kernel-a-registers'],
    );
    machine = await LabMachine.boot('A', { memory: MEMORY, image: lacking.bzImage });
    await assert.rejects(machine.load(NAMED_WINDOWS.high), /kexec_load failed: Invalid argument/);
  });

  it('kernel B without CONFIG_KEXEC_JUMP and CONFIG_PROC_VMCORE comes up, saves nothing, and cannot jump back', async () => {
    const report = await preflightOf({ memory: MEMORY, window: 'low', kernelB: files(lacking) });
    assert.deepEqual(breaking(report), ['kernel-b-jumps-back', 'kernel-b-vmcore']);
    machine = await LabMachine.boot('A', { memory: MEMORY, imageOfB: lacking.bzImage, disks: [disk] });
    await machine.jump('low');
    assert.equal(await machine.run('ls /proc/vmcore 2>/dev/null | wc -l'), '0\n');
    await assert.rejects(machine.agent('save', 'target=/dev/vda'), /\/proc\/vmcore cannot be opened/);
    await assert.rejects(machine.agent('back'), /Invalid argument/);
  });

  it('a stock kexec gives kernel B the memory of kernel A, which does not survive', async () => {
    const report = await preflightOf({ memory: MEMORY, kernelA: { initrd: lacking.initramfs } });
    assert.deepEqual(breaking(report), ['memory-map-of-kernel-b']);
    machine = await LabMachine.boot('A', { memory: MEMORY, initrd: lacking.initramfs });
    const { sha256 } = await machine.agent('plant', '8');
    await machine.load(NAMED_WINDOWS.high);
    await machine.jumpToNew();
    const ranges = await machine.run('grep "System RAM" /proc/iomem');
    assert.match(ranges, /^00100000-/m);
    assert.match(ranges, /-07fdcfff : System RAM$/m);
    // As much as kernel B has free beside its programs.
    await machine.run('head -c 14000000 /dev/zero >/tmp/full');
    const survived = await machine
      .enter('back', 'A', 4)
      .then(async () => (await machine!.agent('check'))['sha256'] === sha256)
      .catch(() => false);
    assert.equal(survived, false);
  });

  it('kernel B without a driver of the disk does not see it', async () => {
    const blind = await buildVariant({
      ...LACKING,
      without: [...LACKING.without, 'VIRTIO_PCI'],
      with: ['VIRTIO_MMIO'],
    });
    const report = await preflightOf({ memory: MEMORY, window: 'low', kernelB: files(blind) });
    assert.deepEqual(breaking(report), ['kernel-b-jumps-back', 'kernel-b-vmcore', 'kernel-b-disk']);
    machine = await LabMachine.boot('A', { memory: MEMORY, imageOfB: blind.bzImage, disks: [disk] });
    assert.equal(await machine.run('ls /sys/block'), 'vda\nvdb\n');
    await machine.jump('low');
    assert.equal(await machine.run('ls /sys/block'), '');
  });

  it('kernel B that is not relocatable is refused by kexec', async () => {
    const fixed = await buildVariant({ ...LACKING, without: [...LACKING.without, 'RELOCATABLE', 'RANDOMIZE_BASE'] });
    for (const window of ['low', 'high'] as const) {
      const report = await preflightOf({ memory: MEMORY, window, kernelB: files(fixed) });
      assert.equal(breaking(report)[1], 'kernel-b-relocatable');
    }
    machine = await LabMachine.boot('A', { memory: MEMORY, imageOfB: fixed.bzImage });
    for (const window of [NAMED_WINDOWS.low, NAMED_WINDOWS.high]) {
      await assert.rejects(
        machine.load(window),
        /Could not find a free area of memory of 0x8000 bytes.*locate_hole failed/,
      );
    }
  });
});
