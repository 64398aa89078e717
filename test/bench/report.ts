/** The table: a row a quantity, as Markdown that is also readable as it is. */
import { CONTENDER_NAMES } from './contender.ts';
import type { Field } from './field.ts';
import { QUANTITIES, type Quantity, type QuantityName } from './quantities.ts';
import { summarize, type MeasuredName, type Samples, type Summary } from './samples.ts';

/** A row as it goes into the JSON file. Ratios are of medians. */
export interface Row {
  quantity: QuantityName;
  title: string;
  unit: Quantity['unit'];
  values: Partial<Record<MeasuredName, Summary>>;
  oursToPlain?: number;
  oursToNpm?: number;
  aim: string;
  isMet?: boolean;
}

const HEADINGS = ['quantity', 'QEMU stub', ...CONTENDER_NAMES, 'ours / plain', 'ours / npm', 'aim', 'met'];

/** Summarizes the samples of each quantity. */
export function rowsOf(results: ReadonlyMap<QuantityName, Samples>): Row[] {
  return [...results].map(([name, samples]) => {
    const quantity: Quantity = QUANTITIES[name];
    const measured = [...samples].filter(([, values]) => values.length > 0);
    const values = Object.fromEntries(measured.map(([who, list]) => [who, summarize(list)])) as Row['values'];
    const medians = new Map(Object.entries(values).map(([who, { median }]) => [who as MeasuredName, median]));
    const ours = medians.get('ours');
    const plain = medians.get('plain gdb');
    const npm = medians.get('npm adapter');
    const isMet = ours === undefined ? undefined : quantity.aim.isMet(ours, medians);
    return {
      quantity: name,
      title: quantity.title,
      unit: quantity.unit,
      values,
      ...(ours !== undefined && plain !== undefined ? { oursToPlain: ours / plain } : {}),
      ...(ours !== undefined && npm !== undefined ? { oursToNpm: ours / npm } : {}),
      aim: quantity.aim.text,
      ...(isMet === undefined ? {} : { isMet }),
    };
  });
}

/** The table, and below it what was skipped and what was not alike. */
export function tableOf(rows: readonly Row[], { skipped, notes }: Field): string {
  const cells = [HEADINGS, ...rows.map((row) => cellsOf(row, skipped))];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`);
  lines.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  const remarks = [...[...skipped].map(([name, reason]) => `${name} skipped: ${reason}`), ...notes];
  return [...lines, ...(remarks.length > 0 ? ['', ...remarks] : [])].join('\n') + '\n';
}

function cellsOf(row: Row, skipped: Field['skipped']): string[] {
  const value = (name: MeasuredName): string => {
    const summary = row.values[name];
    return summary ? rounded(summary.median) : skipped.has(name) ? 'skipped' : '';
  };
  return [
    `${row.title} (${row.unit})`,
    value('QEMU stub'),
    ...CONTENDER_NAMES.map(value),
    row.oursToPlain?.toFixed(2) ?? '',
    row.oursToNpm?.toFixed(2) ?? '',
    row.aim,
    row.isMet === undefined ? '' : row.isMet ? 'yes' : 'no',
  ];
}

/** Three digits that count. */
function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
