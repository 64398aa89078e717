import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startBrowser, type BrowserSession } from '../vscode/browser.ts';
import { waitFor } from '../vscode/waiting.ts';
import { MapPage } from './mapPage.ts';
import { PAGES_OF_4_GIB, SyntheticMemory } from './syntheticMemory.ts';
import type { ThemeName } from './themes.ts';

const PICTURES = join(import.meta.dirname, '..', '..', 'test-results', 'page-map');
const WINDOW = PAGES_OF_4_GIB >> 3;

describe('page map in a browser', () => {
  let browser: BrowserSession;
  let memory: SyntheticMemory;
  let map: MapPage;

  const goTo = async (place: string): Promise<void> => {
    await map.page.locator('#go-to input').fill(place);
    await map.page.keyboard.press('Enter');
    await map.page.waitForTimeout(400);
  };
  const press = async (...keys: string[]): Promise<void> => {
    await map.page.locator('#map').focus();
    for (const key of keys) await map.page.keyboard.press(key);
  };
  const middle = async (): Promise<{ x: number; y: number }> => {
    const { width, height } = await map.box();
    return { x: width / 2, y: height / 2 };
  };
  /** Moves the mouse to a point of the map. */
  const point = async (x: number, y: number): Promise<void> => {
    const box = await map.box();
    await map.page.mouse.move(box.x + x, box.y + y);
  };
  const picture = async (name: string): Promise<void> => {
    await map.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  };

  before(async () => {
    await mkdir(PICTURES, { recursive: true });
    browser = await startBrowser({ width: 1280, height: 860 });
  });
  beforeEach(async () => {
    memory = new SyntheticMemory();
    map = await MapPage.open(browser, memory, 'dark');
  });
  afterEach(async () => {
    assert.deepEqual(map.errors, []);
    await map.page.close();
  });
  after(async () => browser.close());

  it('shows all of 4 GiB, and says so', async () => {
    assert.match(await map.text('#extent'), /4 GiB, 1,048,576 pages/);
    assert.equal(await map.page.locator('#map').getAttribute('aria-label'), memory.model.title);
    assert.match(await map.text('#classes'), /Free 380,528/);
    assert.match(await map.text('#owners'), /Both kernels 1/);
    // The free part of the window is one faint colour; it has no lines in it while a page is less than a pixel.
    const { x } = await middle();
    assert.deepEqual(await map.pixel(x, 130), await map.pixel(x + 100, 135));
    assert.notDeepEqual(await map.pixel(x, 130), await map.pixel(2, 130));
  });

  it('goes to a region, an address and a page frame, and says why not', async () => {
    await goTo('control page');
    await map.textMatches('#announcement', /Page frame 0x9c28f.*kexec control page, Both kernels/);
    await goTo('0x20000000');
    await map.textMatches('#details-title', /0x20000$/);
    await goTo('pfn 0x1234');
    await map.textMatches('#details-title', /0x1234$/);
    await goTo('pfn 0x100000');
    await map.textMatches('#go-to-answer', /Beyond the end/);
    await goTo('0x100000000');
    await map.textMatches('#go-to-answer', /There is no "0x100000000" here/);
    await goTo('init_task');
    await map.textMatches('#go-to-answer', /There is no "init_task" here/);
  });

  it('is used with the keys alone', async () => {
    await press('Control+End');
    await map.textMatches('#announcement', /Page frame 0xfffff/);
    await press('Home', 'ArrowUp', 'ArrowRight');
    await map.textMatches('#details-title', /0xff801$/);
    await press('Control+Home', 'n');
    await map.textMatches('#announcement', /Page frame 0x1, .*Reserved/);
    await press('Enter');
    assert.equal(await map.page.locator('#details:focus').count(), 1);
    await map.page.keyboard.press('Escape');
    assert.equal(await map.page.locator('#map:focus').count(), 1);
    await press('g');
    await map.page.keyboard.type('control page');
    await map.page.keyboard.press('Enter');
    await map.textMatches('#details-title', /0x9c28f$/);
    const before = await map.text('#announcement');
    await press('+', '+', '-', '0');
    assert.equal(await map.text('#announcement'), before);
  });

  it('asks the host for details, and follows a link in them', async () => {
    await goTo('pfn 0x20005');
    await map.textMatches('#details', /struct page.*0xf6f000a0/);
    assert.match(await map.text('#details'), /Exchange 5 to come, source 0xb333d/);
    await map.page.locator('#details button', { hasText: 'source 0xb333d' }).click();
    await map.textMatches('#details-title', /0xb333d$/);
    assert.deepEqual(map.heard.filter(({ type }) => type === 'selected').at(-1), { type: 'selected', pfn: 0xb333d });
  });

  it('leaves what can be clicked as it is when the host tells more', async () => {
    await goTo('pfn 0x20005');
    await map.textMatches('#details', /struct page.*0xf6f000a0/);
    const source = await map.page.locator('#details button', { hasText: 'source 0xb333d' }).elementHandle();
    await map.send({ type: 'details', pfn: 0x20005, rows: [{ label: 'Flags', value: 'locked' }] });
    await map.textMatches('#details', /locked/);
    assert.doesNotMatch(await map.text('#details'), /struct page/);
    await source.click();
    await map.textMatches('#details-title', /0xb333d$/);
  });

  it('does not ask for details of pages that are arrowed over', async () => {
    const asked = (): number => map.heard.filter(({ type }) => type === 'details').length;
    await map.page.waitForTimeout(300);
    const before = asked();
    await press(...Array<string>(20).fill('ArrowRight'));
    await map.textMatches('#details', /struct page/);
    assert.ok(asked() - before < 5, `${asked() - before} requests`);
  });

  it('selects with a click, pans with a drag, zooms with the wheel', async () => {
    const { x, y } = await middle();
    await point(x, y);
    for (let notch = 0; notch < 16; notch++) await map.page.mouse.wheel(0, -100);
    await map.page.waitForTimeout(200);
    await map.page.mouse.down();
    await map.page.mouse.up();
    const title = async (): Promise<string> => map.text('#details-title');
    const selected = await title();
    assert.notEqual(selected, 'Page frame 0x0');
    await map.page.mouse.down();
    await point(x + 50, y + 30);
    await map.page.mouse.up();
    assert.equal(await title(), selected);
    await map.page.mouse.down();
    await map.page.mouse.up();
    // The page came along with the hand.
    assert.equal(await title(), selected);
  });

  it('tells of the page under the mouse, with an arrow from destination to source', async () => {
    const { x, y } = await middle();
    await goTo(`${WINDOW + 40}`);
    await point(x, y);
    await waitFor(
      'the tooltip',
      async () => map.page.locator('#tooltip').isVisible(),
      () => map.errors,
    );
    assert.match(
      await map.text('#tooltip'),
      /Page frame 0x20028.*Destination, Kernel A.*Window of kernel B.*source 0xb3383/,
    );
    await press('0');
    await map.page.waitForTimeout(200);
    const arrow = await map.page.evaluate(`(() => {
      const canvas = document.querySelector('#map');
      const { data } = canvas.getContext('2d').getImageData(0, canvas.height / 2, canvas.width, 1);
      let bright = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at] === 204 && data[at + 1] === 204 && data[at + 2] === 204) bright++;
      return bright;
    })()`);
    assert.ok(Number(arrow) > 0, 'no arrow crosses the middle of the map');
    await point(0, 0);
    await picture('arrow');
  });

  it('leaves the focus on a checkbox that was switched with the keys', async () => {
    const box = map.page.getByRole('checkbox', { name: 'Slab' });
    await box.focus();
    await map.page.keyboard.press('Space');
    await map.page.waitForTimeout(200);
    assert.equal(await box.isChecked(), false);
    await map.page.keyboard.press('Space');
    assert.equal(await box.isChecked(), true);
  });

  it('dims what is switched off, and remembers it', async () => {
    await goTo('0x20800000');
    const { x, y } = await middle();
    const inCell = { x: x + 5, y: y + 40 };
    const bright = await map.pixel(inCell.x, inCell.y);
    await map.page.locator('vscode-checkbox', { hasText: 'Destination' }).click();
    const dim = await waitFor(
      `a pixel dimmer than ${bright.join()}`,
      async () => {
        const now = await map.pixel(inCell.x, inCell.y);
        return now[0]! < bright[0]! / 2 && now;
      },
      () => map.pixel(inCell.x, inCell.y),
    );
    await picture('filter');
    await map.reload('dark');
    assert.deepEqual(await map.pixel(inCell.x, inCell.y), dim);
    await map.textMatches('#details-title', /0x20800$/);
  });

  it('follows the guest while it runs', async () => {
    await goTo(`${WINDOW}`);
    const { x, y } = await middle();
    for (const change of memory.exchangeSome(100)) await map.send(change);
    await map.textMatches('#progress', /100 of 16,384 exchanged/);
    await map.textMatches('#details', /Exchange 0.*done, source/);
    assert.match(await map.text('#owners'), /Kernel B 16,384/);
    await point(x + 30, y);
    await picture('exchange');
    const { bytes } = memory.model.layers[0]!;
    await map.send(memory.churn(5000));
    const free = bytes.reduce((total, byte) => total + (byte === 0 ? 1 : 0), 0);
    await map.textMatches('#classes', new RegExp(`Free\\s*${free.toLocaleString('en-US')}`));
  });

  it('shows the one page in a million that is wrong', async () => {
    const wrong = 777_777;
    await map.send({ type: 'layer', layer: memory.audit(wrong), show: true });
    await map.textMatches('#classes', /Not what it should be\s*1/);
    await map.page.waitForTimeout(300);
    await picture('audit');
    const red = await map.page.evaluate(`(() => {
      const canvas = document.querySelector('#map');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at] === 241 && data[at + 1] === 76) count++;
      return count;
    })()`);
    assert.ok(Number(red) > 10, `${String(red)} red pixels`);
    await map.page.getByRole('button', { name: 'Next page: Not what it should be' }).click();
    await map.textMatches('#details-title', /0xbde31$/);
    await map.page.locator('#layers').click();
    await map.page.keyboard.press('ArrowUp');
    await map.page.keyboard.press('Enter');
    await map.textMatches('#classes legend', /What a page is/);
  });

  for (const theme of ['dark', 'light', 'high contrast'] satisfies ThemeName[]) {
    it(`takes its colours from the theme: ${theme}`, async () => {
      for (const change of memory.exchangeSome(3000)) await map.send(change);
      await map.setTheme(theme);
      await goTo('control page');
      await press('+', '+', '+', '+');
      await map.page.waitForTimeout(300);
      await picture(`words-${theme.replace(' ', '-')}`);
      await press('0');
      await map.page.waitForTimeout(300);
      await picture(`whole-${theme.replace(' ', '-')}`);
      const corner = { dark: [31, 31, 31], light: [255, 255, 255], 'high contrast': [0, 0, 0] }[theme];
      assert.deepEqual(await map.pixel(2, 200), corner);
    });
  }

  it('has room in a narrow window', async () => {
    await map.page.setViewportSize({ width: 520, height: 800 });
    await map.page.waitForTimeout(300);
    await picture('narrow');
    const [{ width }, panes] = [await map.box(), await map.page.locator('aside').boundingBox()];
    assert.ok(width > 380 && panes!.width === 520);
  });
});
