/** All rules of the preflight, in the order in which they are numbered. */
import type { Facts } from './facts.ts';
import type { PreflightReport, Rule, RuleOutcome, Verdict } from './rule.ts';
import { DISK_RULES, RESUME_RULES } from './rules/hibernation.ts';
import { KERNEL_RULES, PAE_RULES, SAVING_KERNEL_RULES } from './rules/kernels.ts';
import { LOADING_RULES } from './rules/loading.ts';
import { WINDOW_RULES } from './rules/window.ts';

export const RULES: readonly Rule[] = [
  ...KERNEL_RULES,
  ...WINDOW_RULES,
  ...LOADING_RULES,
  ...SAVING_KERNEL_RULES,
  ...DISK_RULES,
  ...RESUME_RULES,
  ...PAE_RULES,
];

/** From the worst on. */
const BY_WEIGHT: readonly Verdict[] = ['breaks', 'unknown', 'warning', 'ok'];

/** Judges by all rules that apply. A machine that resumes an image has none of the others' kernel A and window. */
export function judge(facts: Facts): PreflightReport {
  const applies = ({ purpose }: Rule): boolean => (purpose === 'resume') === (facts.resume !== undefined);
  const rules = RULES.flatMap((rule, index): RuleOutcome[] => {
    const finding = applies(rule) ? rule.judge(facts) : undefined;
    if (!finding) return [];
    const { name, title, purpose, otherwise } = rule;
    return [{ number: index + 1, name, title, purpose, otherwise, ...finding }];
  });
  return { verdict: worst(rules), ...(facts.live ? { asked: facts.live.kernel } : {}), rules };
}

function worst(rules: readonly RuleOutcome[]): Verdict {
  return BY_WEIGHT.find((verdict) => rules.some((rule) => rule.verdict === verdict)) ?? 'ok';
}
