/** All that kernel A has outlives hibernation, three times in a row: files, programs, mounts, connections, a shell. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { inOrder } from '../inOrder.ts';
import { BusyKernelA, DISK_FOLDER, faultsOf, makeExt2, type Kept } from './busyKernelA.ts';
import { Debuggee } from './debuggee.ts';
import { LabMachine } from './labMachine.ts';

const ROUNDS = 3;
/** Of the user's disk, in MiB. */
const DISK_SIZE = 32;
/** Only a mounted ext2 file system gets there: kernel C never does. */
const FUNCTION = 'ext2_sync_fs';

for (const window of ['low', 'high'] as const) {
  describe(`what kernel A has, hibernated with the ${window} window`, () => {
    inOrder();
    const folder = mkdtempSync(join(tmpdir(), 'kexec-world-'));
    const [image, disk] = ['a.vmcore', 'disk'].map((name) => join(folder, name)) as [string, string];
    const args = ['-drive', `file=${disk},format=raw,if=none,id=user`, '-device', 'virtio-blk-pci,drive=user'];
    let kernelA: BusyKernelA;
    let before_: Kept;

    const launch = async (configuration: LaunchConfiguration): Promise<Debuggee> =>
      Debuggee.launch({ autoJump: false, stopAt: [], qemu: { args }, ...configuration });
    const hibernate = async (): Promise<void> => {
      const { debuggee } = kernelA;
      await debuggee.hibernate({ path: image, level: 17, after: 'poweroff' });
      await debuggee.hasTerminated();
      await debuggee.end();
    };

    before(() => {
      makeExt2(disk, DISK_SIZE);
    });
    after(async () => {
      await Debuggee.endAll();
      rmSync(folder, { recursive: true });
    });

    it('is there before', async () => {
      const debuggee = await launch({ window });
      await debuggee.ready('canJump');
      kernelA = new BusyKernelA(debuggee);
      await kernelA.fill();
      before_ = await kernelA.kept();
      assert.equal(before_.processes.trim().split('\n').length, 10, before_.processes);
      await hibernate();
    });

    for (let round = 1; round <= ROUNDS; round++) {
      it(`is the same after resume ${round}, and a breakpoint that was set while kernel C loads stops kernel A`, async () => {
        const debuggee = await launch({ resume: image });
        const { breakpoints } = await debuggee.client.request<{ breakpoints: { verified: boolean }[] }>(
          'setFunctionBreakpoints',
          { breakpoints: [{ name: `A:${FUNCTION}` }] },
        );
        assert.deepEqual(
          breakpoints.map(({ verified }) => verified),
          [true],
        );
        await debuggee.ready('canJump');
        assert.deepEqual(debuggee.stopsSoFar(), []);
        kernelA = kernelA.in(debuggee);
        const syncing = kernelA.run('sync');
        const stop = await debuggee.stop();
        assert.deepEqual([stop.threadId, stop.functions[0]], [1, FUNCTION]);
        await debuggee.client.request('setFunctionBreakpoints', { breakpoints: [] });
        await debuggee.proceed(1);
        await syncing;

        assert.deepEqual(await kernelA.kept(), before_);
        await kernelA.shell('words', 'it is kept twice: kept');
        await kernelA.says(`after resume ${round}`);
        await kernelA.run(`echo ${round} >${DISK_FOLDER}/round && sync`);
        if (round < ROUNDS) return hibernate();
        await kernelA.unmount();
        await debuggee.end();
      });
    }

    it('leaves a disk without a fault', () => {
      assert.equal(faultsOf(disk), '');
    });
  });
}

describe('data that kernel A has not written yet', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-dirty-'));
  const [disk, image] = ['disk', 'image'].map((name) => join(folder, name)) as [string, string];
  const WRITTEN = '/mnt/disk/unwritten';
  const MARK = 'written by nobody before the resume';
  after(async () => {
    await LabMachine.stopAll();
    rmSync(folder, { recursive: true });
  });

  it('waits in memory while kernel A is saved, and reaches the disk afterwards', async () => {
    makeExt2(disk, DISK_SIZE);
    makeExt2(image, 280);
    const isOnDisk = (): boolean => readFileSync(disk).includes(MARK);
    const a = await LabMachine.boot('A', { disks: [disk, image] });
    // Nothing is written behind our back, nor by kexec: it syncs when it loads, and when it jumps without -y.
    await a.load({ min: 0x2000000, max: 0x3ffffff });
    await a.run(
      'echo 0 >/proc/sys/vm/dirty_writeback_centisecs; mkdir /mnt/disk; mount -t ext2 /dev/vda /mnt/disk; sync',
    );
    await a.run(`yes "${MARK}" | head -n 20000 >${WRITTEN}`);
    const sum = await a.run(`sha256sum ${WRITTEN}`);
    await a.leaveBy('kexec -e -x -y', 'B');
    await a.agent('save', 'target=/dev/vdb level=17');
    assert.equal(isOnDisk(), false);
    await a.stop();

    const c = await LabMachine.boot('C', { disks: [disk, image] });
    await c.jump('high', 'C');
    await c.agent('resume', 'source=/dev/vdb');
    assert.equal(isOnDisk(), false);
    await c.enter('jump', 'A');
    assert.equal(await c.run(`sha256sum ${WRITTEN}`), sum);
    await c.run('umount /mnt/disk');
    assert.equal(isOnDisk(), true);
    await c.run('mount -t ext2 /dev/vda /mnt/disk');
    assert.equal(await c.run(`sha256sum ${WRITTEN}`), sum);
    await c.run('umount /mnt/disk');
    await c.stop();
    assert.equal(faultsOf(disk), '');
  });
});
