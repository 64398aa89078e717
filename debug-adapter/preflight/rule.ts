/** What a rule of the preflight is, and what came of it. */
import type { Facts } from './facts.ts';

/** `unknown` where the files do not tell: the finding says why. */
export type Verdict = 'ok' | 'warning' | 'breaks' | 'unknown';

/** What a rule is needed for: the jump there and back, saving kernel A, resuming it from a saved image. */
export type Purpose = 'jump' | 'save' | 'resume';

/** What was found. */
export interface Finding {
  verdict: Verdict;
  /** A sentence with numbers and units. */
  found: string;
  /** How to mend it; of all verdicts but `ok`. */
  remedy?: string;
}

export interface Rule {
  /** Stable name, for tests and programs. */
  name: string;
  title: string;
  purpose: Purpose;
  /** What the guest does when the rule is broken, one sentence. */
  otherwise: string;
  /** @returns `undefined` where the rule does not apply to this configuration. */
  judge: (facts: Facts) => Finding | undefined;
}

/** A rule with its outcome, for people and programs. */
export interface RuleOutcome extends Finding {
  /** From 1, of all rules there are: the same in every report. */
  number: number;
  name: string;
  title: string;
  purpose: Purpose;
  otherwise: string;
}

export interface PreflightReport {
  /** The worst of its rules: breaks, else unknown, else warning, else ok. */
  verdict: Verdict;
  /** The kernel that was asked what it says itself, if one was. */
  asked?: 'A' | 'B';
  rules: readonly RuleOutcome[];
}

/** The rules that break, of these purposes. */
export function broken({ rules }: PreflightReport, purposes: readonly Purpose[]): RuleOutcome[] {
  return rules.filter(({ verdict, purpose }) => verdict === 'breaks' && purposes.includes(purpose));
}

/** A rule that breaks, from its number on: what was found, what comes of it, how to mend it. */
export function ruleInWords({ number, title, found, otherwise, remedy = '' }: RuleOutcome): string {
  return `${number}, ${title}: ${found} ${otherwise} ${remedy}`.trimEnd();
}

export const ok = (found: string): Finding => ({ verdict: 'ok', found });
export const warning = (found: string, remedy: string): Finding => ({ verdict: 'warning', found, remedy });
export const breaks = (found: string, remedy: string): Finding => ({ verdict: 'breaks', found, remedy });
export const unknown = (found: string, remedy: string): Finding => ({ verdict: 'unknown', found, remedy });
