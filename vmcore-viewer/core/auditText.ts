/** Audits of jumps as texts that can be attached to a mail. */
import { countPages, type AuditFinding } from './auditFindings.ts';
import type { AuditedJump, AuditReport } from './auditReport.ts';
import { isJudged, type StageOutcome } from './auditStages.ts';
import { AUDIT_VERDICTS, type AuditStage } from './auditVerdicts.ts';
import { hex } from './errors.ts';
import { PART, type JumpPages } from './jumpPages.ts';
import { PAGE_CLASSES } from './pageClassNames.ts';
import { PAGE_SIZE } from './physicalMemory.ts';

/** Rows of a table; what is more is only counted. */
const MOST_ROWS = 40;

type Told = Omit<AuditReport, 'text'>;
type Wording = Readonly<Record<AuditStage, (kernel: string, peer: string) => string>>;

const TITLES: Wording = {
  list: () => 'The page list',
  swap: (kernel) => `The swap, when kernel ${kernel} left`,
  absence: (_, peer) => `While kernel ${peer} ran`,
  swapBack: () => 'The swap back',
  return: (kernel) => `Kernel ${kernel} after its return`,
};

const ALL_WELL: Wording = {
  list: () => 'Each page of a segment is a destination once, and each source is kexec’s own and serves once.',
  swap: () => 'Exact: each destination holds what its source held, and the reverse.',
  absence: (kernel, peer) => `Kernel ${peer} left every page of kernel ${kernel} alone.`,
  swapBack: () => 'Exact: each destination holds what its source held, and the reverse.',
  return: (kernel) => `Kernel ${kernel} has every page that it left.`,
};

/** The same of a list that exchanges nothing, as that of a kernel that jumps back to who loaded it. */
const ALL_WELL_WITHOUT_EXCHANGES: Partial<Wording> = {
  list: () => 'Nothing is to be exchanged.',
  swap: () => 'Nothing was exchanged, and nothing changed.',
  swapBack: () => 'Nothing was exchanged, and nothing changed.',
};

/** Stages as the objects of a sentence. */
export const STAGE_NAMES: Wording = {
  list: () => 'the page list',
  swap: () => 'the swap',
  absence: (kernel, peer) => `whether kernel ${peer} left the pages of kernel ${kernel} alone`,
  swapBack: () => 'the swap back',
  return: (kernel) => `whether kernel ${kernel} has all its pages back`,
};

/** All jumps: an overview, then each in full but those that were exact and that a later one of the same kernel repeats. */
export function textOfAudit(reports: readonly AuditReport[]): string {
  const overview = reports.map((report) => `  ${titleOf(report)}. ${outcomeOf(report)}.`);
  const inFull = reports.filter((report, index) => {
    const isExact = report.isComplete && report.violations === 0;
    return (
      !isExact || !reports.slice(index + 1).some(({ kernel, isComplete }) => kernel === report.kernel && isComplete)
    );
  });
  const head = reports.length > 1 ? ['Jumps that were audited', ...overview, '', ''] : [];
  return head.join('\n') + inFull.map(({ text }) => text).join('\n\n');
}

/** The report of one jump. */
export function textOfJump(report: Told, jump: AuditedJump): string {
  const { pages, stages, findings } = report;
  const moments = Object.keys(jump.hashes).length;
  const lines = [
    `Audit of jump ${titleOf(report)}`,
    '',
    `${outcomeOf(report)}.`,
    `All ${pages} page frames (${(pages * PAGE_SIZE) / (1 << 20)} MiB) were hashed at ${count(moments, 'moment')}.`,
    ...report.remarks,
  ];
  for (const outcome of stages) {
    lines.push('', TITLES[outcome.stage](report.kernel, report.peer));
    if (outcome.stage === 'list') lines.push(`  ${listInWords(report, jump)}`);
    lines.push(...stageInWords(outcome, report));
  }
  return [...lines, ...reasons(findings), ...legend(findings), ''].join('\n');
}

function titleOf({ jump, kernel, peer, stages }: Told): string {
  const isBack = stages.some(({ stage, status }) => stage === 'swapBack' && isJudged(status));
  return `${jump}: kernel ${kernel} into kernel ${peer}${isBack ? ' and back' : ''}`;
}

/** The outcome in a sentence without its full stop. */
function outcomeOf({ violations, stages, isUnderWay, kernel, peer }: Told): string {
  if (violations > 0) {
    return `VIOLATION: ${count(violations, 'page')} ${violations === 1 ? 'is' : 'are'} not as ${violations === 1 ? 'it' : 'they'} should be`;
  }
  const open = stages.filter(({ status }) => status === 'notJudged' || status === 'partlyJudged');
  const names = open.map(({ stage }) => STAGE_NAMES[stage](kernel, peer));
  if (names.length > 0) return `No violation in what was judged. NOT JUDGED: ${names.join(', ')}`;
  return isUnderWay ? 'No violation so far' : 'No violation';
}

