/** Colours as red, green and blue from 0 to 255, and as the pixels of a canvas. */

export type Color = readonly [red: number, green: number, blue: number];

/** A mix of two colours: `share` is the part of the other one, 0 to 1. */
export function mix(one: Color, other: Color, share: number): Color {
  const at = (index: 0 | 1 | 2): number => Math.round(one[index] + (other[index] - one[index]) * share);
  return [at(0), at(1), at(2)];
}

/** Relative luminance, 0 to 1 (WCAG 2.2). */
export function luminance(color: Color): number {
  const [red, green, blue] = color.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast of two colours, 1 to 21 (WCAG 2.2). */
export function contrast(one: Color, other: Color): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** The colour nearest to the given one that stands out from the background: mixed with ink as far as needed. */
export function standOut(color: Color, background: Color, ink: Color, least: number): Color {
  for (let share = 0; share < 1; share += 0.1) {
    const candidate = mix(color, ink, share);
    if (contrast(candidate, background) >= least) return candidate;
  }
  return ink;
}

export function cssOf([red, green, blue]: Color): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** An opaque pixel as ImageData holds it, read as a little-endian word: alpha, blue, green, red. */
export function pixelOf([red, green, blue]: Color, alpha = 0xff): number {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
