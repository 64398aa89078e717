/** The report of the preflight as a text: Markdown that reads well as it is. */
import { ruleInWords, type PreflightReport, type RuleOutcome, type Verdict } from './rule.ts';

const WORDS: Readonly<Record<Verdict, string>> = {
  ok: 'ok',
  warning: 'warning',
  breaks: 'BREAKS',
  unknown: 'unknown',
};
const OUTCOME: Readonly<Record<Verdict, string>> = {
  ok: 'All rules hold.',
  warning: 'Nothing breaks. See the warnings.',
  breaks: 'Something breaks. What, and how to mend it, is below.',
  unknown: 'Nothing is known to break, but not all rules could be judged.',
};
const PURPOSES: Readonly<Record<RuleOutcome['purpose'], string>> = {
  jump: 'The jump there and back',
  save: 'Saving kernel A',
  resume: 'Resuming kernel A',
};

/** Rules that do not hold come first, each with what breaks and how to mend it; then all, by what they are for. */
export function reportText(report: PreflightReport): string {
  const { verdict, rules, asked } = report;
  const open = rules.filter((rule) => rule.verdict !== 'ok');
  const purposes = [...new Set(rules.map(({ purpose }) => purpose))];
  return (
    [
      '# Kexec Jump: Before a Jump',
      OUTCOME[verdict],
      asked ? `Judged by the files, and by what kernel ${asked} says of itself now.` : 'Judged by the files.',
      ...open.map(section),
      ...purposes.map((purpose) =>
        list(
          PURPOSES[purpose],
          rules.filter((rule) => rule.purpose === purpose),
        ),
      ),
    ].join('\n\n') + '\n'
  );
}

function section({ number, title, verdict, found, otherwise, remedy }: RuleOutcome): string {
  const mend = remedy === undefined ? [] : [`- How to mend it: ${remedy}`];
  return [`## ${number}. ${title}: ${WORDS[verdict]}`, '', found, '', `- Otherwise: ${otherwise}`, ...mend].join('\n');
}

function list(title: string, rules: readonly RuleOutcome[]): string {
  const items = rules.map((rule) => {
    const otherwise = rule.verdict === 'ok' ? `\n   Otherwise: ${rule.otherwise}` : '';
    return `${rule.number}. ${rule.title}: ${WORDS[rule.verdict]}. ${rule.found}${otherwise}`;
  });
  return [`## ${title}`, '', ...items].join('\n');
}

/** A rule that breaks in a line, for the debug console. */
export const ruleLine = (rule: RuleOutcome): string => `Preflight, rule ${ruleInWords(rule)}`;
