/**
 * Paints the pages in view, pixel by pixel: at any zoom the work is that of the pixels, not that of the pages.
 */
import type { Camera } from './camera.ts';
import type { Layout } from './layout.ts';
import type { MipLevels } from './mipLevels.ts';
import type { Palette } from './palette.ts';

/** What is painted on: pixels as ImageData holds them. */
export interface Target {
  readonly pixels: Uint32Array;
  readonly width: number;
  readonly height: number;
}

/** What is painted. `codes` and `isExchanged` are by pfn. */
export interface Picture {
  readonly layout: Layout;
  readonly codes: Uint16Array;
  readonly isExchanged: Uint8Array;
  readonly palette: Palette;
  readonly mips: MipLevels;
}

/** Pixels a cell from which on there are lines between cells, and from which on hatching and corners can be made out. */
export const GRID_FROM = 5;
export const HATCH_FROM = 10;

const NOWHERE = -1;

/** @param camera in pixels of the target. */
export function paintPages(target: Target, picture: Picture, camera: Camera): void {
  if (camera.scale < 1) paintSmaller(target, picture, camera);
  else if (camera.scale < HATCH_FROM) paintCells(target, picture, camera);
  else paintLargeCells(target, picture, camera);
}

/** Column or row by pixel; `NOWHERE` off the map and, where there are lines, on the first pixel of each cell. */
function indicesAlong(pixels: number, start: number, scale: number, cells: number, hasLines: boolean): Int32Array {
  const indices = new Int32Array(pixels);
  let before = Math.floor(start - 1 / scale);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const cell = Math.floor(start + pixel / scale);
    indices[pixel] = cell < 0 || cell >= cells || (hasLines && cell !== before) ? NOWHERE : cell;
    before = cell;
  }
  return indices;
}

/** Several pages a pixel: from the level whose cells are one to two pixels. */
function paintSmaller({ pixels, width, height }: Target, { layout, mips, palette }: Picture, camera: Camera): void {
  const number = Math.min(mips.last, Math.ceil(Math.log2(1 / camera.scale)));
  if (number === 0) return;
  const level = mips.level(number);
  const factor = 2 ** number;
  const scale = camera.scale * factor;
  const columns = indicesAlong(width, camera.x / factor, scale, layout.columns / factor, false);
  const rows = indicesAlong(height, camera.y / factor, scale, layout.rows / factor, false);
  for (let y = 0; y < height; y++) {
    const start = y * width;
    const row = rows[y]!;
    if (row === NOWHERE) {
      pixels.fill(palette.background, start, start + width);
    } else if (y > 0 && row === rows[y - 1]) {
      pixels.copyWithin(start, start - width, start);
    } else {
      const from = row * level.columns;
      for (let x = 0; x < width; x++) {
        const column = columns[x]!;
        pixels[start + x] = column === NOWHERE ? palette.background : level.pixels[from + column]!;
      }
    }
  }
}

/** A few pixels a page: plain squares. */
function paintCells({ pixels, width, height }: Target, { layout, codes, palette }: Picture, camera: Camera): void {
  const hasLines = camera.scale >= GRID_FROM;
  const columns = indicesAlong(width, camera.x, camera.scale, layout.columns, hasLines);
  const rows = indicesAlong(height, camera.y, camera.scale, layout.rows, hasLines);
  const { average, background } = palette;
  for (let y = 0; y < height; y++) {
    const start = y * width;
    const row = rows[y]!;
    if (row === NOWHERE) {
      pixels.fill(background, start, start + width);
    } else if (y > 0 && row === rows[y - 1]) {
      pixels.copyWithin(start, start - width, start);
    } else {
      const from = row * layout.columns;
      for (let x = 0; x < width; x++) {
        const column = columns[x]!;
        const pfn = from + column;
        pixels[start + x] = column === NOWHERE || pfn >= layout.count ? background : average[codes[pfn]!]!;
      }
    }
  }
}

/** Squares with lines between them, hatched by owner, with a corner where the page was exchanged. */
function paintLargeCells(target: Target, { layout, codes, isExchanged, palette }: Picture, camera: Camera): void {
  const { pixels, width, height } = target;
  pixels.fill(palette.background);
  const at = (cell: number, start: number): number => Math.round((cell - start) * camera.scale);
  const [firstColumn, firstRow] = [Math.max(0, Math.floor(camera.x)), Math.max(0, Math.floor(camera.y))];
  const endColumn = Math.min(layout.columns, Math.ceil(camera.x + width / camera.scale));
  const endRow = Math.min(layout.rows, Math.ceil(camera.y + height / camera.scale));
  for (let row = firstRow; row < endRow; row++) {
    const [top, bottom] = [at(row, camera.y), at(row + 1, camera.y)];
    for (let column = firstColumn; column < endColumn; column++) {
      const pfn = row * layout.columns + column;
      if (pfn >= layout.count) break;
      const [left, right] = [at(column, camera.x), at(column + 1, camera.x)];
      paintCell(target, { left, top, right, bottom }, codes[pfn]!, isExchanged[pfn] === 1, palette);
    }
  }
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** One cell, a line at its left and at its top; what is off the target is left out. */
export function paintCell(
  { pixels, width, height }: Target,
  { left, top, right, bottom }: Box,
  code: number,
  isExchanged: boolean,
  palette: Palette,
): void {
  const [base, ink] = [palette.base[code]!, palette.ink[code]!];
  const tile = palette.tiles[code >> 8];
  const notch = isExchanged ? Math.max(4, (right - left) >> 2) : 0;
  const [fromX, toX] = [Math.max(0, left), Math.min(width, right)];
  for (let y = Math.max(0, top), toY = Math.min(height, bottom); y < toY; y++) {
    const start = y * width;
    if (y === top) {
      pixels.fill(palette.grid, start + fromX, start + toX);
      continue;
    }
    const bits = tile?.[(y - top) & 7] ?? 0;
    // The hatching hangs on the cell: it goes along when the map is panned.
    for (let x = fromX; x < toX; x++) pixels[start + x] = bits & (1 << ((x - left) & 7)) ? ink : base;
    if (left >= 0) pixels[start + left] = palette.grid;
    for (let x = Math.max(fromX, right - notch + (y - top - 1)); x < toX; x++) pixels[start + x] = palette.notch;
  }
}
