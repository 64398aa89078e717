/**
 * The map made smaller: each level has half the columns and half the rows of the one before. Level 0 is the map itself and
 * is not kept: the palette gives its pixels.
 */
import type { Layout } from './layout.ts';
import { PROMINENT_ALPHA } from './palette.ts';

interface Level {
  columns: number;
  rows: number;
  pixels: Uint32Array;
}

/** Pixels of the smaller maps, kept up to date with the pages. */
export class MipLevels {
  private readonly levels: Level[] = [];

  /**
   * @param codes by pfn, what the page is painted with: an index into `colors`.
   * @param background the pixel of cells behind the last page.
   */
  constructor(
    private readonly layout: Layout,
    private readonly codes: Uint16Array,
    private readonly colors: Uint32Array,
    private readonly background: number,
  ) {
    let { columns, rows } = layout;
    while (columns > 1 || rows > 1) {
      columns = Math.ceil(columns / 2);
      rows = Math.ceil(rows / 2);
      this.levels.push({ columns, rows, pixels: new Uint32Array(columns * rows) });
    }
    this.update(0, layout.count);
  }

  /** The number of the smallest map, which is one pixel. */
  get last(): number {
    return this.levels.length;
  }

  /** A smaller map; `number` is 1 to `last`. */
  level(number: number): Readonly<Level> {
    return this.levels[number - 1]!;
  }

  /** Takes over that the pages from `first` on have other codes. */
  update(first: number, count: number): void {
    const { columns } = this.layout;
    const end = first + count;
    const [top, bottom] = [Math.floor(first / columns), Math.floor((end - 1) / columns)];
    // Pages of one row touch a piece of it; pages of several rows count as whole rows.
    const [left, right] = top === bottom ? [first % columns, (end - 1) % columns] : [0, columns - 1];
    this.levels.forEach((level, index) => {
      const shift = index + 1;
      for (let row = top >> shift; row <= bottom >> shift; row++) {
        for (let column = left >> shift; column <= right >> shift; column++) {
          const pixel =
            index === 0 ? this.fromPages(column, row) : this.fromLevel(this.levels[index - 1]!, column, row);
          level.pixels[row * level.columns + column] = pixel;
        }
      }
    });
  }

  private fromPages(column: number, row: number): number {
    const { columns } = this.layout;
    const at = row * 2 * columns + column * 2;
    // A row of one cell has no right half: the map is as wide as it is then.
    if (columns === 1) return average(this.page(at), this.page(at), this.page(at + 1), this.page(at + 1));
    return average(this.page(at), this.page(at + 1), this.page(at + columns), this.page(at + columns + 1));
  }

  private page(pfn: number): number {
    return pfn < this.layout.count ? this.colors[this.codes[pfn]!]! : this.background;
  }

  private fromLevel({ columns, rows, pixels }: Level, column: number, row: number): number {
    const [left, top] = [column * 2, row * 2];
    const right = Math.min(left + 1, columns - 1);
    const bottom = Math.min(top + 1, rows - 1);
    return average(
      pixels[top * columns + left]!,
      pixels[top * columns + right]!,
      pixels[bottom * columns + left]!,
      pixels[bottom * columns + right]!,
    );
  }
}

const PROMINENT = PROMINENT_ALPHA << 24;
const ALPHA = 0xff << 24;

/** One pixel for four: the mean of their channels, or of the prominent ones' alone when there are such. */
export function average(a: number, b: number, c: number, d: number): number {
  // All four alpha values are 0xff in nearly all cases, and nearly all of those four are alike.
  if (a === b && a === c && a === d) return a;
  if ((a & b & c & d & ALPHA) === ALPHA) return mean(a, b, c, d);
  const prominent = [a, b, c, d].filter((pixel) => (pixel & ALPHA) === PROMINENT);
  const at = (index: number): number => prominent[index % prominent.length]!;
  return mean(at(0), at(1), at(2), at(3));
}

/** Two channels at a time: a sum of four bytes fits in the sixteen bits that each has. */
function mean(a: number, b: number, c: number, d: number): number {
  const even = (a & 0xff00ff) + (b & 0xff00ff) + (c & 0xff00ff) + (d & 0xff00ff);
  const odd = ((a >>> 8) & 0xff00ff) + ((b >>> 8) & 0xff00ff) + ((c >>> 8) & 0xff00ff) + ((d >>> 8) & 0xff00ff);
  return (((even >>> 2) & 0xff00ff) | (((odd >>> 2) & 0xff00ff) << 8)) >>> 0;
}
