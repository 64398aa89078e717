/** What a user looks at beyond the stack: memory by every kind of address, disassembly, scopes, globals, sources. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import { findLab, type Lab } from '../../qemu-runner/guest/lab.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee, type Stop } from './debuggee.ts';

type Scopes = DebugProtocol.ScopesResponse['body'];
type Variables = DebugProtocol.VariablesResponse['body'];
type Memory = NonNullable<DebugProtocol.ReadMemoryResponse['body']>;

describe('inspection', () => {
  inOrder();
  let debuggee: Debuggee;
  let stop: Stop;
  let lab: Lab;
  let vmlinux: KernelFile;
  let elsewhere: string;
  /** A source file in its place in the build tree and where this test has put a copy. */
  let copied: string;

  const address = (symbol: string): number => vmlinux.symbol(symbol)!.address;
  const read = async (memoryReference: string, count: number, offset = 0): Promise<Memory> =>
    debuggee.client.request<Memory>('readMemory', { memoryReference, count, offset });
  const bytes = async (memoryReference: string, count: number, offset = 0): Promise<Buffer> =>
    Buffer.from((await read(memoryReference, count, offset)).data ?? '', 'base64');
  const scopes = async (level = 0): Promise<DebugProtocol.Scope[]> =>
    (await debuggee.client.request<Scopes>('scopes', { frameId: stop.frames[level]!.id })).scopes;
  const variables = async (variablesReference: number): Promise<DebugProtocol.Variable[]> =>
    (await debuggee.client.request<Variables>('variables', { variablesReference })).variables;
  const inScope = async (name: string, level = 0): Promise<DebugProtocol.Variable[]> =>
    variables((await scopes(level)).find((scope) => scope.name === name)!.variablesReference);

  before(async () => {
    lab = findLab()!;
    vmlinux = new KernelFile(lab.vmlinux);
    elsewhere = mkdtempSync(join(tmpdir(), 'inspection-test-'));
    copied = join(elsewhere, 'kernel', 'reboot.c');
    mkdirSync(dirname(copied));
    cpSync(join(lab.sourceDirectory, 'kernel', 'reboot.c'), copied);
    debuggee = await Debuggee.launch({
      autoJump: false,
      stopAt: ['leaving A', 'swapping pages', 'purgatory'],
      sourceFileMap: { [join(lab.sourceDirectory, 'kernel', 'reboot.c')]: copied },
    });
    await debuggee.ready('canJump');
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());
  after(() => {
    vmlinux.close();
    rmSync(elsewhere, { recursive: true });
  });

  it('reads memory of a running kernel, by virtual and by physical address', async () => {
    const banner = vmlinux.banner!;
    const linked = address('linux_banner');
    assert.equal((await bytes(`A:0x${linked.toString(16)}`, banner.length)).toString(), banner);
    const physical = linked - vmlinux.pageOffset;
    assert.equal((await bytes(`physical:0x${physical.toString(16)}`, banner.length)).toString(), banner);
    assert.deepEqual(debuggee.stopsSoFar(), [], 'without stopping it');
  });

  it('reads and writes memory of a stopped kernel by every kind of reference', async () => {
    await debuggee.client.request('kexecJump/jump');
    stop = await debuggee.stop();
    assert.equal(stop.description, 'Phase: leaving A');
    const comm = (await bytes('A:&init_task.comm', 16)).toString();
    assert.match(comm, /^swapper/);
    assert.equal(
      (
        await bytes('&init_task', 16, Number(await debuggee.evaluate('(int)&((struct task_struct *)0)->comm')))
      ).toString(),
      comm,
    );
    await assert.rejects(read('A:nonsense', 4), /"A:nonsense" is no address: No symbol "nonsense"/);

    const place = address('saved_command_line') - vmlinux.pageOffset;
    const reference = `physical:0x${place.toString(16)}`;
    const before = await bytes(reference, 4);
    const write = async (data: Buffer, memoryReference: string): Promise<void> => {
      await debuggee.client.request('writeMemory', { memoryReference, data: data.toString('base64') });
    };
    await write(Buffer.from('12345678', 'hex'), reference);
    assert.equal(
      await debuggee
        .evaluate('/x *(int *)&saved_command_line', stop.frames[0]!.id, 'repl')
        .catch(async () => debuggee.evaluate('p/x *(int *)&saved_command_line', stop.frames[0]!.id, 'repl')),
      '$1 = 0x78563412',
    );
    await write(before, '&saved_command_line');
    assert.deepEqual(await bytes(reference, 4), before);
  });

  it('says where memory ends, and reads what is no RAM', async () => {
    const end = await read('physical:0xffffffc', 16);
    assert.equal(end.unreadableBytes, 12);
    const rom = await bytes('physical:0xffff0', 5);
    assert.equal(rom[0], 0xea, 'the BIOS begins with a far jump');
    const unmapped = await read('A:0x1000', 8);
    assert.equal(unmapped.unreadableBytes, 8);
  });

  it('reads a megabyte as it is in the RAM file', async () => {
    const start = `0x${address('_text').toString(16)}`;
    const megabyte = await bytes(`A:${start}`, 1 << 20);
    assert.equal(megabyte.length, 1 << 20);
    const again = await bytes(`physical:0x${(address('_text') - vmlinux.pageOffset).toString(16)}`, 1 << 20);
    assert.ok(megabyte.equals(again));
  });

  it('disassembles backwards over function borders, and never makes an instruction up', async () => {
    const at = async (memoryReference: string, instructionOffset: number, instructionCount: number) =>
      (
        await debuggee.client.request<{ instructions: DebugProtocol.DisassembledInstruction[] }>('disassemble', {
          memoryReference,
          instructionOffset,
          instructionCount,
        })
      ).instructions;
    const start = `A:0x${address('machine_kexec').toString(16)}`;
    const around = await at(start, -30, 40);
    assert.equal(around.length, 40);
    assert.equal(Number(around[30]!.address), address('machine_kexec'));
    assert.ok(around.slice(0, 30).every(({ presentationHint }) => presentationHint !== 'invalid'));
    assert.doesNotMatch(around[0]!.symbol ?? '', /^machine_kexec\+/, 'of the functions before');
    for (const [index, { address: own, instructionBytes = '' }] of around.entries()) {
      const next = around[index + 1];
      if (next) assert.equal(Number(next.address), Number(own) + instructionBytes.split(' ').length);
    }
    const long = around.slice(30).find(({ instructionBytes = '' }) => instructionBytes.includes(' '))!;
    const inside = `A:0x${(Number(long.address) + 1).toString(16)}`;
    const lies = await at(inside, -5, 5);
    assert.ok(
      lies.every(({ presentationHint }) => presentationHint === 'invalid'),
      'the address is inside an instruction',
    );
    assert.equal((await at(start, 3, 2))[0]!.address, around[33]!.address);
  });

  it('shows arguments, locals, registers and global variables in scopes of their own', async () => {
    assert.deepEqual(
      (await scopes()).map(({ name, expensive }) => `${name}${expensive ? ' (closed)' : ''}`),
      ['Locals', 'Arguments', 'Registers (closed)', 'Globals (closed)'],
    );
    assert.deepEqual(
      (await inScope('Arguments')).map(({ name }) => name),
      ['image'],
    );
    const general = (await inScope('Registers')).find(({ name }) => name === 'General')!;
    const flags = (await variables(general.variablesReference)).find(({ name }) => name === 'eflags');
    assert.match(flags?.value ?? '', /^0x[0-9a-f]+ \[.*\]$/);
    const { names } = await debuggee.client.request<{ names: string[] }>('kexecJump/findGlobals', { text: 'kexec_cr' });
    assert.ok(names.includes('kexec_crash_image'), names.join());
    await debuggee.client.request('kexecJump/showGlobal', { name: 'kexec_crash_image' });
    const globals = await inScope('Globals');
    assert.deepEqual(
      globals.map(({ name }) => name),
      ['kexec_image', 'system_state', 'jiffies', 'init_task', 'kexec_crash_image'],
    );
    assert.match(globals[1]!.value, /^SYSTEM_RUNNING|^SYSTEM_/);
  });

  it('loads a stack in pieces, and finds sources that were moved', async () => {
    const stack = async (startFrame: number, levels: number): Promise<string[]> => {
      const body = await debuggee.client.request<DebugProtocol.StackTraceResponse['body']>('stackTrace', {
        threadId: stop.threadId,
        startFrame,
        levels,
      });
      return body.stackFrames.map(({ name }) => name);
    };
    assert.deepEqual([...(await stack(0, 1)), ...(await stack(1, 2))], (await stack(0, 20)).slice(0, 3));
    const reboot = stop.frames.find(({ name }) => name === '__do_sys_reboot');
    assert.equal(reboot?.source?.path, copied);
    const { sources } = await debuggee.client.request<{ sources: { path: string }[] }>('loadedSources');
    assert.ok(sources.some(({ path }) => path === copied));
    assert.ok(sources.some(({ path }) => path === join(lab.sourceDirectory, 'kernel', 'kexec_core.c')));
  });

  it('refuses to go to another line, with a reason', async () => {
    await assert.rejects(
      debuggee.client.request('gotoTargets', { source: { path: copied }, line: 1 }),
      /Jumping to another line is not possible now: a kernel that skips or repeats code/,
    );
  });

  it('opens an assembler routine with its registers', async () => {
    await debuggee.proceed(1);
    stop = await debuggee.stop();
    assert.deepEqual(
      (await scopes()).map(({ name, expensive }) => `${name}${expensive ? ' (closed)' : ''}`),
      ['Registers', 'Globals (closed)'],
    );
  });

  it('has symbols for purgatory, and lists what code there is and where', async () => {
    await debuggee.proceed(1);
    stop = await debuggee.stop();
    assert.equal(stop.description, 'Phase: purgatory');
    assert.equal(stop.functions[0], 'purgatory_start');
    const { modules } = await debuggee.client.request<{ modules: DebugProtocol.Module[] }>('modules');
    assert.deepEqual(
      modules.map(({ name }) => name),
      ['vmlinux (kernel A)', 'control page (kernel A)', 'purgatory (before kernel B)'],
    );
    const [start, end] = (modules[2]!.addressRange ?? '').replace('physical ', '').split('-').map(Number);
    const at = Number(stop.frames[0]!.instructionPointerReference);
    assert.ok(at >= start! && at < end!, `${at} in ${modules[2]!.addressRange}`);
  });
});
