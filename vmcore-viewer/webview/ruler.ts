/** Physical addresses at the left of the map's rows. */
import { cssOf, mix } from './color.ts';
import { addressOf } from './describe.ts';
import { rulerStep } from './layout.ts';
import { fontOf, type Stage } from './overlay.ts';
import type { Pages } from './pages.ts';

/** Pixels that a label has for itself. */
const APART = 32;
const TICK = 6;

/** @param stage as of the map; its context is that of the ruler's own canvas. */
export function drawRuler({ context, layout, camera, size, theme }: Stage, pages: Pages, width: number): void {
  context.clearRect(0, 0, width, size.height);
  context.font = fontOf(context);
  context.textAlign = 'right';
  context.fillStyle = cssOf(mix(theme.foreground, theme.background, theme.highContrast ? 0 : 0.25));
  const step = rulerStep(APART / camera.scale);
  const first = Math.max(0, Math.floor(camera.y / step) * step);
  for (let row = first; row < layout.rows; row += step) {
    const y = Math.round((row - camera.y) * camera.scale);
    if (y > size.height) break;
    if (y < 0) continue;
    context.fillText(addressOf(pages, row * layout.columns), width - TICK - 3, Math.max(y + 4, 9));
    context.fillRect(width - TICK, y, TICK, 1);
  }
}
