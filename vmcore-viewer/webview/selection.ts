/** Where the keys lead from the selected page. */

export interface Selection {
  /** Pages in all. */
  readonly count: number;
  readonly selected: number;
  /** Cells in a row, and whole rows in view. */
  readonly grid: { columns: number; rowsInView: number };
}

/** The page that a key leads to, within the memory; `undefined` for a key that leads to none. */
export function pageForKey(
  key: string,
  isControl: boolean,
  { count, selected, grid: { columns, rowsInView } }: Selection,
): number | undefined {
  const rowStart = selected - (selected % columns);
  const targets: Record<string, number> = {
    ArrowLeft: selected - 1,
    ArrowRight: selected + 1,
    ArrowUp: selected - columns,
    ArrowDown: selected + columns,
    PageUp: selected - columns * Math.min(rowsInView, Math.floor(selected / columns)),
    PageDown: selected + columns * Math.min(rowsInView, Math.floor((count - 1 - selected) / columns)),
    Home: isControl ? 0 : rowStart,
    End: isControl ? count - 1 : Math.min(count - 1, rowStart + columns - 1),
  };
  const target = targets[key];
  if (target === undefined) return undefined;
  return target >= 0 && target < count ? target : selected;
}
