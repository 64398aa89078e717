/** What kernel_kexec() calls around the jump: each a place to stop at, and named when it fails. */
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type {
  ExceptionEvent,
  JumpDescription,
  KexecCallEvent,
  PhaseName,
  StopOffer,
} from '../../debug-adapter/protocol.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee, type Stop } from './debuggee.ts';

const WAY_OUT = [
  'pm_prepare_console',
  'freeze_processes',
  'suspend_console',
  'dpm_suspend_start',
  'dpm_suspend_end',
  'syscore_suspend',
  'kmsg_dump',
];
const WAY_BACK = [
  'syscore_resume',
  'dpm_resume_start',
  'dpm_resume_end',
  'resume_console',
  'thaw_processes',
  'pm_restore_console',
];
/** Made when the kernel was resumed from a saved image. */
const AFTER_RESUME = 'kimage_free';

describe('the calls of kernel_kexec', () => {
  inOrder();
  let debuggee: Debuggee;
  const told: ExceptionEvent[] = [];
  after(async () => Debuggee.endAll());

  const setStop = async (name: string, on: boolean): Promise<unknown> =>
    debuggee.client.request('kexecJump/setStop', { name, on });
  const offers = async (): Promise<readonly StopOffer[]> =>
    (await debuggee.client.request<{ stops: StopOffer[] }>('kexecJump/stops')).stops;
  const callsIn = async (phase: PhaseName): Promise<readonly KexecCallEvent[]> => {
    const { phases } = await debuggee.client.request<JumpDescription>('kexecJump/describeJump');
    return phases.findLast((one) => one.phase === phase)?.calls ?? assert.fail(`There was no phase ${phase}`);
  };
  /** Lets the function that kernel A is about to call return an error, as it does when a driver's fails. */
  const fail = async (name: string, error: number): Promise<Stop> => {
    await debuggee.client.request('stepIn', { threadId: 1, granularity: 'instruction' });
    assert.equal((await debuggee.stop()).functions[0], name);
    await debuggee.evaluate(`find /b ${name}, +0x1000, 0xc3`, undefined, 'repl');
    await debuggee.evaluate('set $eip = $_', undefined, 'repl');
    await debuggee.evaluate(`set $eax = ${error}`, undefined, 'repl');
    await debuggee.proceed(1);
    return debuggee.stop();
  };

  it('are places to stop at by the launch configuration', async () => {
    debuggee = await Debuggee.launch({ stopAt: ['A dpm_suspend_start'] });
    debuggee.client.on('event', ({ event, body }) => {
      if (event === 'kexecJump/exception') told.push(body as ExceptionEvent);
    });
    const stop = await debuggee.stop();
    assert.equal(stop.description, 'Before dpm_suspend_start()');
    assert.equal(stop.functions[0], 'kernel_kexec');
    assert.equal(stop.line, 'error = dpm_suspend_start(PMSG_FREEZE);');
  });

  it('are offered in the order of the source, before and behind the jump', async () => {
    const all = await offers();
    const of = (phase: PhaseName): string[] => {
      const offer = all.find(({ name }) => name === phase);
      return offer!.calls.map((call) => call.function);
    };
    // Those of a jump that does not come back are between them.
    const isOfOther = (name: string): boolean => !WAY_OUT.includes(name);
    assert.deepEqual(
      of('A quiescing').filter((name) => !isOfOther(name)),
      WAY_OUT,
    );
    assert.ok(of('A quiescing').includes('kernel_restart_prepare'));
    assert.deepEqual(of('A resuming'), [...WAY_BACK, AFTER_RESUME]);
    assert.deepEqual(of('B resuming'), [...WAY_BACK, AFTER_RESUME]);
    const on = all.flatMap(({ calls }) => calls).filter(({ isOn }) => isOn);
    assert.deepEqual(
      on.map(({ name }) => name),
      ['A dpm_suspend_start'],
    );
  });

  it('are switched on and off at any time', async () => {
    await setStop('A dpm_suspend_start', false);
    await setStop('A syscore_suspend', true);
    await setStop('A thaw_processes', true);
    await debuggee.proceed(1);
    const stop = await debuggee.stop();
    assert.equal(stop.description, 'Before syscore_suspend()');
    assert.equal(Number(await debuggee.evaluate('$eflags & 0x200')), 0, 'interrupts are off');
    assert.equal(await debuggee.evaluate('pm_freezing'), 'true');
    await assert.rejects(setStop('A no_such', true), /"A no_such" is none of the calls of kernel_kexec\(\), which are/);
  });

  it('are told with their times as they return', async () => {
    await setStop('A syscore_suspend', false);
    await debuggee.proceed(1);
    await debuggee.ready('canJumpBack');
    const calls = await callsIn('A quiescing');
    assert.deepEqual(
      calls.map((call) => call.function),
      WAY_OUT,
    );
    for (const { function: name, began, returned, error } of calls) {
      assert.ok(returned !== undefined && returned >= began, name);
      assert.equal(error, undefined);
    }
    assert.match(debuggee.output, /^ +dpm_suspend_end\(\) {2}\d+\.\d\d s$/m);
  });

  it('are followed on the way back', async () => {
    await debuggee.client.request('kexecJump/jumpBack');
    const stop = await debuggee.stop();
    assert.deepEqual([stop.description, stop.line], ['Before thaw_processes()', 'thaw_processes();']);
    assert.equal(await debuggee.evaluate('pm_freezing'), 'true');
    await setStop('A thaw_processes', false);
    await debuggee.proceed(1);
    await debuggee.ready('canJump');
    assert.deepEqual(
      (await callsIn('A resuming')).map((call) => call.function),
      WAY_BACK,
    );
  });

  it('stop when one fails, which is named with the labels that unwind it', async () => {
    await setStop('A dpm_suspend_end', true);
    await debuggee.client.request('kexecJump/jump');
    await debuggee.stop();
    const stop = await fail('dpm_suspend_end', -16);
    assert.equal(stop.reason, 'exception');
    assert.equal(
      stop.description,
      'Kernel A does not jump: dpm_suspend_end() returned -16 (EBUSY), and kernel_kexec() unwinds from ' +
        'Resume_devices (dpm_resume_end), then Resume_console (resume_console, thaw_processes), ' +
        'then Restore_console (pm_restore_console, kimage_free), then Unlock',
    );
    assert.deepEqual([stop.functions[0], stop.line], ['kernel_kexec', 'dpm_resume_end(PMSG_RESTORE);']);
    const { exceptionId } = await debuggee.client.request<NonNullable<DebugProtocol.ExceptionInfoResponse['body']>>(
      'exceptionInfo',
      { threadId: 1 },
    );
    assert.equal(exceptionId, stop.description);
    assert.match(told.at(-1)?.source?.path ?? '', /\/kernel\/kexec_core\.c$/);
  });

  it('unwind what was done, and kernel A goes on and can jump', async () => {
    await setStop('A dpm_suspend_end', false);
    await debuggee.proceed(1);
    await debuggee.ready('canJump');
    const calls = await callsIn('A quiescing');
    assert.deepEqual(
      calls.map((call) => call.function),
      [...WAY_OUT.slice(0, 5), ...WAY_BACK.slice(2)],
    );
    assert.deepEqual(
      calls.flatMap(({ function: name, error }) => (error === undefined ? [] : [name, error])),
      ['dpm_suspend_end', -16],
    );
    await debuggee.client.request('kexecJump/jump');
    await debuggee.ready('canJumpBack');
    await debuggee.client.request('kexecJump/jumpBack');
    await debuggee.ready('canJump');
  });

  it('only print the failure when the filter is off', async () => {
    await debuggee.client.request('setExceptionBreakpoints', { filters: [] });
    await setStop('A freeze_processes', true);
    await setStop('A pm_restore_console', true);
    await debuggee.client.request('kexecJump/jump');
    await debuggee.stop();
    const stop = await fail('freeze_processes', -4);
    assert.equal(stop.description, 'Before pm_restore_console()');
    assert.match(
      debuggee.output,
      /freeze_processes\(\) returned -4 \(EINTR\), and kernel_kexec\(\) unwinds from Restore_console \(pm_restore_console, kimage_free\), then Unlock/,
    );
    await setStop('A pm_restore_console', false);
    await debuggee.proceed(1);
    await debuggee.ready('canJump');
    await debuggee.end();
  });

  it('that a kernel does not make are refused by the launch, with those that it makes', async () => {
    await assert.rejects(
      Debuggee.launch({ stopAt: ['B dpm_suspend'] }),
      /"B dpm_suspend" is none of the calls .*dpm_suspend_start/,
    );
  });
});
