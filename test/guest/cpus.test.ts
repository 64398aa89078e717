/** A guest with two CPUs: each is a thread of its kernel, on both sides of the jump. */
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { inOrder } from '../inOrder.ts';
import { Debuggee, type Stop } from './debuggee.ts';

/** DAP's threads: two a kernel. */
const A = [1, 11] as const;
const B = [2, 12] as const;

/** Run by who reads /proc/uptime, on the CPU of that task. */
const FUNCTION = 'uptime_proc_show';

describe('two CPUs', () => {
  inOrder();
  let debuggee: Debuggee;

  const shell = async (command: string): Promise<string> => {
    const { output = '' } = await debuggee.agent('run', command);
    return Buffer.from(output, 'base64').toString().trim();
  };

  const threads = async (): Promise<Record<number, string>> => {
    const body = await debuggee.client.request<DebugProtocol.ThreadsResponse['body']>('threads');
    return Object.fromEntries(body.threads.map(({ id, name }) => [id, name]));
  };

  const functionsOf = async (thread: number): Promise<string[]> =>
    (await debuggee.stack(thread)).map(({ name }) => name);

  const breakAt = async (...breakpoints: DebugProtocol.FunctionBreakpoint[]): Promise<void> => {
    await debuggee.client.request('setFunctionBreakpoints', { breakpoints });
  };

  const pause = async (thread: number): Promise<Stop> => {
    await debuggee.client.request('pause', { threadId: thread });
    return debuggee.stop();
  };

  const step = async (thread: number, command: 'next' | 'stepIn' | 'stepOut', more = {}): Promise<Stop> => {
    await debuggee.client.request(command, { threadId: thread, ...more });
    return debuggee.stop();
  };

  const registersOf = async (thread: number): Promise<string> => {
    const [frame] = await debuggee.stack(thread);
    const values: string[] = [];
    for (const name of ['eax', 'esp', 'eip']) values.push(await debuggee.evaluate(`$${name}`, frame!.id));
    return values.join(' ');
  };

  before(async () => {
    debuggee = await Debuggee.launch({
      guest: '6.1-smp',
      autoJump: false,
      stopAt: ['B starting', 'leaving B', 'A resuming'],
    });
    await debuggee.ready('canJump');
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());

  it('shows each CPU as a thread of its kernel', async () => {
    assert.equal(await shell('nproc'), '2');
    await pause(A[0]);
    assert.deepEqual(await threads(), {
      1: 'Kernel A, CPU 0 (live)',
      11: 'Kernel A, CPU 1 (live)',
      2: 'Kernel B (not started)',
    });
    for (const thread of A) assert.notDeepEqual(await functionsOf(thread), [], 'each has a stack');
    await debuggee.proceed(A[0]);
  });

  for (const [cpu, thread] of A.entries()) {
    it(`stops on CPU ${cpu} at a breakpoint there, and steps there`, async () => {
      await breakAt({ name: FUNCTION });
      const read = shell(`taskset ${1 << cpu} cat /proc/uptime`);
      const stop = await debuggee.stop();
      assert.equal(stop.threadId, thread);
      assert.equal(stop.functions[0], FUNCTION);
      assert.equal(await debuggee.evaluate('$_gthread', stop.frames[0]!.id), String(cpu + 1));
      const other = A[1 - cpu]!;
      for (let line = 0; line < 3; line++) {
        const before = await registersOf(other);
        const { threadId, functions, reason } = await step(thread, 'next', { granularity: 'instruction' });
        assert.deepEqual([threadId, functions[0], reason], [thread, FUNCTION, 'step']);
        assert.equal(await registersOf(other), before, 'the other CPU stands still for an instruction');
      }
      for (let line = 0; line < 3; line++) {
        const { threadId, functions } = await step(thread, 'next');
        assert.deepEqual([threadId, functions[0]], [thread, FUNCTION]);
      }
      const out = await step(thread, 'stepOut');
      assert.deepEqual([out.threadId, out.functions[0]], [thread, 'seq_read_iter']);
      await breakAt();
      await debuggee.proceed(thread);
      assert.match(await read, /^[\d.]+ [\d.]+$/);
    });
  }

  it('steps over a call that waits for the other CPU', async () => {
    await breakAt({ name: 'vmstat_refresh' });
    const written = shell('taskset 1 cat /proc/sys/vm/stat_refresh; echo done');
    let stop = await debuggee.stop();
    assert.equal(stop.threadId, A[0]);
    for (let line = 0; line < 5 && !stop.line.includes('schedule_on_each_cpu'); line++) stop = await step(A[0], 'next');
    assert.match(stop.line, /schedule_on_each_cpu/);
    stop = await step(A[0], 'next');
    assert.deepEqual([stop.functions[0], stop.reason], ['vmstat_refresh', 'step']);
    assert.doesNotMatch(stop.line, /schedule_on_each_cpu/);
    await breakAt();
    await debuggee.proceed(A[0]);
    assert.equal(await written, 'done');
  });

  it('stops at a breakpoint only on the CPU that its condition names', async () => {
    await breakAt({ name: FUNCTION, condition: '$_gthread == 2' });
    assert.match(await shell('taskset 1 cat /proc/uptime'), /^[\d.]+ [\d.]+$/);
    const read = shell('taskset 2 cat /proc/uptime');
    assert.equal((await debuggee.stop()).threadId, A[1]);
    await breakAt();
    await debuggee.proceed(A[1]);
    await read;
  });

  it('loses no hit of a breakpoint that both CPUs come by', async () => {
    await breakAt({ name: FUNCTION });
    const loop = (mask: number): string =>
      `taskset ${mask} sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do cat /proc/uptime; done'`;
    const read = shell(`${loop(1)} > /tmp/first & ${loop(2)} > /tmp/second; wait; cat /tmp/first /tmp/second | wc -l`);
    const hits = new Map<number, number>();
    for (let hit = 0; hit < 20; hit++) {
      const { threadId, functions } = await debuggee.stop();
      assert.equal(functions[0], FUNCTION);
      hits.set(threadId, (hits.get(threadId) ?? 0) + 1);
      await debuggee.proceed(threadId);
    }
    assert.equal(await read, '20');
    assert.deepEqual(debuggee.stopsSoFar(), []);
    assert.deepEqual([hits.get(A[0]), hits.get(A[1])], [10, 10]);
    await breakAt();
  });

  it('shows the second CPU as parked while kernel B boots, and the first as it left', async () => {
    await debuggee.client.request('kexecJump/jump');
    assert.equal((await debuggee.stop()).threadId, B[0]);
    assert.deepEqual(await threads(), {
      1: 'Kernel A, CPU 0 (dormant)',
      11: 'Kernel A, CPU 1 (parked)',
      2: 'Kernel B, CPU 0 (live)',
    });
    assert.deepEqual((await functionsOf(A[0])).slice(0, 2), ['machine_kexec', 'kernel_kexec']);
    const parked = await functionsOf(A[1]);
    for (const name of ['native_play_dead', 'do_idle', 'cpu_startup_entry']) {
      assert.ok(parked.includes(name), `${name} is on the stack: ${parked.join(' < ')}`);
    }
    assert.deepEqual(await functionsOf(B[0]), ['start_kernel', 'i386_start_kernel', 'startup_32_smp']);
  });

  it('refuses to step the parked CPU', async () => {
    await assert.rejects(debuggee.proceed(A[1], 'next'), /Kernel A is not on the CPU/);
  });

  it('has the second CPU in kernel B when that starts it, and keeps how kernel A parked it', async () => {
    const parked = await registersOf(A[1]);
    await debuggee.proceed(B[0]);
    await debuggee.ready('canJumpBack');
    assert.equal(await shell('nproc'), '2');
    assert.equal(await registersOf(A[1]), parked, 'while kernel B runs');
    await breakAt({ name: FUNCTION });
    const read = shell('taskset 2 cat /proc/uptime');
    assert.equal((await debuggee.stop()).threadId, B[1]);
    assert.deepEqual(await threads(), {
      1: 'Kernel A, CPU 0 (dormant)',
      11: 'Kernel A, CPU 1 (parked)',
      2: 'Kernel B, CPU 0 (live)',
      12: 'Kernel B, CPU 1 (live)',
    });
    assert.equal(await registersOf(A[1]), parked);
    await breakAt();
    await debuggee.proceed(B[1]);
    await read;
  });

  it('has the second CPU again in kernel A that is back', async () => {
    await debuggee.client.request('kexecJump/jumpBack');
    assert.equal((await debuggee.stop()).description, 'Phase: leaving B');
    await debuggee.proceed(B[0]);
    assert.equal((await debuggee.stop()).description, 'Phase: A resuming');
    assert.deepEqual(await threads(), {
      1: 'Kernel A, CPU 0 (live)',
      11: 'Kernel A, CPU 1 (parked)',
      2: 'Kernel B, CPU 0 (dormant)',
      12: 'Kernel B, CPU 1 (parked)',
    });
    for (const thread of [A[1], B[1]]) assert.ok((await functionsOf(thread)).includes('native_play_dead'));
    assert.deepEqual((await functionsOf(B[0])).slice(0, 2), ['machine_kexec', 'kernel_kexec']);
    await debuggee.proceed(A[0]);
    await debuggee.ready('canJump');
    assert.equal(await shell('nproc'), '2');
    await breakAt({ name: FUNCTION });
    const read = shell('taskset 2 cat /proc/uptime');
    assert.equal((await debuggee.stop()).threadId, A[1]);
    assert.equal((await threads())[A[1]], 'Kernel A, CPU 1 (live)');
    const { threadId, functions } = await step(A[1], 'next');
    assert.deepEqual([threadId, functions[0]], [A[1], FUNCTION]);
    await breakAt();
    await debuggee.proceed(A[1]);
    await read;
  });
});

describe('two CPUs, of which kernel B has one', () => {
  inOrder();
  let debuggee: Debuggee;

  const threads = async (): Promise<string[]> => {
    const body = await debuggee.client.request<DebugProtocol.ThreadsResponse['body']>('threads');
    return body.threads.map(({ name }) => name);
  };

  before(async () => {
    debuggee = await Debuggee.launch({
      guest: '6.1-smp',
      window: 'low',
      autoJump: false,
      stopAt: ['B running', 'A resuming'],
      kernelB: { append: 'maxcpus=1' },
    });
    await debuggee.ready('canJump');
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());

  it('shows the other one as parked in kernel A, whose code is swapped out', async () => {
    await debuggee.client.request('kexecJump/jump');
    await debuggee.stop();
    const expected = ['Kernel A, CPU 0 (dormant)', 'Kernel A, CPU 1 (parked)', 'Kernel B, CPU 0 (live)'];
    assert.deepEqual(await threads(), expected);
    await debuggee.proceed(B[0]);
    await debuggee.ready('canJumpBack');
    assert.deepEqual(await threads(), expected);
    const parked = (await debuggee.stack(A[1])).map(({ name }) => name);
    assert.ok(parked.includes('native_play_dead'), parked.join(' < '));
  });

  it('steps kernel A back into life with both, over the start of the second one', async () => {
    await debuggee.client.request('kexecJump/jumpBack');
    let stop = await debuggee.stop();
    assert.equal(stop.threadId, A[0]);
    await debuggee.proceed(A[0], 'stepOut');
    stop = await debuggee.stop();
    assert.equal(stop.functions[0], 'kernel_kexec');
    const next = async (): Promise<void> => {
      await debuggee.proceed(A[0], 'next');
      stop = await debuggee.stop();
      assert.deepEqual([stop.threadId, stop.functions[0]], [A[0], 'kernel_kexec']);
    };
    for (let line = 0; line < 8 && !stop.line.startsWith('suspend_enable_secondary_cpus'); line++) await next();
    assert.ok((await threads()).includes('Kernel A, CPU 1 (parked)'));
    await next();
    assert.deepEqual((await threads()).slice(0, 2), ['Kernel A, CPU 0 (live)', 'Kernel A, CPU 1 (live)']);
  });

  it('knows the CPUs of the moment that a restart goes back to', async () => {
    await debuggee.client.request('restart', {}, 60);
    await debuggee.ready('canJump');
    assert.deepEqual(await threads(), ['Kernel A, CPU 0 (live)', 'Kernel A, CPU 1 (live)', 'Kernel B (not started)']);
  });
});
