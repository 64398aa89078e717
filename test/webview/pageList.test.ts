/** The page list below the page map: 100,000 entries, found and followed with real keys and mouse. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { startBrowser, type BrowserSession } from '../vscode/browser.ts';
import { waitFor } from '../vscode/waiting.ts';
import { MapPage } from './mapPage.ts';
import { pageListOf, SyntheticMemory } from './syntheticMemory.ts';
import type { ThemeName } from './themes.ts';

const PICTURES = join(import.meta.dirname, '..', '..', 'test-results', 'page-map');
const EXCHANGES = 100_000;
const [DESTINATIONS, SOURCES] = [0x20000, 0x80000];
const LIST = 0x10000;

describe('page list in a browser', () => {
  let browser: BrowserSession;
  let map: MapPage;

  const rows = (): Locator => map.page.locator('#list-rows [role=row]:not([hidden])');
  const selected = (): Locator => map.page.locator('#list-rows [aria-selected=true]:not([hidden])');
  const expectSelected = async (expected: RegExp): Promise<void> => {
    const read = async (): Promise<string> => (await selected().allInnerTexts()).join(' | ').replaceAll(/\s+/g, ' ');
    await waitFor(`${expected.source} as the selected row`, async () => expected.test(await read()), read);
  };
  const walk = async (done: number, copies: number): Promise<void> =>
    map.send({ type: 'progress', progress: { done, copies, isReturn: false } });
  const openList = async (): Promise<void> => {
    await map.page.locator('#list-toggle').click();
    await map.page.locator('#list-grid').waitFor();
  };
  const find = async (text: string): Promise<void> => {
    await map.page.locator('#list-search input').fill(text);
  };
  const hostShowsExchange = async (number: number): Promise<void> => {
    const asked = (): number[] => map.heard.flatMap((said) => (said.type === 'showExchange' ? [said.number] : []));
    await waitFor(`exchange ${number} asked for`, () => asked().at(-1) === number, asked);
  };
  const press = async (...keys: string[]): Promise<void> => {
    await map.page.locator('#list-grid').focus();
    for (const key of keys) await map.page.keyboard.press(key);
  };

  before(async () => {
    await mkdir(PICTURES, { recursive: true });
    browser = await startBrowser({ width: 1280, height: 860 });
  });
  beforeEach(async () => {
    const memory = new SyntheticMemory();
    const pairs = Array.from({ length: EXCHANGES * 2 }, (_, at) => (at % 2 ? SOURCES + at - 1 : DESTINATIONS + at / 2));
    memory.model.exchanges = Uint32Array.from(pairs);
    memory.model.list = pageListOf(memory.model.exchanges, LIST);
    map = await MapPage.open(browser, memory, 'dark');
  });
  afterEach(async () => {
    assert.deepEqual(map.errors, []);
    await map.page.close();
  });
  after(async () => browser.close());

  it('is closed until it is asked for, and stays as it was left', async () => {
    assert.equal(await map.page.locator('#list').isVisible(), false);
    await openList();
    const toggle = map.page.getByRole('switch', { name: 'Page list' });
    assert.equal(await toggle.getAttribute('aria-checked'), 'true');
    assert.match(await map.text('#list-count'), /100,294 entries/);
    await map.page.locator('#list-sash').focus();
    const { height } = (await map.page.locator('#list').boundingBox())!;
    await map.page.keyboard.press('ArrowUp');
    await map.page.keyboard.press('ArrowUp');
    const higher = (await map.page.locator('#list').boundingBox())!.height;
    assert.equal(higher, height + 44);
    await map.page.waitForTimeout(200);
    await map.reload('dark');
    assert.equal((await map.page.locator('#list').boundingBox())!.height, higher);
    assert.equal(await map.page.locator('#list-current').isVisible(), false);
    await map.page.locator('#list-close').click();
    assert.equal(await toggle.getAttribute('aria-checked'), 'false');
    assert.equal(await map.page.locator('#list').isVisible(), false);
    assert.equal(await map.page.locator('#map:focus').count(), 1);
  });

  it('has only the rows in sight in the page, and says how many there are', async () => {
    await openList();
    const few = async (): Promise<void> => {
      assert.ok((await map.page.locator('#list-rows > *').count()) < 60);
    };
    await few();
    assert.equal(await map.page.locator('#list-grid').getAttribute('aria-rowcount'), '100295');
    await press('End');
    await expectSelected(/0x10061\w+ 0x00000004 done/);
    assert.equal(await selected().getAttribute('aria-rowindex'), '100295');
    await few();
    await map.page.locator('#list-grid').hover();
    await map.page.mouse.wheel(0, -10_000_000);
    await waitFor(
      'the first row',
      async () => (await map.page.locator('#list-row-0:not([hidden])').count()) === 1,
      async () => rows().allInnerTexts(),
    );
  });

  it('is used with the keys alone', async () => {
    await openList();
    await press('Home', 'ArrowDown', 'ArrowDown');
    await expectSelected(/^1 0x10000008 0x80002008 source 0x20001 0x80002/);
    assert.equal(
      await map.page.locator('#list-grid').getAttribute('aria-activedescendant'),
      await selected().getAttribute('id'),
    );
    await press('PageDown', 'PageUp', 'Enter');
    await map.textMatches('#details-title', /0x80002$/);
    assert.equal(await map.page.locator('#list-grid:focus').count(), 1);
    await press('Control+Enter');
    await hostShowsExchange(1);
    await press('Control+f');
    assert.equal(
      await map.page.locator('#list-search vscode-textfield:focus-within, #list-search vscode-textfield:focus').count(),
      1,
    );
    await map.page.keyboard.press('Escape');
    await map.page.keyboard.press('Escape');
    assert.equal(await map.page.locator('#map:focus').count(), 1);
  });

  it('finds page frames, addresses and numbers, and says how many', async () => {
    await openList();
    await find('0x20200');
    await map.textMatches('#list-matches', /1 of 2$/);
    await expectSelected(/destination/);
    await map.page.keyboard.press('Enter');
    await map.textMatches('#list-matches', /2 of 2$/);
    await expectSelected(/^512 .*0x20200 0x80400/);
    await map.page.keyboard.press('Shift+Enter');
    await map.textMatches('#list-matches', /1 of 2$/);
    await find('77777');
    await expectSelected(/^77777 /);
    await find('0x10000008');
    await expectSelected(/^1 /);
    await find('0xfffff');
    await map.textMatches('#list-matches', /No results/);
    await find('swapper_pg_dir');
    await map.textMatches('#list-matches', /No number/);
  });

  it('follows the exchange as long as its row is in sight', async () => {
    await walk(50_000, 1);
    await openList();
    await expectSelected(/^50000 .*1 of 3 copies/);
    const current = async (): Promise<string> =>
      (await map.page.locator('.list-row.now:not([hidden])').allInnerTexts()).join();
    for (const done of [50_001, 50_040, 80_000]) {
      await walk(done, 0);
      await waitFor(`${done} in sight`, async () => (await current()).startsWith(`${done}`), current);
    }
    await press('Home');
    await walk(80_001, 2);
    await waitFor(
      'the first rows',
      async () => (await rows().first().isVisible()) && (await current()) === '',
      current,
    );
    await map.page.locator('#list-current').click();
    await expectSelected(/^80001 .*2 of 3 copies/);
    assert.match(await rows().filter({ hasText: '80000' }).first().innerText(), /done/);
    assert.match(await rows().filter({ hasText: '80002' }).first().innerText(), /to come/);
  });

  it('leads from a page of the map to its entry, and to its exchange', async () => {
    await map.page.locator('#go-to input').fill('pfn 0x20005');
    await map.page.keyboard.press('Enter');
    await map.textMatches('#details', /Exchange 5/);
    await map.page.getByRole('button', { name: 'Show Exchange 5' }).click();
    await hostShowsExchange(5);
    await map.page.getByRole('button', { name: 'Exchange 5 in the Page List' }).click();
    await expectSelected(/^5 .*0x20005/);
    await selected().hover();
    await selected().getByTitle('Show in the Page Map (Enter)').click();
    await map.textMatches('#details-title', /0x8000a$/);
  });

  it('opens at an exchange that the host names', async () => {
    await map.send({ type: 'showList', exchange: 99_999 });
    await expectSelected(/^99999 /);
    await map.send({ type: 'exchanges', exchanges: new Uint32Array(), progress: { done: 0, isReturn: false } });
    await map.page.locator('#list').waitFor({ state: 'hidden' });
    assert.equal(await map.page.locator('#list-toggle').isVisible(), false);
  });

  it('has only the rows in sight in the page, however far it is scrolled', async () => {
    await openList();
    const most = await map.page.evaluate<number>(`new Promise((resolve) => {
      const grid = document.querySelector('#list-grid');
      let most = 0;
      let frames = 0;
      const frame = () => {
        grid.scrollTop += 4321;
        most = Math.max(most, document.querySelectorAll('#list-rows [role=row]').length);
        if (++frames === 300) resolve(most);
        else requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    })`);
    assert.ok(most < 100, `${most} rows`);
    const inSight = async (): Promise<string> => (await rows().first().innerText()).replaceAll(/\s+/g, ' ');
    const { scrolled, height } = await map.page.evaluate<{ scrolled: number; height: number }>(`({
      scrolled: document.querySelector('#list-grid').scrollTop,
      height: document.querySelector('#list-rows [role=row]').getBoundingClientRect().height,
    })`);
    assert.ok(scrolled > 1_000_000, `${scrolled} pixels`);
    const first = Math.floor(scrolled / height);
    await waitFor(
      `an entry near ${first}`,
      async () => Math.abs(parseInt(await inSight(), 10) - first) < first / 100,
      inSight,
    );
  });

  for (const theme of ['dark', 'light', 'high contrast'] satisfies ThemeName[]) {
    it(`can be looked at: ${theme}`, async () => {
      await walk(511, 1);
      await map.setTheme(theme);
      await openList();
      await find('0x20200');
      await press('ArrowDown');
      await rows().nth(3).hover();
      await map.page.screenshot({ path: join(PICTURES, `list-${theme.replace(' ', '-')}.png`) });
    });
  }

  it('has room in a narrow window', async () => {
    await map.page.setViewportSize({ width: 560, height: 900 });
    await openList();
    await map.page.screenshot({ path: join(PICTURES, 'list-narrow.png') });
    assert.ok((await map.box()).height > 150);
  });
});
