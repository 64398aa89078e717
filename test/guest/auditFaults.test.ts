/** Every fault of a jump is caught by the audit, and named: in a window apart from kernel A's image, and over it. */
import assert from 'node:assert/strict';
import type { JumpDescription, PageMapBody } from '../../debug-adapter/protocol.ts';
import { NAMED_WINDOWS } from '../../qemu-runner/window.ts';
import type { AuditReport } from '../../vmcore-viewer/core/auditReport.ts';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { IND_SOURCE, type PageExchange, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { AuditedGuest, entry, LIST_HEAD, symbolsOfLab, where } from './auditedGuest.ts';
import { Debuggee } from './debuggee.ts';

/** `mov $1024,%ecx; rep movsl`, and what moves %edi as that does, and nothing else: `add $4096,%edi; nop`. */
const COPY_A_PAGE = Buffer.from([0xb9, 0x00, 0x04, 0x00, 0x00, 0xf3, 0xa5]);
const SKIP_A_PAGE = Buffer.from([0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, 0x90]);
/** In no window, and far from both ends of memory, where kernel A's kexec takes its pages. */
const MEMORY_OF_A = { address: 0x8000000, end: 0xa000000, word: 'memmap=32M@0x8000000' };

/** Exchanges that move anything. */
const swapsOf = ({ exchanges }: PageList): PageList['exchanges'] =>
  exchanges.filter(({ source, destination }) => source !== destination);

for (const window of ['high', 'low'] as const) {
  describe(`the audit of a fault, ${window} window`, () => {
    after(async () => Debuggee.endAll());

    it('names what is wrong with the entries of a page list, and what kernel A lacks because of it', async () => {
      const guest = await AuditedGuest.launch({ window, stopAt: ['leaving A'] });
      const { min, max } = NAMED_WINDOWS[window];
      // Purgatory would notice by its checksums.
      await guest.debuggee.agent('load', `min=0x${min.toString(16)} max=0x${max.toString(16)} checks=no`);
      await guest.jump();
      const list = await guest.listToLeaveBy();
      const notKexecs = await freePage(guest, list);
      // Pages that bring nothing but zeros: kernel B starts without them too.
      const isZero = (address: number): boolean => guest.ram.read(address, PAGE_SIZE)!.every((byte) => byte === 0);
      const [twice, foreign, other] = swapsOf(list)
        .filter(({ source, destination }) => isZero(source) && !isZero(destination))
        .slice(-3);
      await guest.write(twice!.entryAddress, entry(other!.source | IND_SOURCE));
      await guest.write(foreign!.entryAddress, entry(notKexecs | IND_SOURCE));
      await guest.proceed('A');
      await guest.debuggee.ready('canJumpBack');
      assert.ok((await guest.audit()).violations > 0);
      await guest.jumpBack();
      await guest.judged('A', 'return');

      const report = await guest.report('A');
      assert.deepEqual(where(report, 'list', 'sourceTwice'), [other!.source]);
      assert.deepEqual(where(report, 'list', 'notKexecs'), [notKexecs]);
      const missing = where(report, 'return', 'missing');
      assert.ok(missing.includes(twice!.destination) && missing.includes(other!.destination), report.text);
      assert.match(report.text, /^VIOLATION: \d+ pages are not as they should be/m);
      await guest.end();
    });

    it('names an entry that changes under the swap', async () => {
      const guest = await AuditedGuest.launch({ window, stopAt: ['swapping pages'] });
      await guest.jump();
      const { list } = await guest.atSwap();
      // An exchange of pages that are alike changes nothing, whether it is made or not.
      const page = (address: number): Buffer => guest.ram.read(address, PAGE_SIZE)!;
      const isSeen = ({ source, destination }: PageExchange): boolean => !page(source).equals(page(destination));
      const [broken, other] = swapsOf(list).filter(isSeen).slice(-2);
      await guest.write(broken!.entryAddress, entry(other!.source | IND_SOURCE));
      await guest.proceed('A');
      await guest.judged('A', 'swap');
      const report = await guest.report('A');
      const changed = report.findings.filter(({ stage, verdict }) => stage === 'swap' && verdict === 'changed');
      assert.deepEqual(
        changed.map(({ pfn, pages, owner }) => [pfn, pages, owner]),
        [[Math.floor(broken!.entryAddress / PAGE_SIZE), 1, 'kexec: indirection page']],
      );
      assert.ok(where(report, 'swap', 'notExchanged').includes(broken!.source), report.text);
      await guest.end();
    });

    it('names the copy that is left out', async () => {
      const guest = await AuditedGuest.launch({ window, stopAt: ['swapping pages'] });
      await guest.jump();
      const { controlPage, list } = await guest.atSwap();
      const code = guest.ram.read(controlPage, LIST_HEAD)!;
      let third = -1;
      for (let copy = 0; copy < 3; copy++) third = code.indexOf(COPY_A_PAGE, third + 1);
      await guest.write(controlPage + third, SKIP_A_PAGE);
      await guest.proceed('A');
      await guest.judged('A', 'swap');
      const report = await guest.report('A');
      const kept = new Set(where(report, 'swap', 'notExchanged'));
      assert.ok(kept.size > 0 && swapsOf(list).filter(({ destination }) => kept.has(destination)).length === kept.size);
      assert.equal(report.violations, kept.size, 'all else is right');
      assert.match(
        report.text,
        /notExchanged \(destination: the third copy, swap page to destination, did not happen\)/,
      );
      await guest.end();
    });

    it('names what kernel B takes of kernel A if it is given too much memory', async () => {
      const guest = await AuditedGuest.launch({ window, preflight: 'tell', kernelB: { append: MEMORY_OF_A.word } });
      await guest.jump();
      await guest.debuggee.ready('canJumpBack');
      // What kernel A has in the window may wait in the memory that kernel B takes.
      const asItLeft = new Overlay(guest.ram, [await guest.listLeftBy()]);
      const isTaken = (address: number): boolean =>
        asItLeft.locate(address) >= MEMORY_OF_A.address && asItLeft.locate(address) < MEMORY_OF_A.end;
      await guest.jumpBack();
      await guest.judged('A', 'return');
      const report = await guest.report('A');
      for (const [stage, verdict] of [
        ['absence', 'changed'],
        ['return', 'missing'],
      ] as const) {
        const pages = where(report, stage, verdict);
        assert.ok(pages.length > 0 && pages.every(isTaken), report.text);
      }
      const wrongElsewhere = report.findings.filter(
        ({ isViolation, stage }) => isViolation && !/absence|return/.test(stage),
      );
      assert.deepEqual(wrongElsewhere, []);
      await guest.end();
    });

    it('names the symbols in a page of kernel A that kernel B writes to where it waits', async () => {
      const guest = await AuditedGuest.launch({ window });
      await guest.jump();
      await guest.debuggee.ready('canJumpBack');
      const list = await guest.listLeftBy();
      await guest.pause('B');
      const banner = await guest.physicalOf('A', 'linux_banner');
      const waitsAt = new Overlay(guest.ram, [list]).locate(banner - (banner % PAGE_SIZE));
      assert.equal(waitsAt === banner - (banner % PAGE_SIZE), window === 'high', 'only a window over it takes it away');
      await guest.write(waitsAt + (banner % PAGE_SIZE), Buffer.from('l'));
      await guest.proceed('B');
      await guest.jumpBack();
      await guest.judged('A', 'return');
      bannerIsNamed(await guest.report('A'), banner, waitsAt);
      await guest.end();
    });

    it('names the symbols in a page of kernel B that kernel A writes to where it waits', async () => {
      const guest = await AuditedGuest.launch({ window });
      await guest.jump();
      await guest.debuggee.ready('canJumpBack');
      const list = await guest.listLeftBy();
      await guest.jumpBack();
      await guest.debuggee.ready('canJump');
      await guest.pause('A');
      const banner = await guest.physicalOf('B', 'linux_banner');
      const waitsAt = new Overlay(guest.ram, [list]).locate(banner - (banner % PAGE_SIZE));
      await guest.write(waitsAt + (banner % PAGE_SIZE), Buffer.from('l'));
      await guest.proceed('A');
      await guest.debuggee.ready('canJump');
      await guest.jump();
      await guest.judged('B', 'return');
      bannerIsNamed(await guest.report('B'), banner, waitsAt);
      assert.match(
        (await guest.report('B')).text,
        /^Audit of jump 2: kernel B into kernel A and back\n\nVIOLATION: 2 /,
      );
      assert.equal((await guest.report('A')).violations, 0);
      await guest.end();
    });

    it('names the word at which a page list does not decode, before the swap does harm', async () => {
      const guest = await AuditedGuest.launch({ window, stopAt: ['leaving A'] });
      await guest.jump();
      const list = await guest.listToLeaveBy();
      const number = list.exchanges.length - 1000;
      const { entryAddress } = list.exchanges[number]!;
      await guest.write(entryAddress, entry(0xbad000));
      await guest.proceed('A');
      const { violations, line } = await guest.judged('A', 'list');
      assert.equal(violations, 1);
      assert.ok(line.includes(`the entry at physical 0x${entryAddress.toString(16)}, 0xbad000, has none of the flags`));
      const report = await guest.report('A');
      assert.deepEqual([report.brokenEntry?.address, report.brokenEntry?.value], [entryAddress, 0xbad000]);
      assert.equal(report.exchanges, number);
      // The machine stands before the swap, where the word can still be set right.
      const stop = await guest.debuggee.stop();
      assert.equal(stop.functions[0], 'swap_pages');
      assert.match(guest.debuggee.output, /The page list is broken at physical 0x/);
      await guest.write(entryAddress, entry(list.exchanges[number]!.source | IND_SOURCE));
      await guest.proceed('A');
      await guest.debuggee.ready('canJumpBack');
      await guest.end();
    });

    it('cannot judge a swap by a list that does not decode, and the session says how the machine died of it', async () => {
      const guest = await AuditedGuest.launch({ window, stopAt: ['leaving A'] });
      await guest.jump();
      const list = await guest.listToLeaveBy();
      const { segments } = await guest.debuggee.client.request<JumpDescription>('kexecJump/describeJump');
      const { address, size } = segments.find(({ kind }) => kind === 'purgatory')!;
      // Where purgatory should be entered there will be what is there now: `int3`, and nobody who handles it.
      for (const { destination, source, entryAddress } of list.exchanges) {
        if (destination >= address && destination < address + size) await guest.write(entryAddress, entry(source));
      }
      await guest.proceed('A');
      await guest.debuggee.stop();
      await guest.write(address, Buffer.alloc(size, 0xcc));
      await guest.proceed('A');
      const { line, violations } = await guest.judged('A', 'swap');
      assert.equal(violations, 0);
      assert.match(line, /NOT JUDGED: the swap, as where the pages go is not known, as the page list does not decode/);
      const report = await guest.report('A');
      assert.deepEqual(
        report.stages.map(({ status }) => status),
        ['judged', 'notJudged', 'notJudged', 'notJudged', 'notJudged'],
      );
      const { reason, description } = await guest.debuggee.stop();
      assert.equal(reason, 'exception');
      assert.match(description, /^Triple fault at "int3": it caused an exception, and there is no IDT/);
      // The session can still be used: the machine goes back to kernel A, which jumps anew.
      await guest.debuggee.client.request('restart');
      await guest.debuggee.ready('canJump');
      await guest.end();
    });
  });
}

/** A page that kernel A has no use for, and that no list names. */
async function freePage(guest: AuditedGuest, { exchanges }: PageList): Promise<number> {
  const { kinds, classes } = await guest.debuggee.client.request<PageMapBody>('kexecJump/pageMap');
  const free = kinds.findIndex(({ name }) => name === 'free');
  const taken = new Set(exchanges.flatMap(({ source, destination }) => [source, destination]));
  const pfn = Buffer.from(classes, 'base64').findLastIndex(
    (kind, page) => kind === free && !taken.has(page * PAGE_SIZE),
  );
  assert.ok(pfn > 0);
  return pfn * PAGE_SIZE;
}

/** Nothing is wrong but the page of the banner, which changed where it waited and is missing. */
function bannerIsNamed(report: AuditReport, banner: number, waitsAt: number): void {
  const page = banner - (banner % PAGE_SIZE);
  const [changed, missing, ...others] = report.findings.filter(({ isViolation }) => isViolation);
  assert.deepEqual(others, [], report.text);
  const file = symbolsOfLab();
  const linked = file.symbol('linux_banner')!.address;
  for (const finding of [changed!, missing!]) {
    assert.deepEqual([finding.pfn, finding.pages, finding.owner], [page / PAGE_SIZE, 1, 'kernelData']);
    const [first, last] = finding.symbols!.split(' … ').map((name) => file.symbol(name)!.address);
    assert.ok(first! <= linked && (last ?? first)! >= linked, finding.symbols);
  }
  assert.deepEqual(
    [changed!.verdict, changed!.waitsIn],
    ['changed', waitsAt === page ? undefined : waitsAt / PAGE_SIZE],
  );
  assert.equal(missing!.verdict, 'missing');
}
