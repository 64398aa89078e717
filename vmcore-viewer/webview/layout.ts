/** Where a page is on the map: rows of a power of two of cells, so that addresses align. */

/** A grid of cells, one a page, from left to right and from top to bottom. */
export interface Layout {
  /** Pages. */
  readonly count: number;
  /** Cells in a row: 2 to the power of `columnBits`. */
  readonly columns: number;
  readonly columnBits: number;
  readonly rows: number;
}

/** The layout whose cells are largest when all of them are to be seen in a view of that width and height. */
export function layoutFor(count: number, width: number, height: number): Layout {
  let best = layoutOf(count, 0);
  let bestScale = 0;
  for (let bits = 0; bits === 0 || 2 ** (bits - 1) < count; bits++) {
    const layout = layoutOf(count, bits);
    const scale = Math.min(width / layout.columns, height / layout.rows);
    if (scale <= bestScale) continue;
    best = layout;
    bestScale = scale;
  }
  return best;
}

/** The layout with rows of 2 to the power of `columnBits` cells. */
export function layoutOf(count: number, columnBits: number): Layout {
  const columns = 2 ** columnBits;
  return { count, columns, columnBits, rows: Math.max(1, Math.ceil(count / columns)) };
}

/** Column and row of a page. */
export function cellOf({ columns }: Layout, pfn: number): { column: number; row: number } {
  return { column: pfn % columns, row: Math.floor(pfn / columns) };
}

/** The page at a place of the map, in cells; `undefined` where there is none. */
export function pageAt(layout: Layout, x: number, y: number): number | undefined {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  if (column < 0 || column >= layout.columns || row < 0) return undefined;
  const pfn = row * layout.columns + column;
  return pfn < layout.count ? pfn : undefined;
}

/** Rows between two labels of the ruler: a power of two, so that the addresses are round, at least `apart` rows. */
export function rulerStep(apart: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(apart)));
}
