/** Restart in a moment: back to kernel A with kernel B loaded, from wherever the session is. */
import assert from 'node:assert/strict';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';

describe('restart', () => {
  inOrder();
  let debuggee: Debuggee;
  before(async () => {
    debuggee = await Debuggee.launch({ stopAt: ['A quiescing', 'B starting'] });
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());

  const arriveInB = async (): Promise<number> => {
    const start = Date.now();
    const leaving = await debuggee.stop();
    assert.equal(leaving.description, 'Phase: A quiescing');
    assert.deepEqual(leaving.functions.slice(0, 2), ['kernel_kexec', '__do_sys_reboot']);
    const seconds = (Date.now() - start) / 1000;
    await debuggee.proceed(1);
    const starting = await debuggee.stop();
    assert.equal(starting.functions[0], 'start_kernel');
    return seconds;
  };

  it('jumps again from a stop in kernel B, without a boot', async () => {
    const first = await arriveInB();
    await debuggee.client.request('restart');
    const again = await arriveInB();
    console.log(`        first stop after ${first.toFixed(1)} s, after a restart ${again.toFixed(1)} s`);
    const boots = debuggee.phases.filter(({ phase }) => phase === 'A starting');
    assert.equal(boots.length, 1);
  });

  it('jumps again from the middle of a running kernel B, and comes back whole', async () => {
    await debuggee.proceed(2);
    await debuggee.ready('canJumpBack');
    await debuggee.client.request('restart');
    await arriveInB();
    await debuggee.proceed(2);
    await debuggee.ready('canJumpBack');
    await debuggee.client.request('kexecJump/jumpBack');
    await debuggee.ready('canJump');
    assert.equal((await debuggee.agent('status'))['role'], 'A');
  });
});
