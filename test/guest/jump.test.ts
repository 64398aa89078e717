/** The whole jump on real kernels, in both layouts. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { inOrder } from '../inOrder.ts';
import { Debuggee, type Stop } from './debuggee.ts';

const A = 1;
const B = 2;

/** What each phase's stop must show: function, file, a line that stands there in the source. */
const STOPS: Record<string, { function: string; file: RegExp; line: RegExp; callers: string[] }> = {
  'A quiescing': {
    function: 'kernel_kexec',
    file: /^kexec_core\.c:/,
    line: /^if \(!kexec_image\)/,
    callers: ['__do_sys_reboot'],
  },
  'leaving A': {
    function: 'machine_kexec',
    file: /^machine_kexec_32\.c:/,
    line: /page_list\[PAGES_NR\]/,
    callers: ['kernel_kexec', '__do_sys_reboot'],
  },
  'swapping pages': {
    function: 'swap_pages',
    file: /^relocate_kernel_32\.S:/,
    line: /^movl\s+8\(%esp\), %edx/,
    callers: [],
  },
  'B starting': { function: 'start_kernel', file: /^main\.c:/, line: /command_line/, callers: [] },
  'B running': {
    function: 'run_init_process',
    file: /^main\.c:/,
    line: /^argv_init\[0\] = init_filename;/,
    callers: ['kernel_init'],
  },
  'leaving B': {
    function: 'machine_kexec',
    file: /^machine_kexec_32\.c:/,
    line: /page_list\[PAGES_NR\]/,
    callers: ['kernel_kexec', '__do_sys_reboot'],
  },
  'A resuming': {
    function: 'machine_kexec',
    file: /^machine_kexec_32\.c:/,
    line: /./,
    callers: ['kernel_kexec', '__do_sys_reboot'],
  },
};

function assertStop(stop: Stop, phase: string, thread: number): void {
  const expected = STOPS[phase]!;
  assert.equal(stop.description, `Phase: ${phase}`);
  assert.equal(stop.threadId, thread);
  assert.equal(stop.functions[0], expected.function);
  assert.match(stop.place, expected.file);
  assert.match(stop.line, expected.line);
  assert.deepEqual(stop.functions.slice(1, 1 + expected.callers.length), expected.callers);
}

for (const window of ['high', 'low'] as const) {
  describe(`jump, ${window} window`, function () {
    // Each step goes on from the one before.
    inOrder();
    let debuggee: Debuggee;
    before(async () => {
      debuggee = await Debuggee.launch({ window, autoJump: false });
    });
    after(async () => debuggee.end());
    after(async () => Debuggee.endAll());

    let planted: Record<string, string>;

    it('boots kernel A', async () => {
      await debuggee.ready('canJump');
      assert.deepEqual(
        debuggee.phases.map(({ phase }) => phase),
        ['A starting', 'A running'],
      );
      const status = await debuggee.agent('status');
      assert.equal(status['role'], 'A');
      planted = await debuggee.agent('plant');
      assert.match(planted['sha256'] ?? '', /^[0-9a-f]{64}$/);
    });

    it('stops at the right places on the way to kernel B', async () => {
      await debuggee.client.request('kexecJump/jump');
      for (const phase of ['A quiescing', 'leaving A', 'swapping pages']) {
        assertStop(await debuggee.stop(), phase, A);
        await debuggee.proceed(A);
      }
      for (const phase of ['B starting', 'B running']) {
        assertStop(await debuggee.stop(), phase, B);
        await debuggee.proceed(B);
      }
      await debuggee.ready('canJumpBack');
      const status = await debuggee.agent('status');
      assert.equal(status['role'], 'B');
    });

    it('reads dormant kernel A while kernel B runs, without stopping it', async () => {
      const before = await uptime(debuggee);
      const functions = (await debuggee.stack(A)).map(({ name }) => name);
      assert.deepEqual(functions.slice(0, 3), ['machine_kexec', 'kernel_kexec', '__do_sys_reboot']);
      assert.ok((await uptime(debuggee)) > before, 'kernel B goes on');
    });

    it('comes back to kernel A, which has lost nothing', async () => {
      await debuggee.client.request('kexecJump/jumpBack');
      assertStop(await debuggee.stop(), 'leaving B', B);
      await debuggee.proceed(B);
      assertStop(await debuggee.stop(), 'swapping pages', B);
      await debuggee.proceed(B);
      assertStop(await debuggee.stop(), 'A resuming', A);
      await debuggee.proceed(A);
      await debuggee.ready('canJump');
      const checked = await debuggee.agent('check');
      assert.equal(checked['sha256'], planted['sha256']);
      assert.ok(Number(checked['counter']) > Number(planted['counter']), 'the counter goes on');
    });

    it('goes to and fro twice more in the same session', async () => {
      for (let round = 0; round < 2; round++) {
        await debuggee.client.request('kexecJump/jump');
        await stopsUntil(debuggee, 'canJumpBack');
        assert.equal((await debuggee.agent('status'))['role'], 'B');
        await debuggee.client.request('kexecJump/jumpBack');
        await stopsUntil(debuggee, 'canJump');
        assert.equal((await debuggee.agent('check'))['sha256'], planted['sha256']);
      }
      const resumed = debuggee.phases.filter(({ phase }) => phase === 'B resuming');
      assert.equal(resumed.length, 2, 'kernel B was entered again, not booted');
    });
  });
}

/** Seconds since the live kernel booted. */
async function uptime(debuggee: Debuggee): Promise<number> {
  const { output = '' } = await debuggee.agent('run', 'cat /proc/uptime');
  return parseFloat(Buffer.from(output, 'base64').toString());
}

/** Continues at every stop until something can be done. */
async function stopsUntil(debuggee: Debuggee, what: 'canJump' | 'canJumpBack'): Promise<void> {
  while (!debuggee.can(what)) {
    if (debuggee.stopsSoFar().length > 0) await debuggee.proceed((await debuggee.stop()).threadId);
    else await delay(20);
  }
}
