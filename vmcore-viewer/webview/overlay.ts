/** What is drawn over the pages: regions, arrows, rings, words in large cells. All lengths are CSS pixels. */
import type { MemoryRegion } from '../protocol.ts';
import type { Camera, Size } from './camera.ts';
import { cssOf } from './color.ts';
import { hex } from './describe.ts';
import type { Exchange } from './exchanges.ts';
import { cellOf, type Layout } from './layout.ts';
import type { Pages } from './pages.ts';
import { colorOf, type Theme } from './palette.ts';

/** Where things are on the canvas. */
export interface Stage {
  readonly context: CanvasRenderingContext2D;
  readonly layout: Layout;
  readonly camera: Camera;
  readonly size: Size;
  readonly theme: Theme;
}

interface Point {
  x: number;
  y: number;
}

const FONT = '11px var(--vscode-font-family, sans-serif)';
const LABEL_HEIGHT = 16;
/** Pixels a cell from which on there is room for words. */
const WORDS_FROM = 64;
/** The smallest ring: a page of less than a pixel is still to be found. */
const SMALLEST_RING = 10;

/** Outlines of the regions, with their names where there is room; the earlier one keeps its name. */
export function drawRegions(stage: Stage, regions: readonly MemoryRegion[]): void {
  const { context, theme } = stage;
  const placed: { x: number; y: number; width: number }[] = [];
  for (const region of regions) {
    const outline = outlineOf(stage, region);
    halo(stage, 1, () => {
      context.stroke(outline);
    });
    const place = labelPlace(stage, region);
    context.font = fontOf(context);
    const width = context.measureText(region.name).width + 8;
    if (!place || placed.some((other) => overlaps(other, { ...place, width }))) continue;
    placed.push({ ...place, width });
    context.fillStyle = cssOf(theme.background);
    context.fillRect(place.x, place.y, width, LABEL_HEIGHT);
    context.fillStyle = cssOf(theme.foreground);
    context.fillText(region.name, place.x + 4, place.y + 12);
  }
}

/** An arrow from destination to source; dashed as long as the two are not exchanged. */
export function drawExchange(stage: Stage, { destination, source }: Exchange, isDone: boolean): void {
  const { context } = stage;
  const [from, to] = [middleOf(stage, destination), middleOf(stage, source)];
  drawRing(stage, destination, 1.5);
  if (destination === source) return;
  drawRing(stage, source, 1.5);
  const [byX, byY] = [to.x - from.x, to.y - from.y];
  const bend = { x: (from.x + to.x) / 2 + byY * 0.15, y: (from.y + to.y) / 2 - byX * 0.15 };
  const angle = Math.atan2(to.y - bend.y, to.x - bend.x);
  const line = new Path2D();
  line.moveTo(from.x, from.y);
  line.quadraticCurveTo(bend.x, bend.y, to.x, to.y);
  const head = new Path2D();
  for (const side of [-0.45, 0.45]) {
    head.moveTo(to.x, to.y);
    head.lineTo(to.x - 11 * Math.cos(angle + side), to.y - 11 * Math.sin(angle + side));
  }
  halo(stage, 2, () => {
    context.setLineDash(isDone ? [] : [6, 4]);
    context.stroke(line);
    context.setLineDash([]);
    context.stroke(head);
  });
}

/** A ring around a page, however small it is. */
export function drawRing(stage: Stage, pfn: number, lineWidth: number, color = stage.theme.foreground): void {
  const { x, y } = middleOf(stage, pfn);
  const side = Math.max(SMALLEST_RING, stage.camera.scale + 1);
  const ring = new Path2D();
  ring.rect(x - side / 2, y - side / 2, side, side);
  halo(
    stage,
    lineWidth,
    () => {
      stage.context.stroke(ring);
    },
    cssOf(color),
  );
}

/** Points at the few pages that are not to be missed, while they are small. */
export function drawProminent(stage: Stage, pages: Pages): void {
  if (stage.camera.scale > SMALLEST_RING) return;
  for (const pfn of pages.fewProminent) drawRing(stage, pfn, 2, colorOf(pages.classOf(pfn)!, stage.theme));
}

