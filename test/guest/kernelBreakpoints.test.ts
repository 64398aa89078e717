/** Breakpoints belong to a kernel: A and B are the same vmlinux at the same addresses, and run the same function. */
import assert from 'node:assert/strict';
import { Debuggee } from './debuggee.ts';

/** Both kernels read files all the time; the agent's own reading calls it at every request. */
const FUNCTION = 'vfs_read';
const ROUND_TRIPS = 10;
/** Bytes that a kernel's condition waits for. */
const WANTED = { A: 4095, B: 1234 };

describe('breakpoints of two kernels at the same addresses', function () {
  let debuggee: Debuggee;

  /** Reads blocks of both sizes, so that a condition on either is met once. */
  const readBlocks = async (): Promise<Record<string, string>> => {
    const block = (bytes: number): string => `dd if=/dev/zero of=/dev/null bs=${bytes} count=1`;
    return debuggee.agent('run', `${block(WANTED.A)}; ${block(WANTED.B)}`);
  };

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

  it(`keeps a condition to its kernel, in each of ${ROUND_TRIPS} round trips`, async () => {
    await setFunctions(
      { name: `A:${FUNCTION}`, condition: `count == ${WANTED.A}` },
      { name: `B:${FUNCTION}`, condition: `count == ${WANTED.B}` },
    );
    const stopsOnce = async (kernel: 'A' | 'B'): Promise<void> => {
      const answer = readBlocks();
      const stop = await debuggee.stop();
      assert.equal(stop.threadId, kernel === 'A' ? 1 : 2);
      assert.equal(await debuggee.evaluate('count', stop.frames[0]!.id), String(WANTED[kernel]));
      await debuggee.proceed(stop.threadId);
      await answer;
      assert.deepEqual(debuggee.stopsSoFar(), []);
    };
    for (let round = 0; round < ROUND_TRIPS; round++) {
      await stopsOnce('A');
      await debuggee.client.request('kexecJump/jump');
      await debuggee.ready('canJumpBack');
      await stopsOnce('B');
      await debuggee.client.request('kexecJump/jumpBack');
      await debuggee.ready('canJump');
    }
    await setFunctions();
    // gdb looks at each of some thousand reads of both kernels.
  }).timeout(900_000);

  it('watches memory in its kernel only', async () => {
    // Both kernels count threads at the same address whenever a process starts.
    const watch = async (kernel: 'A' | 'B'): Promise<void> => {
      const frame = kernel === 'A' ? 10_000 : 20_000;
      const info = await debuggee.client.request<{ dataId: string }>('dataBreakpointInfo', {
        name: 'total_forks',
        frameId: frame,
      });
      const { breakpoints } = await debuggee.client.request<{ breakpoints: { verified: boolean; message?: string }[] }>(
        'setDataBreakpoints',
        { breakpoints: [{ dataId: info.dataId, accessType: 'write' }] },
      );
      assert.equal(breakpoints[0]?.verified, true, breakpoints[0]?.message);
    };
    await debuggee.client.request('kexecJump/jump');
    await debuggee.ready('canJumpBack');
    await watch('A');
    await debuggee.agent('run', 'true');
    assert.deepEqual(debuggee.stopsSoFar(), [], "kernel A's watchpoint is not armed in kernel B");
    await debuggee.client.request('kexecJump/jumpBack');
    await debuggee.ready('canJump');
    const answer = debuggee.agent('run', 'true');
    const stop = await debuggee.stop();
    assert.equal(stop.threadId, 1);
    assert.equal(stop.description, 'Paused on data breakpoint');
    await debuggee.client.request('setDataBreakpoints', { breakpoints: [] });
    await debuggee.proceed(1);
    await answer;
  });
});
