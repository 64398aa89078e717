/** The pixels that a page is painted with, by its class and its owner. */
import type { OwnerMark, PageClass, PageOwner } from '../protocol.ts';
import { mix, pixelOf, standOut, type Color } from './color.ts';

/** What the map takes from VS Code's theme. */
export interface Theme {
  background: Color;
  foreground: Color;
  /** Lines between cells. */
  grid: Color;
  /** Ring around the selected page. */
  focus: Color;
  highContrast: boolean;
  /** A colour by VS Code's name, such as `charts.blue`; `undefined` when the theme has none of that name. */
  named(name: string): Color | undefined;
}

/** Owner and class of a page in one number, by which a palette is asked. */
export function codeOf(classByte: number, ownerByte: number): number {
  return (ownerByte << 8) | classByte;
}

/** Alpha of a pixel that is not to be lost among its neighbours when the map is zoomed out; as good as opaque. */
export const PROMINENT_ALPHA = 0xfe;

/** Pixels by `codeOf()`. */
export interface Palette {
  /** Between the lines of a hatching. */
  readonly base: Uint32Array;
  /** The lines of a hatching. */
  readonly ink: Uint32Array;
  /** Both as seen from afar, so that a page keeps its look while it shrinks. */
  readonly average: Uint32Array;
  /** Hatching by owner byte: rows of a tile of 8 by 8 pixels, a bit a pixel. */
  readonly tiles: readonly Uint8Array[];
  readonly background: number;
  readonly grid: number;
  /** Corner of a page that was exchanged. */
  readonly notch: number;
}

/** What of the background is mixed in: pages nobody owns, and those that a person switched off. */
const FAINT = 0.55;
const DIMMED = 0.86;
/** How far the lines of a hatching go towards the foreground. */
const INK = 0.7;
/** Contrast of every class with the background: 3 is what graphics need (WCAG 2.2, 1.4.11). */
const LEAST_CONTRAST = { normal: 1.6, high: 3 };

const TILES: Record<OwnerMark, Uint8Array> = {
  plain: new Uint8Array(8),
  faint: new Uint8Array(8),
  stripes: Uint8Array.from([0x83, 0xc1, 0xe0, 0x70, 0x38, 0x1c, 0x0e, 0x07]),
  crosses: Uint8Array.from([0x81, 0x42, 0x24, 0x18, 0x18, 0x24, 0x42, 0x81]),
};

/** Which pages are drawn at full strength: by class id and by owner id. */
export interface Filter {
  isClassOn(kind: PageClass): boolean;
  isOwnerOn(kind: PageOwner): boolean;
}

/** What a byte beyond the list of classes is painted as, and what stands for any class in the legend of owners. */
const UNKNOWN: PageClass = { id: '', name: 'Unknown', description: '', color: '' };
export const ANY_CLASS = 0xff;

export function makePalette(
  classes: readonly PageClass[],
  owners: readonly PageOwner[],
  theme: Theme,
  filter: Filter,
): Palette {
  const pixels = (): Uint32Array => new Uint32Array(1 << 16).fill(pixelOf(theme.background));
  const [base, ink, average] = [pixels(), pixels(), pixels()];
  const unknown = Array.from({ length: 256 - classes.length }, () => UNKNOWN);
  [...classes, ...unknown].forEach((pageClass, classByte) => {
    const color = colorOf(pageClass, theme);
    owners.forEach((owner, ownerByte) => {
      const isOn = filter.isClassOn(pageClass) && filter.isOwnerOn(owner);
      const fade = (one: Color): Color => mix(one, theme.background, isOn ? 0 : DIMMED);
      const plain = owner.mark === 'faint' ? mix(color, theme.background, FAINT) : color;
      const line = mix(color, theme.foreground, INK);
      const code = codeOf(classByte, ownerByte);
      const alpha = pageClass.prominent && isOn ? PROMINENT_ALPHA : 0xff;
      base[code] = pixelOf(fade(plain), alpha);
      ink[code] = pixelOf(fade(line), alpha);
      average[code] = pixelOf(fade(mix(plain, line, coverage(TILES[owner.mark]))), alpha);
    });
  });
  return {
    base,
    ink,
    average,
    tiles: owners.map(({ mark }) => TILES[mark]),
    background: pixelOf(theme.background),
    grid: pixelOf(theme.grid),
    notch: pixelOf(theme.foreground),
  };
}

/** The colour of a class in the theme, apart from the background even where the theme is careless. */
export function colorOf({ color, tone = 0 }: PageClass, theme: Theme): Color {
  const { background, foreground, highContrast } = theme;
  const mixed = mix(theme.named(color) ?? mix(foreground, background, 0.5), background, tone);
  return standOut(mixed, background, foreground, highContrast ? LEAST_CONTRAST.high : LEAST_CONTRAST.normal);
}

/** Share of the pixels of a tile that are inked. */
function coverage(tile: Uint8Array): number {
  return tile.reduce((total, row) => total + row.toString(2).replaceAll('0', '').length, 0) / 64;
}
