/** A saved image is debugged like the kernel that it is of: what it shows is what the kernel was. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { findLab } from '../../qemu-runner/guest/lab.ts';
import { QmpClient } from '../../qemu-runner/qmp.ts';
import { PAGE_CLASS } from '../../vmcore-viewer/core/pageClassNames.ts';
import { readTasks, type Task } from '../../vmcore-viewer/core/tasks.ts';
import { waitChannel } from '../../vmcore-viewer/core/waitChannel.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { pageFacts } from '../../vmcore-viewer/explorer/pageFacts.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee, type Stop } from './debuggee.ts';
import { saveImage } from './savedImage.ts';
import { PAGES_OF_A_STACK, STACK_END_MAGIC } from './taskStacks.ts';

/** Values that a kernel does not change while it is away. */
/** For all of its memory, while another test uses the disk too. */
const DUMP_SECONDS = 60;
const EXPRESSIONS = ['init_task.comm', 'linux_banner', 'jiffies_64', 'kexec_image->head', 'saved_command_line'];

const folder = mkdtempSync(join(tmpdir(), 'kexec-post-mortem-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** The values in the frame of a function. */
async function valuesIn(debuggee: Debuggee, threadId: number, name: string): Promise<string[]> {
  const frames = await debuggee.stack(threadId);
  const frame = frames.find((one) => one.name === name);
  assert.ok(frame, `${name} is on the stack: ${frames.map((one) => one.name).join(' < ')}`);
  return Promise.all(EXPRESSIONS.map(async (expression) => debuggee.evaluate(expression, frame.id)));
}

async function read({ client }: Debuggee, memoryReference: string, count: number): Promise<Buffer> {
  const { data = '' } = (await client.request<DebugProtocol.ReadMemoryResponse['body']>('readMemory', {
    ...{ memoryReference, count },
  }))!;
  return Buffer.from(data, 'base64');
}

for (const window of ['high', 'low'] as const) {
  describe(`a saved image in the debugger, ${window} window`, () => {
    inOrder();
    const image = join(folder, `${window}.vmcore`);
    let values: string[];
    let entry: number;
    let debuggee: Debuggee;
    let stop: Stop;
    after(async () => Debuggee.endAll());

    let tasks: string;

    before('kernel B saves kernel A', async () => {
      const inB = async (live: Debuggee): Promise<void> => {
        values = await valuesIn(live, 1, 'kernel_kexec');
        tasks = await live.evaluate('lx-ps', (await live.stack(1))[0]!.id, 'repl');
      };
      entry = await saveImage(image, window, { inB });
    });

    it('stops where kernel A left, with its stack down to the system call', async () => {
      debuggee = await Debuggee.launch({ core: image });
      stop = await debuggee.stop();
      assert.equal(stop.description, 'Saved image');
      assert.deepEqual(stop.functions.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
      assert.ok(stop.functions.includes('__do_sys_reboot'), stop.functions.join(' < '));
      assert.match(debuggee.output, /Kernel A as it left by a jump/);
    });

    it('has the values that kernel A had, and no other kernel', async () => {
      assert.deepEqual(await valuesIn(debuggee, 1, 'kernel_kexec'), values);
      const { threads } = await debuggee.client.request<DebugProtocol.ThreadsResponse['body']>('threads');
      assert.deepEqual(
        threads.map(({ name }) => name),
        ['Kernel A (saved)'],
      );
    });

    it('has the tasks that kernel A had, also for the explorer, which knows where they sleep', async () => {
      assert.equal(await debuggee.evaluate('lx-ps', stop.frames[0]!.id, 'repl'), tasks);
      const explorer = Explorer.open({ paths: [image], vmlinux: [findLab()!.vmlinux] });
      const { kernel, symbols } = explorer.pages[0]!;
      const layout = explorer.tasksOf(kernel)!;
      const found = readTasks(kernel.memory, layout);
      const place = (task: Task): string | undefined => waitChannel(kernel.memory, symbols!, task, layout);
      // The oldest of a name: a new kernel thread is called kthreadd until it has a name of its own.
      const sleepers = new Map(found.tasks.map((task) => [task.name, place(task)] as const).reverse());
      // Where the kernel has them, seen as one looks at a page of the map.
      const caches = found.tasks.slice(1).map(({ address }) => {
        const pfn = explorer.locate(Math.floor(kernel.memory.translate(address)!.physical / PAGE_SIZE));
        return pageFacts(explorer, pfn).find(({ label }) => label === 'Slab cache')?.value;
      });
      assert.deepEqual([...new Set(caches)], ['task_struct']);
      // The first task's stack is in the kernel's data.
      const { classes, knowledge } = explorer.pages[0]!;
      const stacks = [...knowledge.stacks!].filter(([pfn]) => classes[pfn] === PAGE_CLASS.kernelStack);
      assert.equal(stacks.length, PAGES_OF_A_STACK.i386 * (found.tasks.length - 1));
      for (const { pid, stack } of found.tasks) {
        assert.equal(kernel.memory.read(stack, 4)!.readUInt32LE(0), STACK_END_MAGIC, `the stack of ${pid}`);
      }
      const [pfn, { pid }] = stacks[1]!;
      const owner = pageFacts(explorer, explorer.locate(pfn)).find(({ label }) => label === 'Stack of')?.value;
      assert.match(owner ?? '', new RegExp(`, PID ${pid}$`));
      explorer.close();
      assert.equal(found.problem, undefined);
      // 0xc112f400 0 swapper
      const told = [...tasks.matchAll(/^\s*0x([0-9a-f]+)\s+(\d+)\s+(\S+)\s*$/gm)].map(([, ...words]) =>
        words.join(' '),
      );
      assert.ok(told.length > 15, tasks);
      assert.deepEqual(
        found.tasks.map(({ address, pid, name }) => `${address.toString(16)} ${pid} ${name}`),
        told,
      );
      assert.deepEqual(
        ['kthreadd', 'ksoftirqd/0', 'kswapd0', 'agent'].map((name) => sleepers.get(name)),
        ['kthreadd', 'smpboot_thread_fn', 'kswapd', '__refrigerator'],
      );
    });

    it('shows memory by virtual and by physical address, and code', async () => {
      const banner = await read(debuggee, 'A:&linux_banner', 16);
      assert.equal(banner.toString(), 'Linux version 6.');
      const address = Number(await debuggee.evaluate('(unsigned long)&linux_banner - 0xc0000000', stop.frames[0]!.id));
      assert.deepEqual(await read(debuggee, `physical:0x${address.toString(16)}`, 16), banner);
      const { instructions } = await debuggee.client.request<{ instructions: DebugProtocol.DisassembledInstruction[] }>(
        'disassemble',
        { memoryReference: stop.frames[0]!.instructionPointerReference, instructionOffset: -4, instructionCount: 8 },
      );
      assert.match(instructions.map(({ instruction }) => instruction).join('\n'), /call/);
    });

    it('says that nothing runs or changes in it', async () => {
      const frameId = stop.frames[0]!.id;
      const { client } = debuggee;
      const only = /This is a saved image, and no machine/;
      const says = (text = ''): boolean => text.includes('This is a saved image');
      for (const request of ['continue', 'next', 'stepIn', 'restart', 'kexecJump/jump', 'kexecJump/jumpBack']) {
        await assert.rejects(client.request(request, { threadId: 1 }), only, request);
      }
      await assert.rejects(client.request('setExpression', { expression: 'jiffies', value: '1', frameId }), only);
      await assert.rejects(client.request('writeMemory', { memoryReference: 'A:&jiffies', data: 'AAAA' }), only);
      await assert.rejects(client.request('kexecJump/saveSnapshot', { name: 'image' }), only);
      const source = { path: join(findLab()!.sourceDirectory, 'init/main.c') };
      const { breakpoints } = await client.request<DebugProtocol.SetBreakpointsResponse['body']>('setBreakpoints', {
        ...{ source, breakpoints: [{ line: 900 }] },
      });
      assert.deepEqual([breakpoints[0]!.verified, says(breakpoints[0]!.message)], [false, true]);
      await debuggee.end();
    });

    it('is opened by a re-entry point too, and a wrong one is named', async () => {
      debuggee = await Debuggee.launch({ core: [image], entry: `0x${entry.toString(16)}` });
      assert.equal((await debuggee.stop()).functions[0], 'machine_kexec');
      await debuggee.end();
      await assert.rejects(Debuggee.launch({ core: image, entry: entry + 1 }), /"core".*re-entry point/s);
    });

    it('names the kernel whose symbols are not to be found', async () => {
      const nothingBuilt = { KEXEC_JUMP_CACHE: join(folder, 'empty') };
      const sentence =
        /symbols of kernel A are not on this machine: Linux 6\.1\.\d+-kexec-jump, build id [0-9a-f]{40}.*"vmlinux"/s;
      await assert.rejects(Debuggee.launch({ core: image }, nothingBuilt), sentence);
      const { vmlinux } = findLab()!;
      debuggee = await Debuggee.launch({ core: image, kernelA: { vmlinux } }, nothingBuilt);
      assert.equal((await debuggee.stop()).functions[1], 'kernel_kexec');
      await debuggee.end();
    });
  });
}

describe('a machine that QEMU saved, in the debugger', () => {
  inOrder();
  let debuggee: Debuggee;
  const ofA = join(folder, 'stopped.elf');
  let stackOfA: string[];
  let stackOfB: string[];
  const core = join(folder, 'qemu.elf');
  const flattened = join(folder, 'qemu.kdump');
  let banner: string;
  after(async () => Debuggee.endAll());

  before('dumps of kernel A where it begins to jump, and of kernel B while it runs', async () => {
    const socket = join(folder, 'qmp');
    const args = ['-qmp', `unix:${socket},server=on,wait=off`];
    const live = await Debuggee.launch({ window: 'low', stopAt: ['A quiescing'], qemu: { args } });
    stackOfA = (await live.stop()).functions;
    const qmp = await QmpClient.connect(socket);
    await qmp.command('dump-guest-memory', { paging: false, protocol: `file:${ofA}` }, DUMP_SECONDS);
    await live.proceed(1);
    await live.ready('canJumpBack');
    await live.client.request('pause', { threadId: 2 });
    stackOfB = (await live.stop()).functions;
    await qmp.command('dump-guest-memory', { paging: false, protocol: `file:${core}` }, DUMP_SECONDS);
    await qmp.command(
      'dump-guest-memory',
      { paging: false, protocol: `file:${flattened}`, format: 'kdump-zlib' },
      DUMP_SECONDS,
    );
    banner = await live.evaluate('linux_banner', (await live.stack(1))[0]!.id);
    qmp.close();
    await live.end();
  });

  it('stops where it stood', async () => {
    debuggee = await Debuggee.launch({ core: ofA });
    const stop = await debuggee.stop();
    assert.deepEqual([stop.threadId, ...stop.functions], [1, ...stackOfA]);
    assert.match(debuggee.output, /The machine as QEMU saved it/);
    const registers = await debuggee.evaluate('$cr3', stop.frames[0]!.id);
    assert.notEqual(Number(registers), 0);
    await debuggee.end();
  });

  for (const [name, path] of Object.entries({ 'an ELF core': core, 'a flattened kdump file': flattened })) {
    it(`is kernel B on the CPU and kernel A dormant, from ${name}`, async () => {
      debuggee = await Debuggee.launch({ core: path });
      const stop = await debuggee.stop();
      assert.deepEqual([stop.threadId, ...stop.functions], [2, ...stackOfB]);
      const { threads } = await debuggee.client.request<DebugProtocol.ThreadsResponse['body']>('threads');
      assert.deepEqual(
        threads.map(({ name: title }) => title),
        ['Kernel A (dormant)', 'Kernel B (saved)'],
      );
      const frames = await debuggee.stack(1);
      assert.deepEqual(
        frames.slice(0, 2).map((frame) => frame.name),
        ['machine_kexec', 'kernel_kexec'],
      );
      assert.equal(await debuggee.evaluate('linux_banner', frames[0]!.id), banner);
      await debuggee.end();
    });
  }
});
