/** Tables of plain text. */

/** Columns as wide as their widest cell. @param numbers the columns that are aligned at their end. */
export function textTable(rows: readonly (readonly string[])[], numbers: readonly number[] = []): string[] {
  const widths = (rows[0] ?? []).map((_, column) => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0));
  const cell = (text: string, column: number): string =>
    numbers.includes(column) ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  return rows.map((row) => `  ${row.map(cell).join('  ')}`.trimEnd());
}
