/** Stands before a jump, a save and a resume: what breaks is told before, and needs a person's "anyway". */
import type { JumpSession } from '../jump/session.ts';
import { preflightBreaks } from '../errors.ts';
import type { HibernateWish } from '../protocol.ts';
import type { Facts } from './facts.ts';
import { saveFacts } from './gather.ts';
import { judge } from './judge.ts';
import { gatherLive } from './live.ts';
import { ruleLine } from './report.ts';
import { broken, type PreflightReport, type Purpose, type RuleOutcome } from './rule.ts';

/** `ask`: what breaks waits for an "anyway"; `tell`: it is told only; `off`: nothing is judged unasked. */
export type PreflightMode = 'ask' | 'tell' | 'off';
export const PREFLIGHT_MODES: readonly PreflightMode[] = ['ask', 'tell', 'off'];

export class PreflightGate {
  private isAgreed: boolean;
  private held: (() => Promise<void>) | undefined;

  /** @param facts as they were before the machine ran; none of a machine of the user's. */
  constructor(
    private readonly mode: PreflightMode,
    private readonly facts: Facts | undefined,
  ) {
    this.isAgreed = mode !== 'ask';
  }

  /** Whether a jump waits for an "anyway" if a rule breaks. */
  get asks(): boolean {
    return !this.isAgreed;
  }

  /** The rules that break for what is to be done at launch. */
  atLaunch(isSaving: boolean): RuleOutcome[] {
    if (!this.facts || this.mode === 'off') return [];
    return broken(judge(this.facts), isSaving ? ['jump', 'save'] : ['jump', 'resume']);
  }

  /** @throws UserFacingError `preflight-breaks` when a rule breaks, and nobody has said "anyway". */
  require(what: string, purposes: readonly Purpose[], wish?: HibernateWish): void {
    const facts = this.factsFor(wish);
    if (this.isAgreed || !facts) return;
    const rules = broken(judge(facts), purposes);
    if (rules.length > 0) throw preflightBreaks(what, rules.map(ruleLine));
  }

  /** Keeps what could not be begun, for an "anyway". */
  hold(work: () => Promise<void>): void {
    this.held = work;
  }

  /** Nothing is held back any more. @returns whether something waited, which has begun now. */
  async anyway(): Promise<boolean> {
    this.isAgreed = true;
    const work = this.held;
    this.held = undefined;
    await work?.();
    return work !== undefined;
  }

  /** The whole report, with what the machine says now. `undefined` of a machine of the user's. */
  async report(session: JumpSession, wish?: HibernateWish): Promise<PreflightReport | undefined> {
    const facts = this.factsFor(wish);
    return facts && judge({ ...facts, live: await gatherLive(session) });
  }

  /** With what the disks have now. */
  private factsFor(wish: HibernateWish | undefined): Facts | undefined {
    return wish && this.facts ? { ...this.facts, save: saveFacts(wish) } : this.facts;
  }
}
