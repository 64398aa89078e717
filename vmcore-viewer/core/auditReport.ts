/** The report of an audited jump as data: what was judged, and what was found. */
import { AuditFindings, countPages, type AuditFinding, type PageOwners } from './auditFindings.ts';
import { isJudged, stagesOf, type AuditKnowledge, type StageOutcome } from './auditStages.ts';
import { textOfJump } from './auditText.ts';
import { auditAbsence, auditReturn, auditSwap } from './contentAudit.ts';
import type { JumpPages } from './jumpPages.ts';
import type { BrokenEntry } from './pageList.ts';
import { auditPageList } from './pageListAudit.ts';

/** A jump whose memory was hashed: a kernel leaves, its peer runs, the kernel comes back. */
export interface AuditedJump extends AuditKnowledge {
  /** Which one it is, from 1: each departure of a kernel is one. */
  number: number;
  pages: JumpPages;
  owners: PageOwners;
  /** Sentences about the kernel. */
  remarks: readonly string[];
}

/** What is found in an audited jump. */
export interface AuditReport {
  jump: number;
  /** The kernel that left, and whose pages are judged; and the one that ran meanwhile. */
  kernel: string;
  peer: string;
  /** All stages, in the order of a jump there and back. */
  stages: StageOutcome[];
  /** Whether every stage was judged, and wholly. */
  isComplete: boolean;
  /** Whether stages may still be reached. */
  isUnderWay: boolean;
  /** Page frames of the machine, exchanges of the page list, and how many of these are self pages. */
  pages: number;
  exchanges: number;
  selfPages: number;
  /** Where the page list does not decode. */
  brokenEntry?: BrokenEntry;
  /** How many pages are not as they should be, each counted at each stage; a page list that does not decode is one. */
  violations: number;
  findings: AuditFinding[];
  remarks: string[];
  text: string;
}

/**
 * Judges what was hashed so far.
 * @returns the report, and for each page frame the number of the worst verdict, as the frames lie while the kernel runs
 * that has the whole machine.
 */
export function reportAudit(jump: AuditedJump): { report: AuditReport; layer: Uint8Array } {
  const { pages, brokenEntry } = jump;
  const findings = new AuditFindings(pages.count, jump.owners, (pfn) => pages.frameOf(pfn));
  const standing = stagesOf(jump);
  for (const { stage, status } of standing) if (isJudged(status)) judge(stage, jump, findings);
  const { all } = findings;
  const stages = standing.map((outcome) => {
    const wrong = all.filter(({ stage, isViolation }) => isViolation && stage === outcome.stage);
    return { ...outcome, violations: countPages(wrong) + (outcome.stage === 'list' && brokenEntry ? 1 : 0) };
  });
  const { exchanges } = pages.departure.list;
  const report = {
    ...{ jump: jump.number, kernel: jump.kernel, peer: jump.peer, stages },
    isComplete: stages.every(({ status }) => status === 'judged'),
    isUnderWay: stages.some(({ status }) => status === 'notReached'),
    pages: pages.count,
    exchanges: exchanges.length,
    selfPages: exchanges.filter(({ destination, source }) => destination === source).length,
    ...(brokenEntry && { brokenEntry }),
    violations: stages.reduce((sum, { violations }) => sum + violations, 0),
    findings: all,
    remarks: [...jump.remarks],
  };
  return { report: { ...report, text: textOfJump(report, jump) }, layer: findings.layer };
}

/** The hashes that a stage compares are there: `stagesOf` says so. */
function judge(stage: StageOutcome['stage'], jump: AuditedJump, findings: AuditFindings): void {
  const { pages, hashes } = jump;
  const { swapBegins, departed, swapsBack, swappedBack } = hashes;
  switch (stage) {
    case 'list':
      if (!jump.brokenEntry) auditPageList(pages, findings);
      break;
    case 'swap':
      auditSwap(stage, swapBegins!, departed!, pages, findings);
      break;
    case 'absence':
      auditAbsence(departed!, swapsBack!, pages, findings);
      break;
    case 'swapBack':
      auditSwap(stage, swapsBack!, swappedBack!, pages, findings);
      break;
    case 'return':
      auditReturn(swapBegins!, swappedBack!, pages, findings);
  }
}
