/** The timeline above the page map: what is in sight, keys, what a screen reader is told. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { startBrowser, type BrowserSession } from '../vscode/browser.ts';
import { waitFor } from '../vscode/waiting.ts';
import { MapPage } from './mapPage.ts';
import { SyntheticMemory, timelineOf } from './syntheticMemory.ts';
import type { ThemeName } from './themes.ts';

const PICTURES = join(import.meta.dirname, '..', '..', 'test-results', 'page-map');
const FEW_PAGES = 1 << 15;

describe('timeline in a browser', () => {
  let browser: BrowserSession;
  let map: MapPage;

  const spans = (): Locator => map.page.locator('#timeline li');
  const show = async (count: number): Promise<void> => {
    await map.send({ type: 'timeline', timeline: timelineOf(count) });
    await waitFor(
      `${count} spans`,
      async () => (await spans().count()) === count,
      async () => spans().allInnerTexts(),
    );
  };
  const right = async (place: Locator): Promise<number> => {
    const { x, width } = (await place.boundingBox())!;
    return x + width;
  };

  before(async () => {
    await mkdir(PICTURES, { recursive: true });
    browser = await startBrowser({ width: 1280, height: 860 });
  });
  beforeEach(async () => {
    map = await MapPage.open(browser, new SyntheticMemory(FEW_PAGES), 'dark');
  });
  afterEach(async () => {
    assert.deepEqual(map.errors, []);
    await map.page.close();
  });
  after(async () => browser.close());

  it('has a span with name and duration for each phase; the one that lasts is the last', async () => {
    const texts = (await spans().allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());
    assert.deepEqual(texts, [
      'A starting 2.40 s',
      'A running 1 min 15 s',
      'A quiescing 310 ms',
      'leaving A 4 ms',
      'swapping pages since 1 min 18 s',
    ]);
    assert.equal(
      await map.page.locator('#timeline [aria-current=step]').innerText(),
      texts[4]!.replace(' since', '\nsince'),
    );
    await show(6);
    assert.match(await spans().nth(4).innerText(), /swapping pages\n41 ms/);
    assert.equal(await map.page.locator('#timeline [aria-current=step]').count(), 1);
  });

  it('gives what lasts longer more room, and the shortest enough to be read', async () => {
    await show(12);
    const widths = await Promise.all((await spans().all()).map(async (span) => (await span.boundingBox())!.width));
    const [running, leaving] = [widths[7]!, widths[9]!];
    assert.ok(running > leaving + 40 && running < leaving * 3, `${running} and ${leaving}`);
    for (const span of await spans().all()) {
      const label = span.locator('.label');
      assert.ok((await right(label)) <= (await right(span)));
    }
  });

  it('keeps the newest in sight over many round trips, unless a person looks at older ones', async () => {
    await show(60);
    assert.ok((await right(spans().last())) <= 1280);
    await map.page.locator('#timeline ol').hover();
    await map.page.mouse.wheel(0, -20_000);
    await waitFor(
      'the first span',
      async () => (await spans().first().boundingBox())!.x >= 0,
      async () => spans().first().boundingBox(),
    );
    await show(61);
    assert.ok((await spans().first().boundingBox())!.x >= 0);
  });

  it('is one stop of Tab, and the arrow keys go through it', async () => {
    await map.page.locator('#timeline li[tabindex="0"]').focus();
    assert.equal(await map.page.locator('#timeline li[tabindex="0"]').count(), 1);
    await map.page.keyboard.press('ArrowLeft');
    const focused = map.page.locator('#timeline li:focus');
    assert.match(await focused.innerText(), /leaving A/);
    await map.textMatches('#tooltip', /leaving A, Kernel A.*What kernel A does then.*4 ms: from 1 min 18 s/);
    assert.match((await focused.getAttribute('aria-label'))!, /leaving A, Kernel A\. What kernel A does then\./);
    await map.page.keyboard.press('Home');
    assert.match(await focused.innerText(), /A starting/);
    // A phase that begins meanwhile does not take the focus away.
    await show(9);
    assert.match(await focused.innerText(), /A starting/);
    await map.page.keyboard.press('End');
    assert.match(await focused.innerText(), /B quiescing/);
    assert.equal(await map.page.locator('#tooltip').isVisible(), true);
    await map.page.keyboard.press('Escape');
    assert.equal(await map.page.locator('#tooltip').isVisible(), false);
  });

  it('is not there for a memory without a history', async () => {
    await map.send({ type: 'timeline', timeline: [] });
    await map.page.locator('#timeline').waitFor({ state: 'hidden' });
  });

  for (const theme of ['dark', 'light', 'high contrast'] satisfies ThemeName[]) {
    it(`can be looked at: ${theme}`, async () => {
      await show(9);
      await map.setTheme(theme);
      await map.page.locator('#timeline li[tabindex="0"]').focus();
      await map.page.keyboard.press('ArrowLeft');
      await map.page.screenshot({ path: join(PICTURES, `timeline-${theme.replace(' ', '-')}.png`) });
    });
  }
});
