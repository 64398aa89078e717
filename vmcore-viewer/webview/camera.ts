/** Which part of the map is in view. Lengths on the screen are in pixels of one kind, those on the map in cells. */
import type { Layout } from './layout.ts';

/** The cell at the left top corner of the view, with a fraction, and pixels a cell. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** Size of the view in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels a cell when zoomed in as far as it goes: room for a few words. */
export const LARGEST_SCALE = 160;
/** How near to the edge of the view a revealed cell may come, as a share of the view. */
const MARGIN = 0.1;

/** Pixels a cell at which the whole map is just in view. */
export function fitScale({ columns, rows }: Layout, { width, height }: Size): number {
  return Math.min(width / columns, height / rows, LARGEST_SCALE);
}

/** The whole map in the middle of the view. */
export function fit(layout: Layout, size: Size): Camera {
  return clamp({ x: 0, y: 0, scale: fitScale(layout, size) }, layout, size);
}

/** Keeps the zoom within its limits and the map in view: centred where it is smaller than the view. */
export function clamp(camera: Camera, layout: Layout, size: Size): Camera {
  const scale = Math.min(LARGEST_SCALE, Math.max(fitScale(layout, size), camera.scale));
  const along = (start: number, cells: number, pixels: number): number => {
    const spare = cells - pixels / scale;
    return spare <= 0 ? spare / 2 : Math.min(spare, Math.max(0, start));
  };
  return { x: along(camera.x, layout.columns, size.width), y: along(camera.y, layout.rows, size.height), scale };
}

/** Zooms by a factor; what is under the point stays there. */
export function zoomAt(camera: Camera, factor: number, pointX: number, pointY: number): Camera {
  const scale = Math.min(LARGEST_SCALE, camera.scale * factor);
  const inCells = 1 / camera.scale - 1 / scale;
  return { x: camera.x + pointX * inCells, y: camera.y + pointY * inCells, scale };
}

/** Moves the map by pixels, as a hand would. */
export function pan(camera: Camera, byX: number, byY: number): Camera {
  return { ...camera, x: camera.x - byX / camera.scale, y: camera.y - byY / camera.scale };
}

/** Moves no further than is needed to bring a cell into view. */
export function reveal(camera: Camera, column: number, row: number, { width, height }: Size): Camera {
  const along = (start: number, cell: number, pixels: number): number => {
    const length = pixels / camera.scale;
    const margin = Math.min(length * MARGIN, (length - 1) / 2);
    if (length <= 1 || cell < start + margin) return cell - Math.max(0, margin);
    return Math.max(start, cell + 1 + margin - length);
  };
  return { ...camera, x: along(camera.x, column, width), y: along(camera.y, row, height) };
}

/** A cell in the middle of the view. */
export function centre(column: number, row: number, scale: number, { width, height }: Size): Camera {
  return { x: column + 0.5 - width / scale / 2, y: row + 0.5 - height / scale / 2, scale };
}

/** A camera on the way from one to another; `part` goes from 0 to 1. The zoom goes evenly to the eye. */
export function between(from: Camera, to: Camera, part: number): Camera {
  const scale = from.scale * (to.scale / from.scale) ** part;
  const mix = (one: number, other: number): number => one + (other - one) * part;
  return { x: mix(from.x, to.x), y: mix(from.y, to.y), scale };
}
