/** Snapshots by name: in one session at any moment, and from one session to the next. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';

describe('snapshots', () => {
  inOrder();
  let folder: string;
  let debuggee: Debuggee;
  let planted: Record<string, string>;

  const launch = async (configuration: LaunchConfiguration): Promise<Debuggee> =>
    Debuggee.launch(
      { autoJump: false, stopAt: ['swapping pages', 'B starting'], ...configuration },
      { KEXEC_JUMP_SNAPSHOTS: folder },
    );
  const save = async (name: string): Promise<void> => {
    await debuggee.client.request('kexecJump/saveSnapshot', { name });
  };
  const load = async (name: string): Promise<void> => {
    await debuggee.client.request('kexecJump/loadSnapshot', { name });
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'snapshots-test-'));
  });
  after(async () => Debuggee.endAll());
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('goes back into the middle of the page swap, as often as wished', async () => {
    debuggee = await launch({});
    await debuggee.ready('canJump');
    planted = await debuggee.agent('plant');
    await debuggee.client.request('kexecJump/jump');
    const swap = await debuggee.stop();
    assert.equal(swap.functions[0], 'swap_pages');
    await save('page swap');
    for (let round = 0; round < 2; round++) {
      await debuggee.proceed(1);
      assert.equal((await debuggee.stop()).functions[0], 'start_kernel');
      await load('page swap');
      const again = await debuggee.stop();
      assert.equal(again.description, 'Snapshot "page swap"');
      assert.equal(again.threadId, 1);
      assert.deepEqual(again.functions, swap.functions);
      assert.equal(again.place, swap.place);
    }
    await debuggee.proceed(1);
    assert.equal((await debuggee.stop()).functions[0], 'start_kernel');
    await debuggee.proceed(2);
  });

  it('saves a running kernel B with kernel A dormant', async () => {
    await debuggee.ready('canJumpBack');
    await save('B runs');
    assert.equal((await debuggee.agent('status'))['role'], 'B', 'it goes on');
    assert.deepEqual(readdirSync(join(folder, 'B runs')).sort(), ['machine.qcow2', 'snapshot.json']);
    await debuggee.end();
  });

  it('begins another session there, and brings kernel A back whole', async () => {
    debuggee = await launch({ snapshot: 'B runs' });
    const stop = await debuggee.stop();
    assert.equal(stop.description, 'Snapshot "B runs"');
    assert.equal(stop.threadId, 2);
    const dormant = (await debuggee.stack(1)).map(({ name }) => name);
    assert.deepEqual(dormant.slice(0, 3), ['machine_kexec', 'kernel_kexec', '__do_sys_reboot']);
    await debuggee.proceed(2);
    await debuggee.ready('canJumpBack');
    await debuggee.client.request('kexecJump/jumpBack');
    const leaving = await debuggee.stop();
    assert.equal(leaving.description, 'Phase: swapping pages');
    await debuggee.proceed(2);
    await debuggee.ready('canJump');
    assert.equal((await debuggee.agent('check'))['sha256'], planted['sha256']);
  });

  it('refuses what it cannot be: unknown names, moments of another session, damaged descriptions', async () => {
    await assert.rejects(load('nothing'), /There is no snapshot "nothing". There are: .*B runs/);
    await assert.rejects(load('page swap'), /taken in the middle of a jump \(swapping pages\)/);
    await assert.rejects(save('../outside'), /"..\/outside" is no name for a snapshot/);
    assert.equal((await debuggee.agent('status'))['role'], 'A', 'the machine goes on');
    await save('damaged');
    writeFileSync(join(folder, 'damaged', 'snapshot.json'), '{');
    await assert.rejects(load('damaged'), /There is no snapshot "damaged"/);
    await debuggee.end();
  });

  it('refuses a snapshot of another guest, by name', async () => {
    debuggee = await launch({ memory: 192 });
    await debuggee.ready('canJump');
    await assert.rejects(
      load('B runs'),
      /The snapshot "B runs" is of another guest: its memory is "256 MiB", this one's is "192 MiB"/,
    );
    await debuggee.end();
  });
});
