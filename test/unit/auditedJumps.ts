/** Jumps made by hand for the tests of the audit: memory of a few pages, page lists, swaps. */
import fc from 'fast-check';
import { type AuditFinding } from '../../vmcore-viewer/core/auditFindings.ts';
import { reportAudit, type AuditedJump, type AuditReport } from '../../vmcore-viewer/core/auditReport.ts';
import type { AuditMoment, StageOutcome } from '../../vmcore-viewer/core/auditStages.ts';
import { JumpPages, type Departure } from '../../vmcore-viewer/core/jumpPages.ts';
import { PageHashes } from '../../vmcore-viewer/core/pageHashes.ts';
import type { PageExchange } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';

export const PAGES = 32;
/** Pages that no list of these tests exchanges. */
export const [CONTROL, SWAP, INDIRECTION, REAL_MODE] = [28, 29, 30, 31] as const;
export const EXCHANGEABLE = 28;

export class Memory {
  readonly bytes = Buffer.alloc(PAGES * PAGE_SIZE);
  readonly size = PAGES * PAGE_SIZE;
  readonly holes = new Set<number>();

  constructor() {
    for (let pfn = 0; pfn < PAGES; pfn++) this.page(pfn).fill(pfn + 1);
  }

  read(address: number, length: number): Buffer | undefined {
    for (const hole of this.holes) {
      if (hole * PAGE_SIZE < address + length && hole * PAGE_SIZE >= address) return undefined;
    }
    return this.bytes.subarray(address, address + length);
  }

  page(pfn: number): Buffer {
    return this.bytes.subarray(pfn * PAGE_SIZE, (pfn + 1) * PAGE_SIZE);
  }

  flip(pfn: number, byte = 0): void {
    this.page(pfn)[byte]! ^= 0x80;
  }

  /** As relocate_kernel does it: the control page and the swap page are written too. */
  swap(exchanges: readonly PageExchange[]): void {
    this.flip(CONTROL, PAGE_SIZE - 4);
    for (const { destination, source } of exchanges) {
      const [to, from, swapPage] = [destination, source, SWAP * PAGE_SIZE].map((at) => this.page(at / PAGE_SIZE));
      from!.copy(swapPage!);
      to!.copy(from!);
      swapPage!.copy(to!);
    }
  }
}

export const exchange = (destination: number, source: number): PageExchange => ({
  destination: destination * PAGE_SIZE,
  source: source * PAGE_SIZE,
  entryAddress: 0,
});

/** A jump of a kernel whose classes are numbers. Every destination lies in a segment. */
export class Jump {
  readonly memory = new Memory();
  private readonly hashes: Partial<Record<AuditMoment, PageHashes>> = {};
  private readonly departure: Departure;

  constructor(
    readonly exchanges: readonly PageExchange[],
    changes: Partial<Departure> = {},
  ) {
    this.departure = {
      list: { entries: [], exchanges: [...exchanges], indirectionPages: [INDIRECTION * PAGE_SIZE] },
      controlPage: CONTROL * PAGE_SIZE,
      swapPage: SWAP * PAGE_SIZE,
      segments: exchanges.map(({ destination }) => ({ address: destination, size: PAGE_SIZE })),
      realMode: { address: REAL_MODE * PAGE_SIZE, size: 100, isNeeded: false },
      isKexecs: () => true,
      ...changes,
    };
  }

  at(moment: AuditMoment): void {
    this.hashes[moment] = new PageHashes(this.memory);
  }

  /** There and back. */
  run({ afterSwap = nothing, meanwhile = nothing, afterSwapBack = nothing } = {}): AuditReport {
    this.at('swapBegins');
    this.memory.swap(this.exchanges);
    afterSwap();
    this.at('departed');
    this.memory.flip(REAL_MODE);
    meanwhile();
    this.at('swapsBack');
    this.memory.swap(this.exchanges);
    afterSwapBack();
    this.at('swappedBack');
    return this.report().report;
  }

  report(known: Partial<AuditedJump> = {}): ReturnType<typeof reportAudit> {
    const pages = new JumpPages(PAGES, this.departure);
    return reportAudit({
      ...{ number: 1, kernel: 'A', peer: 'B', pages, hashes: this.hashes, remarks: [], unknown: [] },
      owners: {
        ownerOf: (pfn) => pages.nameOf(pfn) ?? 'slab',
        symbolsIn: (pfn) => (pfn === 0 ? 'first … last' : undefined),
      },
      ...known,
    });
  }
}

const nothing = (): void => undefined;
export const violations = ({ findings }: AuditReport): AuditFinding[] =>
  findings.filter(({ isViolation }) => isViolation);
export const statuses = ({ stages }: AuditReport): StageOutcome['status'][] => stages.map(({ status }) => status);
export const named = (report: AuditReport, stage: string, verdict: string): number[] =>
  report.findings
    .filter((finding) => finding.stage === stage && finding.verdict === verdict)
    .flatMap(({ pfn, pages }) => Array.from({ length: pages }, (_, index) => pfn + index));

export const pfn = fc.nat(EXCHANGEABLE - 1);
/** Any exchanges, of pages that take part in several of them too. */
export const anyList = fc.array(
  fc.tuple(pfn, pfn).map(([to, from]) => exchange(to, from)),
  { maxLength: 20 },
);
/** As kexec makes them: no page takes part twice; self pages. */
export const soundList = fc
  .shuffledSubarray(Array.from({ length: EXCHANGEABLE }, (_, page) => page))
  .chain((pages) => fc.tuple(fc.constant(pages), fc.nat(pages.length)))
  .map(([pages, selfPages]) => [
    ...pages.slice(0, selfPages).map((page) => exchange(page, page)),
    ...Array.from({ length: (pages.length - selfPages) >> 1 }, (_, index) =>
      exchange(pages[selfPages + 2 * index]!, pages[selfPages + 2 * index + 1]!),
    ),
  ]);
export const byte = fc.nat(PAGE_SIZE - 1);
