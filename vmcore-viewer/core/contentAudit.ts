/** Judges by hashes whether every page arrived, stayed and came back. */
import type { AuditFindings } from './auditFindings.ts';
import type { AuditStage } from './auditVerdicts.ts';
import { PART, type JumpPages } from './jumpPages.ts';
import type { PageHashes } from './pageHashes.ts';

/** Its own content went to the source. Source: arch/x86/kernel/relocate_kernel_32.S, swap_pages. */
const LACKS_LAST_COPY = 'destination: the third copy, swap page to destination, did not happen';

/**
 * Whether one run of swap_pages was exact: each content is where the list takes it, and all other pages are unchanged.
 * A page that takes part in several exchanges is followed through all of them.
 */
export function auditSwap(
  stage: AuditStage & ('swap' | 'swapBack'),
  before: PageHashes,
  after: PageHashes,
  pages: JumpPages,
  findings: AuditFindings,
): void {
  const cameFrom = contentsAfter(pages);
  for (let pfn = 0; pfn < pages.count; pfn++) {
    const from = cameFrom[pfn]!;
    const takesPart = pages.has(pfn, PART.destination | PART.source);
    if (after.same(pfn, before, from)) {
      if (takesPart) findings.mark(pfn, from === pfn ? 'self' : 'exact');
      continue;
    }
    const why = pages.mayChange(pfn);
    if (why !== undefined) findings.tell(stage, pfn, 'legitimate', { why });
    else if (!takesPart) findings.tell(stage, pfn, 'changed');
    else {
      const verdict = from !== pfn && after.same(pfn, before, pfn) ? 'notExchanged' : 'wrongContent';
      const isCopiedAway = after.same(pages.locate(pfn), before, pfn);
      const part = pages.has(pfn, PART.destination) ? 'destination' : 'source';
      const lacksLastCopy = verdict === 'notExchanged' && part === 'destination' && isCopiedAway;
      findings.tell(stage, pfn, verdict, { why: lacksLastCopy ? LACKS_LAST_COPY : part });
    }
  }
}

/**
 * Whether the peer left the memory of the kernel that is away alone: all that is not the peer's own, wherever it waited. A
 * peer that exchanges pages when it comes back has exchanged them again when it leaves, so that both moments are alike.
 */
export function auditAbsence(left: PageHashes, now: PageHashes, pages: JumpPages, findings: AuditFindings): void {
  for (let pfn = 0; pfn < pages.count; pfn++) {
    if (pages.isPeers(pfn)) continue;
    const at = pages.locate(pfn);
    if (now.same(at, left, at)) continue;
    const why = pages.mayChangeMeanwhile(pfn);
    const waitsIn = pages.waitsIn(pfn);
    const details = { ...(waitsIn === pfn ? {} : { waitsIn }), ...(why === undefined ? {} : { why }) };
    findings.tell('absence', pfn, why === undefined ? 'changed' : 'legitimate', details);
  }
}

/** Whether the kernel that is back has all that it left. */
export function auditReturn(left: PageHashes, now: PageHashes, pages: JumpPages, findings: AuditFindings): void {
  for (let pfn = 0; pfn < pages.count; pfn++) {
    if (pages.isPeers(pfn) || now.same(pfn, left, pfn)) continue;
    const why = pages.mayChangeMeanwhile(pfn);
    if (why === undefined) findings.tell('return', pfn, 'missing');
    else findings.tell('return', pfn, 'legitimate', { why });
  }
}

/** For each page the page whose content it holds after the exchange. */
function contentsAfter(pages: JumpPages): Uint32Array {
  const cameFrom = Uint32Array.from({ length: pages.count }, (_, pfn) => pfn);
  for (let pfn = 0; pfn < pages.count; pfn++) {
    if (pages.has(pfn, PART.destination | PART.source)) cameFrom[pages.locate(pfn)] = pfn;
  }
  return cameFrom;
}
