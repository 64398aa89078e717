/** What the session tells of the jump as it stands, and of the machine's pages. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { JumpDescription, PageListBody, PageMapBody } from '../../debug-adapter/protocol.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { PAGES_OF_A_STACK } from './taskStacks.ts';

describe('the description of a jump', () => {
  inOrder();
  let debuggee: Debuggee;
  after(async () => Debuggee.endAll());

  const describeJump = async (): Promise<JumpDescription> => debuggee.client.request('kexecJump/describeJump');
  const pageMap = async (): Promise<PageMapBody> => debuggee.client.request('kexecJump/pageMap');
  /** How many pages there are of each kind. */
  const count = (bytes: string, names: readonly string[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const byte of Buffer.from(bytes, 'base64')) counts[names[byte]!] = (counts[names[byte]!] ?? 0) + 1;
    return counts;
  };
  const classes = ({ classes: bytes, kinds }: PageMapBody): Record<string, number> =>
    count(
      bytes,
      kinds.map(({ name }) => name),
    );
  const number = async (expression: string): Promise<number> => Number(await debuggee.evaluate(expression));

  it('tells before the swap what is loaded, and what comes next', async () => {
    debuggee = await Debuggee.launch({ stopAt: ['leaving A', 'swapping pages', 'B running'] });
    await debuggee.stop();
    const { segments, pageList, next, kernels, machine } = await describeJump();
    assert.deepEqual(
      segments.map(({ kind }) => kind),
      ['kernel', 'memory without content', 'RAM disk', 'boot parameters', 'purgatory', 'ELF core header'],
    );
    const described = segments.map(({ address, size }) => [address, size]);
    for (const [index, segment] of described.entries()) {
      const of = (member: string) => number(`(unsigned)kexec_image->segment[${index}].${member}`);
      assert.deepEqual(segment, [await of('mem'), await of('memsz')]);
    }
    assert.equal(
      pageList!.exchanges + pageList!.selfPages,
      described.reduce((sum, [, size]) => sum + size! / 4096, 0),
    );
    assert.match(next, /copied into the control page/);
    assert.deepEqual(
      kernels.map(({ standing }) => standing),
      ['live', 'not started'],
    );
    assert.equal(machine?.paging, true);
    assert.ok(machine.gdt!.limit > 0);
  });

  it('shows the stacks of all tasks', async () => {
    // Of the first task it is in the kernel's data.
    const [frame] = await debuggee.stack(1);
    const listed = await debuggee.evaluate('lx-ps', frame!.id, 'repl');
    const tasks = listed.split('\n').filter((line) => /^\s*0x/.test(line)).length - 1;
    assert.ok(tasks > 15);
    assert.equal(classes(await pageMap())['kernelStack'], PAGES_OF_A_STACK.i386 * tasks);
  });

  it('tells in the swap that there is neither paging nor a descriptor table, and what the kernel has left', async () => {
    await debuggee.proceed(1);
    await debuggee.stop();
    const { controlPages, machine, phases } = await describeJump();
    assert.equal(machine?.paging, false);
    assert.deepEqual([machine.gdt?.limit, machine.idt?.limit], [0, 0]);
    assert.deepEqual(
      phases.map(({ phase }) => phase),
      ['A starting', 'A running', 'A quiescing', 'leaving A', 'swapping pages'],
    );
    const [{ kernel, slots, physical } = assert.fail('there is no control page')] = controlPages;
    assert.equal(kernel, 'A');
    assert.equal(slots['cr3']! % 4096, 0);
    assert.equal(machine.eip & ~0xfff, physical);
  });

  it('shows in the page map what each page is, and whose', async () => {
    const { pageList } = await describeJump();
    const map = await pageMap();
    assert.deepEqual(
      [map.pageCount, map.progress.done, Buffer.from(map.exchanges, 'base64').length / 8],
      [65536, 0, pageList!.exchanges + pageList!.selfPages],
    );
    const roles = count(map.roles, map.roleNames);
    assert.deepEqual([roles['control'], roles['swap'], roles['source']], [1, 1, pageList!.exchanges]);
    assert.deepEqual([roles['self'], roles['indirection']], [pageList!.selfPages, pageList!.indirectionPages]);
    assert.equal(count(map.owners, map.ownerNames)['B'], pageList!.exchanges + pageList!.selfPages);
  });

  it('has the page list, word by word', async () => {
    const { pageList } = await describeJump();
    const { words } = await debuggee.client.request<PageListBody>('kexecJump/pageList');
    const numbers = new Uint32Array(Uint8Array.from(Buffer.from(words, 'base64')).buffer);
    assert.equal(numbers.length, 2 * pageList!.entries);
    // IND_SOURCE; the last word is IND_DONE.
    const sources = numbers.filter((word, at) => at % 2 === 1 && (word & 0xfff) === 8);
    assert.equal(sources.length, pageList!.exchanges + pageList!.selfPages);
    assert.equal(numbers.at(-1), 4);
  });

  it('follows the swap page by page', async () => {
    await debuggee.client.request('kexecJump/swapStep', { kind: 'toPage', number: 100 });
    await debuggee.stop();
    assert.equal((await pageMap()).progress.done, 100);
    await debuggee.client.request('kexecJump/swapStep', { kind: 'pageBack' });
    await debuggee.stop();
    assert.equal((await pageMap()).progress.done, 99);
  });

  it('shows the pages of both kernels when kernel B runs: two texts, and the free pages that each has counted', async () => {
    const before = classes(await pageMap());
    await debuggee.proceed(1);
    await debuggee.stop();
    const now = classes(await pageMap());
    assert.equal(now['kernelText'], 2 * before['kernelText']!);
    assert.equal((await describeJump()).machine?.pageTables, "kernel B's own");
    // kernel B's count while it stands still; kernel A's as it was left, without what it had in the window.
    const freeOfB = await number('vm_zone_stat[0].counter');
    assert.ok(now['free']! > freeOfB);
  });

  it('answers while kernel B runs, without stopping it', async () => {
    await debuggee.proceed(2);
    await debuggee.ready('canJumpBack');
    const ticks = async (): Promise<number> => {
      const wanted = { memoryReference: 'B:&jiffies_64', count: 4 };
      const { data } = await debuggee.client.request<{ data: string }>('readMemory', wanted);
      return Buffer.from(data, 'base64').readUInt32LE();
    };
    const before = await ticks();
    for (let turn = 0; turn < 5; turn++) assert.ok((classes(await pageMap())['user'] ?? 0) > 0);
    // A kernel that has nothing to do counts no ticks until its next timer.
    for (let waited = 0; (await ticks()) === before; waited += 100) {
      assert.ok(waited < 10_000, 'the clock of kernel B stands');
      await delay(100);
    }
    assert.equal((await describeJump()).machine, undefined);
    assert.deepEqual(debuggee.stopsSoFar(), []);
    await debuggee.end();
  });
});
