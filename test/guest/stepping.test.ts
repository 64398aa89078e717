/** Steps while interrupts are due: a step never loses itself in a handler unless the user asks for it. */
import assert from 'node:assert/strict';
import { Debuggee } from './debuggee.ts';

/** Instructions in which the timer (250 Hz) surely has come due: a step takes about a millisecond. */
const STEPS = 120;
const IN_INTERRUPT = /^(asm_|common_interrupt|handle_exception|sysvec_|irq_|handle_irq)/;

describe('stepping', () => {
  let debuggee: Debuggee;
  after(async () => Debuggee.endAll());
  afterEach(async () => debuggee.end());

  /** Functions at the top of the stack after each of many instruction steps in code that runs with interrupts on. */
  const functionsStepped = async (stepIntoInterrupts: boolean): Promise<string[]> => {
    debuggee = await Debuggee.launch({ autoJump: false, stopAt: [], stepIntoInterrupts });
    await debuggee.ready('canJump');
    await debuggee.client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'vfs_read' }] });
    void debuggee.agent('run', 'cat /proc/version').catch(() => undefined);
    await debuggee.stop();
    await debuggee.client.request('setFunctionBreakpoints', { breakpoints: [] });
    const functions: string[] = [];
    for (let step = 0; step < STEPS; step++) {
      await debuggee.client.request('stepIn', { threadId: 1, granularity: 'instruction' });
      functions.push((await debuggee.stop()).functions[0] ?? '');
    }
    return functions;
  };

  it('stays out of interrupts', async () => {
    const functions = await functionsStepped(false);
    assert.deepEqual(
      functions.filter((name) => IN_INTERRUPT.test(name)),
      [],
    );
  });

  it('goes into interrupts when the user asks for it', async () => {
    const functions = await functionsStepped(true);
    assert.ok(
      functions.some((name) => IN_INTERRUPT.test(name)),
      functions.join(' '),
    );
  });

  it('steps over a line that takes long without leaving its function', async () => {
    debuggee = await Debuggee.launch({ autoJump: false, stopAt: ['A quiescing'] });
    await debuggee.ready('canJump');
    await debuggee.client.request('kexecJump/jump');
    await debuggee.stop();
    const lines: number[] = [];
    // Freezing programs and suspending devices: many interrupts, sleeps and switches to other tasks on the way.
    for (let step = 0; step < 8; step++) {
      await debuggee.proceed(1, 'next');
      const stop = await debuggee.stop();
      assert.equal(stop.functions[0], 'kernel_kexec', stop.functions.join(' < '));
      lines.push(stop.frames[0]!.line);
    }
    assert.ok(new Set(lines).size > 4, lines.join());
  });
});
