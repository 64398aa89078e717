/** How far the swap has come is seen while the machine runs through it, out and back, and is what registers tell when it stands. */
import assert from 'node:assert/strict';
import type { PageMapBody, SwapProgressBody } from '../../debug-adapter/protocol.ts';
import { decodePageList, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { GuestRamFile, readWord } from '../../vmcore-viewer/core/physicalMemory.ts';
import { join } from 'node:path';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';

/** Of 64 MiB: the swap takes so long that a pause comes within it. */
const WINDOWS = {
  high: { min: 0x4000000, max: 0x7ffffff },
  low: { min: 0x100000, max: 0x3ffffff },
};

for (const [name, window] of Object.entries(WINDOWS)) {
  describe(`the progress of the swap, ${name} window`, () => {
    inOrder();
    let debuggee: Debuggee;
    let ram: GuestRamFile;
    let list: PageList;
    before(async () => {
      debuggee = await Debuggee.launch({ window, autoJump: false, stopAt: ['swapping pages', 'swapping back'] });
      await debuggee.ready('canJump');
      ram = new GuestRamFile(join(debuggee.folder, 'ram'));
    });
    after(async () => Debuggee.endAll());
    after(() => {
      ram.close();
    });

    const progress = async (): Promise<SwapProgressBody | undefined> =>
      (await debuggee.client.request<{ swap?: SwapProgressBody }>('kexecJump/swapProgress')).swap;

    /** Looks again and again while the machine runs through the swap: what was seen, once each. */
    async function watch(): Promise<SwapProgressBody[]> {
      const seen: SwapProgressBody[] = [];
      for (let now = await progress(); now; now = await progress()) {
        if (seen.at(-1)?.done !== now.done) seen.push(now);
      }
      return seen;
    }

    function grows(seen: readonly SwapProgressBody[], isReturn: boolean): void {
      const numbers = seen.map(({ done }) => done);
      const { length: count } = list.exchanges;
      assert.ok(numbers.filter((number) => number > 0 && number < count).length >= 3, numbers.join());
      numbers.reduce((before, number) => {
        assert.ok(number > before, numbers.join());
        return number;
      });
      for (const { kernel, isReturn: back, done, atMost, count: all } of seen) {
        assert.deepEqual([kernel, back, all], ['A', isReturn, count]);
        assert.ok(done <= atMost && atMost <= count);
      }
    }

    /** Stops after so many exchanges: the pages before and behind differ, so that nothing is left open. */
    async function isExactAt(share: number, isReturn: boolean): Promise<void> {
      const { exchanges } = list;
      const isTelling = (number: number): boolean => {
        const { destination, source } = exchanges[number]!;
        return readWord(ram, destination) !== readWord(ram, source);
      };
      let number = Math.floor(exchanges.length * share);
      while (number < exchanges.length - 1 && !(isTelling(number - 1) && isTelling(number))) number++;
      await debuggee.client.request('kexecJump/swapStep', { kind: 'toPage', number });
      await debuggee.stop();
      const now = await progress();
      assert.deepEqual([now?.done, now?.atMost], [number, number]);
      const { progress: drawn } = await debuggee.client.request<PageMapBody>('kexecJump/pageMap');
      assert.deepEqual([drawn.done, drawn.isReturn], [number, isReturn]);
    }

    /** Lets it run and stops it somewhere. */
    async function isTrueWhereverItIsPaused(): Promise<void> {
      const { done: before } = (await progress())!;
      await debuggee.proceed(1);
      while ((await progress())!.done === before);
      await debuggee.client.request('pause', { threadId: 1 });
      await debuggee.stop();
      const now = (await progress())!;
      const { done: exact } = (await debuggee.client.request<PageMapBody>('kexecJump/pageMap')).progress;
      // The exchange that is being made can have all its bytes before its last copy is over.
      assert.ok(now.done <= exact + 1 && exact <= now.atMost, `${now.done} ${exact} ${now.atMost}`);
      assert.ok(exact > before && exact < now.count);
    }

    it('is exact at a stop, true at any pause, and grows while the machine runs, on the way out', async () => {
      await debuggee.client.request('kexecJump/jump');
      assert.equal((await debuggee.stop()).description, 'Phase: swapping pages');
      const controlPage = Number(BigInt(await debuggee.evaluate('(unsigned)$eip'))) & ~0xfff;
      list = decodePageList(ram, readWord(ram, controlPage + 0x81c)!);
      assert.equal((await progress())?.done, 0);
      await isExactAt(0.05, false);
      await isExactAt(0.08, false);
      await debuggee.client.request('kexecJump/swapStep', { kind: 'start' });
      await debuggee.stop();
      assert.equal((await progress())?.done, 0);
      await isTrueWhereverItIsPaused();
      await debuggee.client.request('kexecJump/swapStep', { kind: 'start' });
      await debuggee.stop();
      await debuggee.proceed(1);
      grows(await watch(), false);
    });

    it('is and does the same on the way back', async () => {
      await debuggee.ready('canJumpBack');
      assert.equal(await progress(), undefined);
      await debuggee.client.request('kexecJump/jumpBack');
      // Kernel B's own swap exchanges nothing.
      assert.equal((await debuggee.stop()).threadId, 2);
      assert.equal(await progress(), undefined);
      await debuggee.proceed(2);
      assert.equal((await debuggee.stop()).description, 'Phase: swapping back');
      await isExactAt(0.05, true);
      await isTrueWhereverItIsPaused();
      await debuggee.client.request('kexecJump/swapStep', { kind: 'toPage', number: 1 });
      await debuggee.stop();
      await debuggee.proceed(1);
      grows(await watch(), true);
      await debuggee.ready('canJump');
      await debuggee.end();
    });
  });
}
