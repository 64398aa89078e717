import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { PageClass, PageOwner } from '../../vmcore-viewer/protocol.ts';
import { contrast, mix, pixelOf, standOut, type Color } from '../../vmcore-viewer/webview/color.ts';
import { layoutOf } from '../../vmcore-viewer/webview/layout.ts';
import { average, MipLevels } from '../../vmcore-viewer/webview/mipLevels.ts';
import { codeOf, makePalette, PROMINENT_ALPHA, type Theme } from '../../vmcore-viewer/webview/palette.ts';
import { HATCH_FROM, paintPages } from '../../vmcore-viewer/webview/raster.ts';

const COLORS: Record<string, Color> = { red: [200, 0, 0], blue: [0, 0, 200], dark: [20, 20, 20] };
const THEME: Theme = {
  background: [10, 10, 10],
  foreground: [250, 250, 250],
  grid: [10, 10, 10],
  focus: [0, 100, 200],
  highContrast: false,
  named: (name) => COLORS[name],
};
const kind = (color: string, more: Partial<PageClass> = {}): PageClass => ({
  id: color,
  name: color,
  description: '',
  color,
  ...more,
});
const CLASSES = [kind('red'), kind('blue'), kind('dark')];
const OWNERS = (['plain', 'faint', 'stripes', 'crosses'] as const).map((mark): PageOwner => ({
  id: mark,
  name: mark,
  description: '',
  mark,
}));
const ALL = { isClassOn: () => true, isOwnerOn: () => true };
const PALETTE = makePalette(CLASSES, OWNERS, THEME, ALL);
const RED = pixelOf(COLORS['red']!);
const BLUE = pixelOf(COLORS['blue']!);

describe('palette of the page map', () => {
  const color = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));

  it('lets every colour stand out from the background', () => {
    fc.assert(
      fc.property(color, fc.constantFrom<Color>([0, 0, 0], [255, 255, 255], [31, 31, 31]), (any, background) => {
        const ink: Color = background[0] > 128 ? [0, 0, 0] : [255, 255, 255];
        assert.ok(contrast(standOut(any, background, ink, 3), background) >= 3);
      }),
    );
    assert.ok(contrast([0, 0, 0], [255, 255, 255]) === 21);
  });

  it('keeps a colour of the theme as it is where it stands out', () => {
    assert.equal(PALETTE.base[codeOf(0, 0)], RED);
    assert.equal(PALETTE.average[codeOf(1, 0)], BLUE);
    assert.notEqual(PALETTE.base[codeOf(2, 0)], pixelOf(COLORS['dark']!));
  });

  it('tells owners apart by strength and by hatching', () => {
    const seen = OWNERS.map((_, owner) => PALETTE.average[codeOf(0, owner)]);
    assert.equal(new Set(seen).size, OWNERS.length);
    assert.deepEqual(
      OWNERS.map((_, owner) => PALETTE.tiles[owner]!.some((row) => row !== 0)),
      [false, false, true, true],
    );
  });

  it('dims what is off, and has a colour for bytes beyond the list', () => {
    const dimmed = makePalette(CLASSES, OWNERS, THEME, { ...ALL, isClassOn: ({ id }) => id !== 'red' });
    assert.equal(dimmed.base[codeOf(0, 0)], pixelOf(mix(COLORS['red']!, THEME.background, 0.86)));
    assert.equal(dimmed.base[codeOf(1, 0)], BLUE);
    assert.notEqual(PALETTE.base[codeOf(200, 0)], PALETTE.background);
  });
});

