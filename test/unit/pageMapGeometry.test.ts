import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  between,
  clamp,
  fit,
  fitScale,
  LARGEST_SCALE,
  pan,
  reveal,
  zoomAt,
} from '../../vmcore-viewer/webview/camera.ts';
import { cellOf, layoutFor, layoutOf, pageAt, rulerStep } from '../../vmcore-viewer/webview/layout.ts';
import { pageForKey } from '../../vmcore-viewer/webview/selection.ts';

const counts = fc.integer({ min: 1, max: 1 << 22 });
const size = fc.record({ width: fc.integer({ min: 50, max: 4000 }), height: fc.integer({ min: 50, max: 3000 }) });
const share = fc.double({ min: 0, max: 1, noNaN: true });

const near = (actual: number, expected: number): void => {
  assert.ok(Math.abs(actual - expected) <= 1e-6 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
};

describe('layout of the page map', () => {
  it('finds each page again where it put it', () => {
    fc.assert(
      fc.property(counts, size, share, (count, { width, height }, where) => {
        const layout = layoutFor(count, width, height);
        const pfn = Math.floor(where * (count - 1));
        const { column, row } = cellOf(layout, pfn);
        assert.equal(pageAt(layout, column + 0.5, row + 0.5), pfn);
        assert.ok(layout.columns * layout.rows >= count && layout.columns * (layout.rows - 1) < count);
      }),
    );
  });

  it('has nothing beside and behind the pages', () => {
    const layout = layoutOf(10, 2);
    assert.equal(layout.rows, 3);
    for (const [x, y] of [
      [-0.1, 0],
      [4, 0],
      [0, -0.1],
      [2, 2],
      [0, 3],
    ] as const) {
      assert.equal(pageAt(layout, x, y), undefined);
    }
  });

  it('makes the cells as large as any power of two would', () => {
    fc.assert(
      fc.property(counts, size, fc.nat(22), (count, { width, height }, bits) => {
        const best = layoutFor(count, width, height);
        const other = layoutOf(count, bits);
        const scale = ({ columns, rows }: typeof best): number => Math.min(width / columns, height / rows);
        assert.ok(scale(best) >= scale(other));
      }),
    );
    assert.equal(layoutFor(1 << 20, 900, 800).columns, 1024);
  });

  it('labels rows at round addresses', () => {
    assert.deepEqual([0.1, 1, 1.5, 30, 64].map(rulerStep), [1, 1, 2, 32, 64]);
  });
});

describe('camera of the page map', () => {
  const scene = fc.record({
    layout: fc.tuple(counts, fc.nat(12)).map(([count, bits]) => layoutOf(count, bits)),
    size,
    x: fc.double({ min: -1e5, max: 1e5, noNaN: true }),
    y: fc.double({ min: -1e5, max: 1e5, noNaN: true }),
    scale: fc.double({ min: 0.01, max: 1000, noNaN: true }),
  });

  it('never leaves the map, and never zooms beyond its limits', () => {
    fc.assert(
      fc.property(scene, ({ layout, size, ...camera }) => {
        const kept = clamp(camera, layout, size);
        assert.ok(kept.scale <= LARGEST_SCALE && kept.scale >= fitScale(layout, size));
        const [width, height] = [size.width / kept.scale, size.height / kept.scale];
        if (width >= layout.columns) near(kept.x, (layout.columns - width) / 2);
        else assert.ok(kept.x >= 0 && kept.x + width <= layout.columns + 1e-6);
        if (height >= layout.rows) near(kept.y, (layout.rows - height) / 2);
        else assert.ok(kept.y >= 0 && kept.y + height <= layout.rows + 1e-6);
      }),
    );
  });

  it('shows all of the map when it fits', () => {
    fc.assert(
      fc.property(scene, ({ layout, size }) => {
        const { x, y, scale } = fit(layout, size);
        assert.ok(x <= 1e-6 && y <= 1e-6);
        assert.ok(size.width / scale + x >= layout.columns - 1e-6 && size.height / scale + y >= layout.rows - 1e-6);
      }),
    );
  });

  it('leaves what is under the mouse there while it zooms', () => {
    fc.assert(
      fc.property(scene, share, share, fc.double({ min: 0.1, max: 10, noNaN: true }), (view, atX, atY, factor) => {
        const camera = { x: view.x, y: view.y, scale: Math.min(view.scale, LARGEST_SCALE) };
        const [x, y] = [atX * view.size.width, atY * view.size.height];
        const zoomed = zoomAt(camera, factor, x, y);
        near(zoomed.x + x / zoomed.scale, camera.x + x / camera.scale);
        near(zoomed.y + y / zoomed.scale, camera.y + y / camera.scale);
      }),
    );
  });

  it('pans by pixels, there and back', () => {
    const camera = { x: 10, y: 20, scale: 4 };
    assert.deepEqual(pan(camera, 8, -4), { x: 8, y: 21, scale: 4 });
    assert.deepEqual(pan(pan(camera, 8, -4), -8, 4), camera);
  });

  it('reveals a cell, and does not move when it is in the middle', () => {
    fc.assert(
      fc.property(scene, share, ({ layout, size, ...camera }, where) => {
        const before = clamp(camera, layout, size);
        const { column, row } = cellOf(layout, Math.floor(where * (layout.count - 1)));
        const after = clamp(reveal(before, column, row, size), layout, size);
        const [left, top] = [(column - after.x) * after.scale, (row - after.y) * after.scale];
        if (size.width > after.scale) assert.ok(left >= -1e-6 && left + after.scale <= size.width + 1e-6);
        if (size.height > after.scale) assert.ok(top >= -1e-6 && top + after.scale <= size.height + 1e-6);
      }),
    );
    const camera = { x: 100, y: 100, scale: 10 };
    assert.deepEqual(reveal(camera, 120, 130, { width: 500, height: 500 }), camera);
  });

  it('flies from one place to another', () => {
    const [from, to] = [
      { x: 0, y: 0, scale: 1 },
      { x: 100, y: 50, scale: 16 },
    ];
    assert.deepEqual(between(from, to, 0), from);
    assert.deepEqual(between(from, to, 1), to);
    assert.equal(between(from, to, 0.5).scale, 4);
  });
});

describe('keys of the page map', () => {
  const at = (selected: number) => ({ count: 1000, selected, grid: { columns: 32, rowsInView: 10 } });

  it('lead to the pages around', () => {
    assert.equal(pageForKey('ArrowRight', false, at(31)), 32);
    assert.equal(pageForKey('ArrowDown', false, at(5)), 37);
    assert.equal(pageForKey('Home', false, at(70)), 64);
    assert.equal(pageForKey('End', false, at(70)), 95);
    assert.equal(pageForKey('End', false, at(995)), 999);
    assert.equal(pageForKey('Home', true, at(70)), 0);
    assert.equal(pageForKey('End', true, at(70)), 999);
    assert.equal(pageForKey('PageDown', false, at(70)), 390);
    assert.equal(pageForKey('PageUp', false, at(70)), 6);
    assert.equal(pageForKey('x', false, at(70)), undefined);
  });

  it('never lead out of the memory', () => {
    const keys = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown'];
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.boolean(), fc.nat(999), (key, isControl, selected) => {
        const pfn = pageForKey(key, isControl, at(selected))!;
        assert.ok(pfn >= 0 && pfn < 1000);
      }),
    );
  });
});
