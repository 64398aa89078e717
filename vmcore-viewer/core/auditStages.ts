/** What of a jump can be judged so far, and why the rest cannot. */
import { AUDIT_STAGES, type AuditStage } from './auditVerdicts.ts';
import type { PageHashes } from './pageHashes.ts';
import type { BrokenEntry } from './pageList.ts';

/** The moments at which memory is hashed, in the order of a jump there and back. */
export const AUDIT_MOMENTS = ['swapBegins', 'departed', 'swapsBack', 'swappedBack'] as const;
export type AuditMoment = (typeof AUDIT_MOMENTS)[number];

/**
 * How far a stage is judged. `notReached` is one whose moment may still come; `notJudged` one that will never be judged;
 * `partlyJudged` one in which something could not be told.
 */
export type StageStatus = 'judged' | 'partlyJudged' | 'notReached' | 'notJudged';

/** Whether findings of a stage are all that there are, as far as they can be told. */
export const isJudged = (status: StageStatus): boolean => status === 'judged' || status === 'partlyJudged';

/** What came of a stage. */
export interface StageOutcome {
  stage: AuditStage;
  status: StageStatus;
  /** Pages that are not as they should be; a page list that does not decode is one. */
  violations: number;
  /** Why it is not judged, or not wholly, or what has to happen first: a clause without a full stop. */
  why?: string;
}

/** What is known of an audited jump that decides what can be judged. */
export interface AuditKnowledge {
  kernel: string;
  peer: string;
  hashes: Partial<Record<AuditMoment, PageHashes>>;
  /** Why moments before the first that was hashed were not. */
  unseen?: string | undefined;
  /** Why no more moments come, before the last was hashed. */
  over?: string | undefined;
  /** The entry at which the page list does not decode. */
  brokenEntry?: BrokenEntry | undefined;
  /** Parts of the page list's check that could not be done. */
  unknown: readonly string[];
}

/** The two moments that a stage compares. The page list is judged by itself. */
const COMPARED: Readonly<Record<AuditStage, readonly AuditMoment[]>> = {
  list: [],
  swap: ['swapBegins', 'departed'],
  absence: ['departed', 'swapsBack'],
  swapBack: ['swapsBack', 'swappedBack'],
  return: ['swapBegins', 'swappedBack'],
};

/** The stages that can be judged from a moment on. */
export const JUDGED_AT: Readonly<Record<AuditMoment, readonly AuditStage[]>> = {
  swapBegins: ['list'],
  departed: ['swap'],
  swapsBack: ['absence'],
  swappedBack: ['swapBack', 'return'],
};

const IN_WORDS: Readonly<Record<AuditMoment, (kernel: string, peer: string) => string>> = {
  swapBegins: (kernel) => `memory before kernel ${kernel}'s swap`,
  departed: (kernel) => `memory when kernel ${kernel} left`,
  swapsBack: (kernel, peer) => `memory when kernel ${peer} gave the CPU back to kernel ${kernel}`,
  swappedBack: (kernel) => `memory when kernel ${kernel} had its pages back`,
};

const WAITS_FOR: Readonly<Record<AuditMoment, (kernel: string, peer: string) => string>> = {
  swapBegins: (kernel) => `kernel ${kernel} has not begun to exchange pages`,
  departed: (kernel) => `kernel ${kernel} has not left yet`,
  swapsBack: (kernel, peer) => `kernel ${peer} has not jumped back yet`,
  swappedBack: (kernel) => `kernel ${kernel} has not got its pages back yet`,
};

/** Whether and why each stage can be judged, in the order of the jump; violations are not counted yet. */
export function stagesOf(known: AuditKnowledge): StageOutcome[] {
  return AUDIT_STAGES.map((stage) => ({ stage, violations: 0, ...standing(stage, known) }));
}

function standing(stage: AuditStage, known: AuditKnowledge): Pick<StageOutcome, 'status' | 'why'> {
  const { kernel, peer, hashes, brokenEntry } = known;
  if (stage === 'list') return listStanding(known);
  if (brokenEntry)
    return { status: 'notJudged', why: 'where the pages go is not known, as the page list does not decode' };
  const missing = COMPARED[stage].find((moment) => !hashes[moment]);
  if (missing === undefined) return { status: 'judged' };
  const isPast = AUDIT_MOMENTS.slice(AUDIT_MOMENTS.indexOf(missing)).some((moment) => hashes[moment]);
  const reason = isPast ? known.unseen : known.over;
  if (reason === undefined) return { status: 'notReached', why: WAITS_FOR[missing](kernel, peer) };
  return { status: 'notJudged', why: `${IN_WORDS[missing](kernel, peer)} was not seen: ${reason}` };
}

/** One that does not decode is judged: it is wrong. */
function listStanding({ brokenEntry, unknown }: AuditKnowledge): Pick<StageOutcome, 'status' | 'why'> {
  if (brokenEntry || unknown.length === 0) return { status: 'judged' };
  return { status: 'partlyJudged', why: unknown.join('; ') };
}
