/** The swap of pages in steps that mean something: forward, to a place, and back. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExchangeBody, PageMapBody, SwapStep } from '../../debug-adapter/protocol.ts';
import { decodePageList, IND_INDIRECTION, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee, type Stop } from './debuggee.ts';

describe('the swap of pages', () => {
  inOrder();
  let debuggee: Debuggee;
  let list: PageList;
  after(async () => Debuggee.endAll());

  /** The machine's memory; the stopped machine does not change it. */
  const ram = (): Buffer => readFileSync(join(debuggee.folder, 'ram'));
  const page = (memory: Buffer, address: number): Buffer => memory.subarray(address, address + PAGE_SIZE);
  const register = async (name: string): Promise<number> =>
    Number(BigInt(await debuggee.evaluate(`(unsigned)$${name}`)));

  async function step(wanted: SwapStep): Promise<Stop> {
    await debuggee.client.request('kexecJump/swapStep', wanted);
    return debuggee.stop();
  }

  /** Which exchanges are done, by the memory: destination and source have changed places. */
  function exchanged(before: Buffer, now: Buffer): number[] {
    return list.exchanges.flatMap(({ destination, source }, number) => {
      const isDone =
        page(now, destination).equals(page(before, source)) && page(now, source).equals(page(before, destination));
      return isDone && !page(before, source).equals(page(before, destination)) ? [number] : [];
    });
  }

  /** Exchanges that change anything, among the first so many. */
  const changing = (before: Buffer, count: number): number[] =>
    list.exchanges
      .slice(0, count)
      .flatMap(({ destination, source }, number) =>
        page(before, source).equals(page(before, destination)) ? [] : [number],
      );

  let start: Buffer;
  before(async () => {
    debuggee = await Debuggee.launch({ stopAt: ['swapping pages', 'swapping back', 'A resuming', 'B running'] });
    const { description } = await debuggee.stop();
    assert.equal(description, 'Phase: swapping pages');
    start = ram();
    const controlPage = (await register('eip')) & ~0xfff;
    list = decodePageList(
      { size: start.length, read: (address, length) => start.subarray(address, address + length) },
      start.readUInt32LE(controlPage + 0x81c),
    );
  });

  it('goes by page with F10: the exchange that is about to begin', async () => {
    for (const number of [0, 1, 2]) {
      await debuggee.proceed(1, 'next');
      const { reason } = await debuggee.stop();
      assert.equal(reason, 'step');
      assert.equal(await register('eax'), list.exchanges[number]!.destination);
      assert.equal(await register('esi'), list.exchanges[number]!.source);
      assert.deepEqual(exchanged(start, ram()), changing(start, number));
    }
  });

  it('goes by copy with F11: source to swap page, destination to source, swap page to destination', async () => {
    const { destination, source } = list.exchanges[2]!;
    const swapPage = await register('edx');
    const [theirs, ours] = [page(start, source), page(start, destination)];
    for (const expected of [
      [theirs, ours, theirs],
      [ours, ours, theirs],
      [ours, theirs, theirs],
    ]) {
      await debuggee.proceed(1, 'stepIn');
      await debuggee.stop();
      const now = ram();
      assert.deepEqual(
        [source, destination, swapPage].map((address) => page(now, address)),
        expected,
      );
      const shown = await debuggee.client.request<ExchangeBody>('kexecJump/exchange', { number: 2 });
      assert.deepEqual(
        shown.pages.map(({ pfn }) => pfn * PAGE_SIZE),
        [source, destination, swapPage],
      );
      shown.pages.forEach(({ bytes, holds }, index) => {
        assert.ok(Buffer.from(bytes, 'base64').equals(expected[index]!));
        assert.equal(holds, expected[index] === ours ? "kernel A's page" : "kernel B's page");
      });
    }
  });

  it('goes by entry of the list', async () => {
    await step({ kind: 'entry' });
    const first = await register('ebx');
    await step({ kind: 'entry' });
    assert.equal(await register('ebx'), first + 4);
  });

  it('goes to the entry of the next indirection page', async () => {
    await step({ kind: 'indirection' });
    const read = list.entries.findIndex(({ address }) => address === list.exchanges[3]!.entryAddress);
    const next = list.entries.slice(read).find(({ value }) => value & IND_INDIRECTION);
    assert.equal(await register('ebx'), next!.address);
    assert.equal(await register('ecx'), next!.value);
  });

  it('goes to a page by its number, at full speed', async () => {
    const number = list.exchanges.length - 100;
    await step({ kind: 'toPage', number });
    assert.equal(await register('esi'), list.exchanges[number]!.source);
    assert.deepEqual(exchanged(start, ram()), changing(start, number));
  });

  it('goes to a page frame, ahead or behind', async () => {
    for (const number of [list.exchanges.length - 5, 700]) {
      const { destination, source } = list.exchanges[number]!;
      await step({ kind: 'toPfn', number: (number === 700 ? source : destination) / PAGE_SIZE });
      assert.equal(await register('eax'), destination);
      assert.deepEqual(exchanged(start, ram()), changing(start, number));
    }
  });

  it('goes back by a page: memory is as it was', async () => {
    await step({ kind: 'toPage', number: 400 });
    const before = hashOf(ram());
    await debuggee.proceed(1, 'next');
    await debuggee.stop();
    assert.notEqual(hashOf(ram()), before);
    await debuggee.client.request('stepBack', { threadId: 1 });
    await debuggee.stop();
    assert.equal(await register('esi'), list.exchanges[400]!.source);
    assert.equal(hashOf(ram()), before);
  });

  it('goes back to the start: memory is as it was', async () => {
    await debuggee.client.request('reverseContinue', { threadId: 1 });
    const { description } = await debuggee.stop();
    assert.equal(description, 'Start of the swap');
    assert.equal(hashOf(ram()), hashOf(start));
  });

  it('says what cannot be', async () => {
    const count = list.exchanges.length;
    await assert.rejects(step({ kind: 'toPage', number: count }), new RegExp(`exchanges ${count} pages`));
    await assert.rejects(step({ kind: 'toPfn', number: 0xfffff }), /no exchange of this jump has it/);
    await assert.rejects(step({ kind: 'sideways' } as unknown as SwapStep), /none of that name/);
  });

  it('goes to the end with Shift+F11, and the jump goes on', async () => {
    await debuggee.proceed(1, 'stepOut');
    await debuggee.stop();
    assert.deepEqual(exchanged(start, ram()), changing(start, list.exchanges.length));
    await debuggee.proceed(1);
    assert.equal((await debuggee.stop()).description, 'Phase: B running');
    await assert.rejects(step({ kind: 'page' }), /no kernel swaps its pages here/);
    const { pages, copiesDone } = await debuggee.client.request<ExchangeBody>('kexecJump/exchange', { number: 7 });
    assert.deepEqual([copiesDone, pages[0]?.holds, pages[1]?.holds], [3, "kernel A's page", "kernel B's page"]);
  });

  it('works on the way back too', async () => {
    await debuggee.proceed(2);
    await debuggee.ready('canJumpBack');
    await debuggee.client.request('kexecJump/jumpBack');
    let description = '';
    while (description !== 'Phase: swapping back') {
      ({ description } = await debuggee.stop());
      if (description !== 'Phase: swapping back') await debuggee.proceed(2);
    }
    const before = ram();
    await step({ kind: 'toPage', number: 50 });
    assert.equal(await register('esi'), list.exchanges[50]!.source);
    assert.deepEqual(exchanged(before, ram()), changing(before, 50));
    // Exchanges keep their numbers on the way back.
    const { exchanges, progress } = await debuggee.client.request<PageMapBody>('kexecJump/pageMap');
    assert.deepEqual(progress, { done: 50, copies: 0, isReturn: true });
    assert.equal(Buffer.from(exchanges, 'base64').readUInt32LE(7 * 8), list.exchanges[7]!.destination / PAGE_SIZE);
    await step({ kind: 'pageBack' });
    assert.deepEqual(exchanged(before, ram()), changing(before, 49));
    await step({ kind: 'end' });
    await debuggee.proceed(1);
    const { description: back, functions } = await debuggee.stop();
    assert.equal(back, 'Phase: A resuming');
    assert.equal(functions[0], 'machine_kexec');
    await debuggee.end();
  });
});

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