describe('smaller levels of the page map', () => {
  const pixel = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)).map((color) => pixelOf(color));

  it('average four pixels by channel', () => {
    fc.assert(
      fc.property(pixel, pixel, pixel, pixel, (...four) => {
        const got = average(...four);
        for (const shift of [0, 8, 16, 24]) {
          const sum = four.reduce((total, one) => total + ((one >>> shift) & 0xff), 0);
          assert.equal((got >>> shift) & 0xff, Math.floor(sum / 4));
        }
      }),
    );
  });

  it('never lose a prominent page', () => {
    const palette = makePalette([kind('blue'), kind('red', { prominent: true })], OWNERS, THEME, ALL);
    const prominent = pixelOf(COLORS['red']!, PROMINENT_ALPHA);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(5), fc.nat(), (count, bits, any) => {
        const codes = new Uint16Array(count);
        codes[any % count] = 1;
        const mips = new MipLevels(layoutOf(count, bits), codes, palette.average, palette.background);
        for (let level = 1; level <= mips.last; level++) assert.ok(mips.level(level).pixels.includes(prominent));
      }),
    );
  });

  it('are the same whether they are built at once or change by change', () => {
    const run = fc.tuple(fc.nat(299), fc.integer({ min: 1, max: 80 }), fc.nat(2));
    fc.assert(
      fc.property(fc.nat(6), fc.array(run, { maxLength: 20 }), (bits, runs) => {
        const codes = new Uint16Array(300);
        const layout = layoutOf(codes.length, bits);
        const make = (): MipLevels => new MipLevels(layout, codes, PALETTE.average, PALETTE.background);
        const updated = make();
        for (const [first, length, code] of runs) {
          const count = Math.min(length, codes.length - first);
          codes.fill(code, first, first + count);
          updated.update(first, count);
        }
        const fresh = make();
        for (let level = 1; level <= fresh.last; level++) assert.deepEqual(updated.level(level), fresh.level(level));
      }),
    );
  });
});

describe('painting of the page map', () => {
  const layout = layoutOf(14, 2);
  const codes = Uint16Array.from({ length: 14 }, (_, pfn) => codeOf(pfn % 2, 0));
  const isExchanged = new Uint8Array(14);
  const mips = new MipLevels(layout, codes, PALETTE.average, PALETTE.background);
  const paint = (
    camera: { x: number; y: number; scale: number },
    width: number,
    height: number,
    marks = isExchanged,
  ) => {
    const pixels = new Uint32Array(width * height);
    paintPages({ pixels, width, height }, { layout, codes, isExchanged: marks, palette: PALETTE, mips }, camera);
    return (x: number, y: number) => pixels[y * width + x];
  };

  it('gives every page its colour, and the rest the background', () => {
    const at = paint({ x: -1, y: 0, scale: 2 }, 12, 8);
    assert.deepEqual(
      [at(1, 0), at(2, 0), at(3, 1), at(4, 0), at(10, 0)],
      [PALETTE.background, RED, RED, BLUE, PALETTE.background],
    );
    assert.deepEqual([at(2, 6), at(6, 6)], [RED, PALETTE.background]);
  });

  it('averages when a pixel is several pages', () => {
    const at = paint({ x: 0, y: 0, scale: 0.5 }, 2, 2);
    assert.equal(at(0, 0), average(RED, BLUE, RED, BLUE));
  });

  it('draws lines, hatching and corners when cells are large', () => {
    const scale = 2 * HATCH_FROM;
    codes[1] = codeOf(1, 2);
    const marks = Uint8Array.from(isExchanged, (_, pfn) => (pfn === 0 ? 1 : 0));
    const at = paint({ x: 0, y: 0, scale }, 4 * scale, 4 * scale, marks);
    codes[1] = codeOf(1, 0);
    assert.equal(at(0, 5), PALETTE.grid);
    assert.equal(at(scale / 2, scale / 2), RED);
    assert.equal(at(scale - 1, 1), PALETTE.notch);
    const row = Array.from({ length: scale - 1 }, (_, x) => at(scale + 1 + x, scale / 2));
    assert.deepEqual(new Set(row), new Set([PALETTE.base[codeOf(1, 2)], PALETTE.ink[codeOf(1, 2)]]));
    assert.equal(at(3.5 * scale, 3.5 * scale), PALETTE.background);
  });

  it('paints every pixel at any zoom, and only with pixels it has', () => {
    const known = new Set<number | undefined>([...PALETTE.base, ...PALETTE.average, PALETTE.grid]);
    for (let level = 1; level <= mips.last; level++) for (const pixel of mips.level(level).pixels) known.add(pixel);
    const place = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(place, place, fc.double({ min: 0.2, max: 50, noNaN: true }), (x, y, scale) => {
        const at = paint({ x, y, scale }, 20, 15);
        for (let pixel = 0; pixel < 300; pixel++) assert.ok(known.has(at(pixel % 20, Math.floor(pixel / 20))));
      }),
    );
  });
});
