/**
 * Frame times of the page map with 4 GiB, in a browser that draws in software. It judges nothing.
 *
 *   npm run bench:map
 */
import { startBrowser } from '../vscode/browser.ts';
import { MapPage } from '../webview/mapPage.ts';
import { SyntheticMemory } from '../webview/syntheticMemory.ts';

const FRAMES = 240;
const WINDOW = { width: 1440, height: 900 };

/** Frames as the page saw them, in milliseconds: from one to the next, and of that in scripts. */
interface Frames {
  intervals: number[];
  scripts: number[];
}

/** Notes how long the page's own frame callbacks take. */
const NOTE_SCRIPTS = `
  globalThis.scripts = [];
  const request = requestAnimationFrame.bind(globalThis);
  globalThis.requestAnimationFrame = (callback) => request((now) => {
    const began = performance.now();
    callback(now);
    globalThis.scripts.push(performance.now() - began);
  });
  globalThis.plainRequest = request;
`;

/** Does a step in each of many frames; `step` sends events as a mouse would. */
const measure = (step: string): string => `new Promise((resolve) => {
  const canvas = document.querySelector('#map');
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const at = (type, x, y, more = {}) => canvas.dispatchEvent(new (type === 'wheel' ? WheelEvent : PointerEvent)(type, {
    clientX: left + x, clientY: top + y, bubbles: true, cancelable: true, pointerId: 1, ...more,
  }));
  canvas.setPointerCapture = () => {};
  const step = (number) => { ${step} };
  const intervals = [];
  globalThis.scripts = [];
  let before, number = 0;
  at('pointerdown', width / 2, height / 2);
  const frame = (now) => {
    if (before !== undefined) intervals.push(now - before);
    before = now;
    if (number === ${FRAMES}) {
      at('pointerup', width / 2, height / 2);
      resolve({ intervals, scripts: globalThis.scripts });
      return;
    }
    step(number++);
    globalThis.plainRequest(frame);
  };
  globalThis.plainRequest(frame);
})`;

/** Around a circle, so that no edge of the map ends the panning. */
const PAN = `at('pointermove', width / 2 + 200 * Math.cos(number / 15), height / 2 + 200 * Math.sin(number / 15));`;
const ZOOM = `at('wheel', width / 3, height / 3, { deltaY: number % 120 < 60 ? -60 : 60 });`;
const HOVER = `at('pointerup', width / 2, height / 2); at('pointermove', width / 2 + number, height / 3);`;

async function main(): Promise<void> {
  const browser = await startBrowser(WINDOW);
  try {
    const memory = new SyntheticMemory();
    const map = await MapPage.open(browser, memory, 'dark', NOTE_SCRIPTS);
    const rows: string[][] = [];
    const take = async (
      title: string,
      presses: number,
      step: string,
      meanwhile?: () => Promise<void>,
    ): Promise<void> => {
      await map.page.locator('#map').focus();
      await map.page.keyboard.press('0');
      for (let press = 0; press < presses; press++) await map.page.keyboard.press('+');
      await map.page.waitForTimeout(300);
      const isOver = map.page.evaluate<Frames>(measure(step));
      await meanwhile?.();
      const { intervals, scripts } = await isOver;
      rows.push([title, ...figures(intervals), ...figures(scripts)]);
    };
    await take('panning, 1.7 pixels a page', 2, PAN);
    await take('panning, 8.7 pixels a page: with lines', 6, PAN);
    await take('panning, 20 pixels a page: with hatching', 8, PAN);
    await take('panning, 100 pixels a page: with words', 12, PAN);
    await take('zooming between whole memory and single pages', 0, ZOOM);
    await take('mouse over the whole memory', 0, HOVER);
    await take('panning while 20,000 pages change 4 times a second', 2, PAN, async () => {
      for (let time = 0; time < 12; time++) {
        await map.send(memory.churn(20_000));
        await map.page.waitForTimeout(250);
      }
    });
    const canvas = await map.box();
    process.stdout.write(
      `${Math.round(canvas.width)} by ${Math.round(canvas.height)} pixels, ${FRAMES} frames each\n\n`,
    );
    process.stdout.write(table(rows));
  } finally {
    await browser.close();
  }
}

/** Median, 95th percentile and largest. */
function figures(values: readonly number[]): string[] {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? NaN).toFixed(1);
  return [at(0.5), at(0.95), at(1)];
}

function table(rows: readonly string[][]): string {
  const heading = ['page map, 4 GiB (ms)', 'frame', '95 %', 'worst', 'script', '95 %', 'worst'];
  const lines = [heading, heading.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n') + '\n';
}

await main();
