/** Exceptions as stops: an oops and a watchdog, with text, stack and line; a panic is in badInput, a triple fault in unpatchedKernel. */
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { ExceptionEvent } from '../../debug-adapter/protocol.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee, type Stop } from './debuggee.ts';

describe('exceptions', () => {
  inOrder();
  let debuggee: Debuggee;
  const told: ExceptionEvent[] = [];

  before(async () => {
    debuggee = await Debuggee.launch({ autoJump: false, stopAt: [], qemu: { args: ['-device', 'ib700'] } });
    debuggee.client.on('event', ({ event, body }) => {
      if (event === 'kexecJump/exception') told.push(body as ExceptionEvent);
    });
    await debuggee.ready('canJump');
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());

  const setFunctions = async (...names: string[]): Promise<void> => {
    await debuggee.client.request('setFunctionBreakpoints', { breakpoints: names.map((name) => ({ name })) });
  };
  const info = async ({ threadId }: Stop): Promise<NonNullable<DebugProtocol.ExceptionInfoResponse['body']>> =>
    debuggee.client.request('exceptionInfo', { threadId });

  it('stops at an oops, with its text and the line of the bad access', async () => {
    await setFunctions('version_proc_show');
    const answer = debuggee.agent('run', 'cat /proc/version >/dev/null 2>&1 &');
    const atRead = await debuggee.stop();
    await setFunctions();
    await assert.rejects(info(atRead), /kernel A is in none/);
    // A pointer goes bad, as a bug would have it.
    await debuggee.client.request('setExpression', {
      expression: 'm',
      value: '0x10',
      frameId: atRead.frames[0]!.id,
    });
    await debuggee.proceed(1);
    const stop = await debuggee.stop();
    assert.equal(stop.reason, 'exception');
    assert.match(
      stop.description,
      /^Oops: BUG: (kernel NULL pointer dereference|unable to handle page fault).* in seq_/,
    );
    assert.equal(stop.functions[0], 'oops_end');
    assert.ok(stop.functions.includes('version_proc_show'), `through the exception: ${stop.functions.join(' < ')}`);
    assert.match(told.at(-1)?.source?.path ?? '', /\/fs\/seq_file\.c$/);
    const { details } = await info(stop);
    assert.match(details?.stackTrace ?? '', /^BUG: /);
    await debuggee.proceed(1);
    await answer;
  });

  it('goes on over an oops when the filter is off', async () => {
    await debuggee.client.request('setExceptionBreakpoints', { filters: ['panic'] });
    await setFunctions('version_proc_show');
    const answer = debuggee.agent('run', 'cat /proc/version >/dev/null 2>&1 &');
    const atRead = await debuggee.stop();
    await setFunctions();
    await debuggee.client.request('setExpression', {
      expression: 'm',
      value: '0x10',
      frameId: atRead.frames[0]!.id,
    });
    await debuggee.proceed(1);
    await answer;
    assert.equal((await debuggee.agent('status'))['role'], 'A');
    assert.deepEqual(debuggee.stopsSoFar(), []);
  });

  it('stops when the watchdog of the machine runs out', async () => {
    // ib700: a write to port 0x443 starts it; 0xf is the shortest time.
    const answer = debuggee.agent('run', "printf '\\017' | dd of=/dev/port bs=1 seek=1091 conv=notrunc");
    const stop = await debuggee.stop();
    assert.equal(stop.reason, 'exception');
    assert.match(stop.description, /watchdog of the machine ran out/);
    await debuggee.proceed(1);
    assert.equal((await answer)['status'], '0', 'the machine goes on');
  });
});