function stageInWords({ stage, status, why }: StageOutcome, report: Told): string[] {
  const { kernel, peer, brokenEntry } = report;
  if (status === 'notReached') return wrap(`Not reached yet: ${why}.`);
  if (status === 'notJudged') return wrap(`NOT JUDGED: ${why}.`);
  if (stage === 'list' && brokenEntry) return wrap(`It does not decode: ${brokenEntryInWords(report)}`);
  const ofStage = report.findings.filter((finding) => finding.stage === stage);
  const wrong = ofStage.filter(({ isViolation }) => isViolation);
  const may = ofStage.filter(({ isViolation }) => !isViolation);
  const lines: string[] = [];
  if (wrong.length > 0) {
    const pages = countPages(wrong);
    lines.push(`  ${count(pages, 'page')} ${pages === 1 ? 'is' : 'are'} wrong:`, ...table(wrong));
  } else {
    const wording = { ...ALL_WELL, ...(report.exchanges === 0 ? ALL_WELL_WITHOUT_EXCHANGES : {}) };
    lines.push(`  ${wording[stage](kernel, peer)}`);
  }
  if (may.length > 0) {
    const others = countPages(may);
    lines.push(`  ${count(others, 'page')} changed, as ${others === 1 ? 'it' : 'they'} may:`, ...table(may));
  }
  return status === 'partlyJudged' ? [...lines, ...wrap(`NOT WHOLLY JUDGED: ${why}.`)] : lines;
}

/** The entry at which a page list does not decode, in a sentence. */
export function brokenEntryInWords({ brokenEntry, exchanges }: Pick<Told, 'brokenEntry' | 'exchanges'>): string {
  const { address, value, why } = brokenEntry!;
  const where = address === 0 ? `its head, ${hex(value)},` : `the entry at physical ${hex(address)}, ${hex(value)},`;
  return `${where} ${why}. ${count(exchanges, 'exchange')} ${exchanges === 1 ? 'comes' : 'come'} before it.`;
}

function listInWords({ exchanges, selfPages }: Told, { pages }: AuditedJump): string {
  const { list } = pages.departure;
  return (
    `${count(exchanges, 'exchange')} (${selfPages} of them self pages), ${count(list.indirectionPages.length, 'indirection page')}; ` +
    `destinations ${ranges(pages)}.`
  );
}

/** The destinations, as ranges of physical addresses with their last bytes. */
function ranges(pages: JumpPages): string {
  const found: string[] = [];
  for (let pfn = 0; pfn < pages.count; pfn++) {
    if (!pages.has(pfn, PART.destination)) continue;
    const first = pfn;
    while (pages.has(pfn + 1, PART.destination)) pfn++;
    found.push(`${hex(first * PAGE_SIZE)}-${hex((pfn + 1) * PAGE_SIZE - 1)}`);
  }
  return found.slice(0, 4).join(', ') + (found.length > 4 ? ` and ${found.length - 4} more ranges` : '') || 'none';
}

function table(findings: readonly AuditFinding[]): string[] {
  const rows = findings
    .slice(0, MOST_ROWS)
    .map(({ pfn, pages, waitsIn, owner, verdict, symbols, why, isViolation }) => [
      hex(pfn),
      String(pages),
      hex(pfn * PAGE_SIZE),
      waitsIn === undefined ? '' : hex(waitsIn * PAGE_SIZE),
      owner,
      [verdict, isViolation && why ? `(${why})` : '', symbols ? `[${symbols}]` : ''].filter(Boolean).join(' '),
    ]);
  const all = [['pfn', 'pages', 'physical', 'waited in', 'owner', 'verdict'], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const isEmpty = (column: number): boolean => rows.every((row) => row[column] === '');
  const lines = all.map((row) =>
    (
      '    ' + row.flatMap((cell, column) => (isEmpty(column) ? [] : [cell.padEnd(widths[column]!)])).join('  ')
    ).trimEnd(),
  );
  const more = findings.slice(MOST_ROWS);
  return more.length === 0 ? lines : [...lines, `    … and ${count(countPages(more), 'page')} more`];
}

/** Why pages may change, each reason once. */
function reasons(findings: readonly AuditFinding[]): string[] {
  const may = findings.filter(({ isViolation }) => !isViolation);
  const owners = new Map(may.map(({ owner, why }) => [owner, why]));
  if (owners.size === 0) return [];
  return ['', 'Why pages may change', ...[...owners].flatMap(([owner, why]) => wrap(`${owner}: ${why}.`))];
}

/** The words of the tables that occur. */
function legend(findings: readonly AuditFinding[]): string[] {
  const verdicts = new Set(findings.map(({ verdict }) => verdict));
  const owners = new Set(findings.map(({ owner }) => owner));
  const words = [
    ...AUDIT_VERDICTS.filter(({ name }) => verdicts.has(name)),
    ...PAGE_CLASSES.filter(({ name }) => owners.has(name)),
  ];
  return words.length === 0
    ? []
    : ['', 'Words', ...words.flatMap(({ name, description }) => wrap(`${name}: ${description}`))];
}

/** A paragraph in lines of at most 100 characters, all but the first indented further. */
function wrap(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line.length + word.length > 95) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line, index) => (index === 0 ? '  ' : '    ') + line);
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