/** pfn and class in the cells, once they are large. */
export function drawWords(stage: Stage, pages: Pages): void {
  const { context, camera, layout, size, theme } = stage;
  if (camera.scale < WORDS_FROM) return;
  const endRow = Math.min(layout.rows, camera.y + size.height / camera.scale);
  const endColumn = Math.min(layout.columns, camera.x + size.width / camera.scale);
  context.font = fontOf(context);
  for (let row = Math.max(0, Math.floor(camera.y)); row < endRow; row++) {
    for (let column = Math.max(0, Math.floor(camera.x)); column < endColumn; column++) {
      const pfn = row * layout.columns + column;
      if (pfn >= pages.count) return;
      const words = [hex(pfn), pages.classOf(pfn)?.name ?? 'Unknown'];
      const { x, y } = middleOf(stage, pfn);
      words.forEach((word, line) => {
        const text = clip(context, word, camera.scale - 14);
        const width = context.measureText(text).width + 6;
        const top = y - LABEL_HEIGHT + line * LABEL_HEIGHT;
        context.fillStyle = cssOf(theme.background);
        context.fillRect(x - width / 2, top, width, LABEL_HEIGHT);
        context.fillStyle = cssOf(theme.foreground);
        context.fillText(text, x - width / 2 + 3, top + 12);
      });
    }
  }
}

/** VS Code's font, which canvas does not take from a variable. */
export function fontOf({ canvas }: CanvasRenderingContext2D): string {
  return FONT.replace(/var\(.*\)/, getComputedStyle(canvas).fontFamily);
}

/** Draws lines twice: a broad one in the background's colour below makes them stand out on every page. */
function halo({ context, theme }: Stage, width: number, draw: () => void, color = cssOf(theme.foreground)): void {
  context.lineCap = 'round';
  context.lineWidth = width + 2.5;
  context.strokeStyle = cssOf(theme.background);
  draw();
  context.lineWidth = width;
  context.strokeStyle = color;
  draw();
}

function pointOf({ camera }: Stage, column: number, row: number): Point {
  return { x: (column - camera.x) * camera.scale, y: (row - camera.y) * camera.scale };
}

function middleOf(stage: Stage, pfn: number): Point {
  const { column, row } = cellOf(stage.layout, pfn);
  return pointOf(stage, column + 0.5, row + 0.5);
}

/** Around the pages of a region, which begins and ends anywhere in its rows, as a selection of text does. */
function outlineOf(stage: Stage, { first, count }: MemoryRegion): Path2D {
  const { columns } = stage.layout;
  const from = cellOf(stage.layout, first);
  const to = cellOf(stage.layout, first + count - 1);
  const path = new Path2D();
  const rectangle = (left: number, top: number, right: number, bottom: number): void => {
    const [start, end] = [pointOf(stage, left, top), pointOf(stage, right, bottom)];
    path.rect(start.x, start.y, Math.max(3, end.x - start.x), Math.max(3, end.y - start.y));
  };
  const isWhole = from.column === 0 && to.column === columns - 1;
  if (from.row === to.row || isWhole) {
    rectangle(from.column, from.row, to.column + 1, to.row + 1);
    return path;
  }
  if (to.row === from.row + 1 && to.column < from.column) {
    rectangle(from.column, from.row, columns, from.row + 1);
    rectangle(0, to.row, to.column + 1, to.row + 1);
    return path;
  }
  const corners: [number, number][] = [
    [from.column, from.row],
    [columns, from.row],
    [columns, to.row],
    [to.column + 1, to.row],
    [to.column + 1, to.row + 1],
    [0, to.row + 1],
    [0, from.row + 1],
    [from.column, from.row + 1],
  ];
  for (const [column, row] of corners) {
    const { x, y } = pointOf(stage, column, row);
    path.lineTo(x, y);
  }
  path.closePath();
  return path;
}

/** Above the region, or within it where it begins above the view; `undefined` when it is out of view. */
function labelPlace(stage: Stage, { first, count }: MemoryRegion): Point | undefined {
  const { layout, size } = stage;
  const start = cellOf(layout, first);
  const end = cellOf(layout, first + count - 1);
  const corner = pointOf(stage, start.column, start.row);
  const opposite = pointOf(stage, start.row === end.row ? end.column + 1 : layout.columns, end.row + 1);
  if (corner.x > size.width || corner.y > size.height || opposite.x < 0 || opposite.y < 0) return undefined;
  const above = corner.y - LABEL_HEIGHT - 3;
  return { x: Math.max(0, corner.x), y: above >= 0 ? above : Math.max(0, corner.y) + 3 };
}

function overlaps(one: Point & { width: number }, other: Point & { width: number }): boolean {
  return one.x < other.x + other.width && other.x < one.x + one.width && Math.abs(one.y - other.y) < LABEL_HEIGHT;
}

function clip(context: CanvasRenderingContext2D, text: string, width: number): string {
  let clipped = text;
  while (clipped.length > 1 && context.measureText(clipped).width > width) clipped = clipped.slice(0, -2) + '…';
  return clipped;
}
