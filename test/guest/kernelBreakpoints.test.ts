/** Breakpoints belong to a kernel: A and B are the same vmlinux at the same addresses, and run the same function. */
import assert from 'node:assert/strict';
import { Debuggee } from './debuggee.ts';

/** Both kernels read files all the time; the agent's own reading calls it at every request. */
const FUNCTION = 'vfs_read';
const ROUND_TRIPS = 10;

describe('breakpoints of two kernels at the same addresses', function () {
  let debuggee: Debuggee;

  const setFunctions = async (...breakpoints: { name: string; condition?: string }[]): Promise<void> => {
    const body = await debuggee.client.request<{ breakpoints: { verified: boolean; message?: string }[] }>(
      'setFunctionBreakpoints',
      { breakpoints },
    );
    for (const { verified, message } of body.breakpoints) assert.equal(verified, true, message);
  };

  before(async () => {
    debuggee = await Debuggee.launch({ window: 'low', autoJump: false, stopAt: [] });
    await debuggee.ready('canJump');
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());

  it(`stops only in its kernel, in each of ${ROUND_TRIPS} round trips`, async () => {
    for (let round = 0; round < ROUND_TRIPS; round++) {
      await debuggee.client.request('kexecJump/jump');
      await debuggee.ready('canJumpBack');
      // In B, with a breakpoint of A's on what B does: nothing may stop.
      await setFunctions({ name: `A:${FUNCTION}` });
      await debuggee.agent('run', 'cat /proc/version');
      assert.deepEqual(debuggee.stopsSoFar(), []);
      // One of B's stops at once.
      await setFunctions({ name: `B:${FUNCTION}` });
      const answer = debuggee.agent('run', 'cat /proc/version');
      const inB = await debuggee.stop();
      assert.equal(inB.threadId, 2);
      assert.equal(inB.functions[0], FUNCTION);
      await setFunctions();
      await debuggee.proceed(2);
      await answer;

      // B reads files on its way out too: its breakpoint comes back when A is live.
      await debuggee.client.request('kexecJump/jumpBack');
      await debuggee.ready('canJump');
      await setFunctions({ name: `B:${FUNCTION}` });
      await debuggee.agent('run', 'cat /proc/version');
      assert.deepEqual(debuggee.stopsSoFar(), []);
      await setFunctions({ name: `A:${FUNCTION}` });
      const answerOfA = debuggee.agent('run', 'cat /proc/version');
      const inA = await debuggee.stop();
      assert.equal(inA.threadId, 1);
      assert.equal(inA.functions[0], FUNCTION);
      await setFunctions();
      await debuggee.proceed(1);
      await answerOfA;
    }
  });

  it('keeps a condition to its kernel', async () => {
    await setFunctions(
      { name: `A:${FUNCTION}`, condition: 'count == 4095' },
      { name: `B:${FUNCTION}`, condition: 'count == 1234' },
    );
    const answer = debuggee.agent(
      'run',
      'dd if=/dev/zero of=/dev/null bs=1234 count=1; dd if=/dev/zero of=/dev/null bs=4095 count=1',
    );
    const stop = await debuggee.stop();
    assert.equal(await debuggee.evaluate('count', stop.frames[0]!.id), '4095');
    await setFunctions();
    await debuggee.proceed(1);
    await answer;
    assert.deepEqual(debuggee.stopsSoFar(), []);
  });
});
