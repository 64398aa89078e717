/** What a user does at a stop: breakpoints, steps, variables, registers, evaluation, memory. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { findLab, type Lab } from '../../qemu-runner/guest/lab.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee, type Stop } from './debuggee.ts';

const A = 1;

describe('debugging', () => {
  inOrder();
  let debuggee: Debuggee;
  let kexecCore: string;
  let lab: Lab;
  let stop: Stop;

  const lineWith = (text: string): number =>
    readFileSync(kexecCore, 'utf8')
      .split('\n')
      .findIndex((candidate) => candidate.includes(text)) + 1;
  const breakAt = async (text: string): Promise<DebugProtocol.Breakpoint> => {
    const line = lineWith(text);
    const { breakpoints } = await debuggee.client.request<DebugProtocol.SetBreakpointsResponse['body']>(
      'setBreakpoints',
      { source: { path: kexecCore }, breakpoints: [{ line }] },
    );
    return breakpoints[0]!;
  };
  const scope = async (name: string): Promise<DebugProtocol.Variable[]> => {
    const { scopes } = await debuggee.client.request<DebugProtocol.ScopesResponse['body']>('scopes', {
      frameId: stop.frames[0]!.id,
    });
    return children(scopes.find((candidate) => candidate.name === name)!.variablesReference);
  };
  const children = async (variablesReference: number): Promise<DebugProtocol.Variable[]> => {
    const body = await debuggee.client.request<DebugProtocol.VariablesResponse['body']>('variables', {
      variablesReference,
    });
    return body.variables;
  };

  before(async () => {
    const found = findLab();
    assert.ok(found, 'the lab guest is built');
    lab = found;
    kexecCore = join(lab.sourceDirectory, 'kernel', 'kexec_core.c');
    debuggee = Debuggee.start();
    await debuggee.initialize({ autoJump: false, stopAt: [] });
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());

  it('takes a breakpoint before the machine runs', async () => {
    const breakpoint = await breakAt('error = freeze_processes();');
    assert.equal(breakpoint.verified, true);
    await debuggee.client.request('configurationDone');
    await debuggee.ready('canJump');
    await debuggee.client.request('kexecJump/jump');
    stop = await debuggee.stop();
    assert.equal(stop.reason, 'breakpoint');
    assert.equal(stop.line, 'error = freeze_processes();');
    assert.deepEqual(stop.functions.slice(0, 2), ['kernel_kexec', '__do_sys_reboot']);
  });

  it('shows locals, registers and values behind pointers', async () => {
    const locals = await scope('Locals');
    assert.deepEqual(
      locals.map(({ name }) => name),
      ['error'],
    );
    const groups = await scope('Registers');
    const general = await children(groups.find(({ name }) => name === 'General')!.variablesReference);
    assert.equal(
      Number(general.find(({ name }) => name === 'eip')?.value),
      Number(stop.frames[0]!.instructionPointerReference),
    );
    const control = await children(groups.find(({ name }) => name === 'Control')!.variablesReference);
    assert.match(control.find(({ name }) => name === 'cr0')?.value ?? '', /^0x8[0-9a-f]{7} \[PE .*PG\]$/);
    const tables = await children(groups.find(({ name }) => name === 'Descriptor tables')!.variablesReference);
    assert.deepEqual(
      tables.map(({ name }) => name),
      ['gdtr', 'idtr'],
    );
    const frameId = stop.frames[0]!.id;
    assert.match(await debuggee.evaluate('kexec_image->preserve_context', frameId), /^1/);
    assert.match(await debuggee.evaluate('p init_task.comm', frameId, 'repl'), /"swapper/);
    assert.match(await debuggee.evaluate('info line kernel_kexec', frameId, 'repl'), /kernel_kexec/);
    assert.match(
      await debuggee.evaluate('lx-version', frameId, 'repl'),
      /^Linux version 6\.1\./,
      "the kernel's own commands",
    );
    await assert.rejects(debuggee.evaluate('continue', frameId, 'repl'), /the session controls the machine/);
    await assert.rejects(debuggee.evaluate('no_such_symbol', frameId), /No symbol "no_such_symbol"/);
  });

  it('reads memory and disassembles', async () => {
    const address = stop.frames[0]!.instructionPointerReference!;
    const { data } = await debuggee.client.request<{ data: string }>('readMemory', {
      memoryReference: address,
      count: 16,
    });
    const { instructions } = await debuggee.client.request<{ instructions: DebugProtocol.DisassembledInstruction[] }>(
      'disassemble',
      { memoryReference: address, instructionOffset: -3, instructionCount: 8 },
    );
    assert.equal(instructions.length, 8);
    assert.equal(Number(instructions[3]!.address), Number(address));
    const bytes = Buffer.from(instructions[3]!.instructionBytes!.replaceAll(' ', ''), 'hex');
    assert.ok(Buffer.from(data, 'base64').subarray(0, bytes.length).equals(bytes), 'both read the same bytes');
  });

  it('completes, assigns, lists modules', async () => {
    const frameId = stop.frames[0]!.id;
    const { targets } = await debuggee.client.request<DebugProtocol.CompletionsResponse['body']>('completions', {
      frameId,
      text: 'kexec_ima',
      column: 10,
    });
    assert.ok(targets.some(({ label }) => label === 'kexec_image'));
    const { value } = await debuggee.client.request<{ value: string }>('setExpression', {
      frameId,
      expression: 'kexec_image->nr_segments',
      value: 'kexec_image->nr_segments',
    });
    assert.match(value, /^\d+$/);
    const { modules } = await debuggee.client.request<{ modules: DebugProtocol.Module[] }>('modules');
    assert.deepEqual(
      modules.map(({ name }) => name),
      ['vmlinux (kernel A)'],
    );
  });

  it('steps over, in and out', async () => {
    await debuggee.proceed(A, 'stepIn');
    stop = await debuggee.stop();
    assert.equal(stop.reason, 'step');
    assert.deepEqual(stop.functions.slice(0, 2), ['freeze_processes', 'kernel_kexec']);
    await debuggee.proceed(A, 'stepOut');
    stop = await debuggee.stop();
    assert.equal(stop.functions[0], 'kernel_kexec');
    await debuggee.proceed(A, 'next');
    stop = await debuggee.stop();
    assert.equal(stop.functions[0], 'kernel_kexec');
  });

  it('prints a logpoint and goes on, and stops where a variable is written', async () => {
    const { dataId } = await debuggee.client.request<{ dataId: string }>('dataBreakpointInfo', {
      name: 'pm_freezing',
      frameId: stop.frames[0]!.id,
    });
    const watched = await debuggee.client.request<DebugProtocol.SetDataBreakpointsResponse['body']>(
      'setDataBreakpoints',
      {
        breakpoints: [{ dataId, accessType: 'write' }],
      },
    );
    assert.equal(watched.breakpoints[0]?.verified, true);
    const line = lineWith('machine_kexec(kexec_image);');
    await debuggee.client.request('setBreakpoints', {
      source: { path: kexecCore },
      breakpoints: [{ line, logMessage: 'segments: {kexec_image->nr_segments}, {nonsense}' }],
    });
    await debuggee.proceed(A);
    await debuggee.ready('canJumpBack');
    assert.match(debuggee.output, /segments: \d+, <No symbol "nonsense" in current context\.>/);
    await debuggee.client.request('setBreakpoints', { source: { path: kexecCore }, breakpoints: [] });
    await debuggee.client.request('kexecJump/jumpBack');
    const written = await debuggee.stop();
    assert.equal(written.description, 'Paused on data breakpoint');
    await debuggee.client.request('setDataBreakpoints', { breakpoints: [] });
    await debuggee.proceed(written.threadId);
    await debuggee.ready('canJump');
    await breakAt('error = freeze_processes();');
    await debuggee.client.request('kexecJump/jump');
    stop = await debuggee.stop();
  });

  it('ends a step over the jump where kernel A comes back', async () => {
    await breakAt('machine_kexec(kexec_image);');
    await debuggee.proceed(A);
    stop = await debuggee.stop();
    assert.equal(stop.line, 'machine_kexec(kexec_image);');
    await debuggee.proceed(A, 'next');
    await debuggee.ready('canJumpBack');
    await debuggee.client.request('kexecJump/jumpBack');
    // The breakpoint is kernel B's as well: B leaves through the same line.
    const leavingB = await debuggee.stop();
    assert.equal(leavingB.threadId, 2);
    assert.equal(leavingB.line, 'machine_kexec(kexec_image);');
    await debuggee.proceed(2);
    stop = await debuggee.stop();
    assert.equal(stop.threadId, A);
    assert.equal(stop.reason, 'step');
    assert.deepEqual(stop.functions.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
    await debuggee.proceed(A);
    await debuggee.ready('canJump');
  });

  it('pauses a running kernel, and refuses to step the dormant one', async () => {
    await debuggee.client.request('pause', { threadId: A });
    stop = await debuggee.stop();
    assert.equal(stop.reason, 'pause');
    assert.equal(stop.threadId, A);
    await assert.rejects(
      debuggee.proceed(2, 'next'),
      /Kernel B is not on the CPU: kernel A is.*after kernel A has jumped/,
    );
    await debuggee.proceed(A);
  });

  it('sets and removes a breakpoint while the kernel runs', async () => {
    const breakpoint = await breakAt('error = freeze_processes();');
    assert.equal(breakpoint.verified, true);
    await debuggee.client.request('kexecJump/jump');
    stop = await debuggee.stop();
    assert.equal(stop.line, 'error = freeze_processes();');
    assert.equal(stop.reason, 'breakpoint');
  });

  it('takes several changes of breakpoints at once while the kernel runs', async () => {
    await debuggee.client.request('setBreakpoints', { source: { path: kexecCore }, breakpoints: [] });
    await debuggee.proceed(A);
    await debuggee.ready('canJumpBack');
    const names = ['do_sys_openat2', 'ksys_write', 'vfs_read'].map((name) => ({ name: `A:${name}` }));
    const answers = await Promise.all([
      debuggee.client.request<{ breakpoints: DebugProtocol.Breakpoint[] }>('setFunctionBreakpoints', {
        breakpoints: names,
      }),
      debuggee.client.request<{ breakpoints: DebugProtocol.Breakpoint[] }>('setBreakpoints', {
        source: { path: kexecCore },
        breakpoints: [{ line: lineWith('error = freeze_processes();'), mode: 'A' }],
      }),
      debuggee.client.request<{ breakpoints: DebugProtocol.Breakpoint[] }>('setFunctionBreakpoints', {
        breakpoints: [],
      }),
    ]);
    for (const { breakpoints } of answers) for (const { verified } of breakpoints) assert.equal(verified, true);
    assert.equal((await debuggee.agent('status'))['role'], 'B', 'kernel B goes on');
    await debuggee.client.request('kexecJump/jumpBack');
    await debuggee.ready('canJump');
    await debuggee.client.request('kexecJump/jump');
    stop = await debuggee.stop();
    assert.equal(stop.line, 'error = freeze_processes();');
  });

  it('stops after each of twenty instructions', async () => {
    for (let step = 0; step < 20; step++) {
      await debuggee.client.request('next', { threadId: A, granularity: 'instruction' });
      stop = await debuggee.stop();
      assert.equal(stop.reason, 'step');
    }
  });

  it('steps a rep movsl of the page swap as one instruction', async () => {
    // The first copy: source page to swap page, 1,024 words.
    await debuggee.client.request('setBreakpoints', { source: { path: kexecCore }, breakpoints: [] });
    const swap = join(lab.sourceDirectory, 'arch', 'x86', 'kernel', 'relocate_kernel_32.S');
    const line =
      readFileSync(swap, 'utf8')
        .split('\n')
        .findIndex((candidate) => /^\s*rep\s*;\s*movsl/.test(candidate)) + 1;
    assert.ok(line > 0);
    await debuggee.client.request('setBreakpoints', { source: { path: swap }, breakpoints: [{ line }] });
    await debuggee.proceed(A);
    stop = await debuggee.stop();
    assert.equal(stop.place, `relocate_kernel_32.S:${line}`);
    assert.equal(await debuggee.evaluate('$ecx', stop.frames[0]!.id), '1024');
    await debuggee.client.request('next', { threadId: A, granularity: 'instruction' });
    const after_ = await debuggee.stop();
    assert.equal(await debuggee.evaluate('$ecx', after_.frames[0]!.id), '0');
    const [from, to] = [stop, after_].map(({ frames }) => Number(frames[0]!.instructionPointerReference));
    assert.equal(to! - from!, 2);
  });
});
