/** The page map in an editor tab: its resources, its messages through VS Code, its colours by VS Code's own themes. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { waitFor } from '../vscode/waiting.ts';
import { useCodeWindow } from './codeWindow.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

/** The few things of a browser's page that are used within it; the project is compiled without the DOM's types. */
interface Browser {
  getComputedStyle(element: unknown): { fontFamily: string };
}
interface Canvas {
  height: number;
  getContext(kind: '2d'): { getImageData(...area: [number, number, number, number]): { data: Uint8ClampedArray } };
}

/** What package.json says of the extension that shows the map. */
const MANIFEST = {
  name: 'page-map-test',
  publisher: 'kexec-jump',
  displayName: 'Page map of a test',
  version: '0.0.1',
  license: 'MIT',
  engines: { vscode: '^1.100.0' },
  main: './main.cjs',
  contributes: {
    commands: [
      { command: 'pageMapTest.open', title: 'Page Map Test: Open' },
      { command: 'pageMapTest.exchange', title: 'Page Map Test: Exchange' },
    ],
  },
};

describe('the page map in VS Code', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kexec-page-map-'));
    await build({
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['vscode'],
      entryPoints: [join(import.meta.dirname, 'pageMapExtension.ts')],
      outfile: join(folder, 'main.cjs'),
    });
    await cp(join(REPOSITORY, 'dist', 'webview'), join(folder, 'dist', 'webview'), { recursive: true });
    await writeFile(join(folder, 'package.json'), JSON.stringify(MANIFEST));
    await writeFile(join(folder, '.vscodeignore'), '');
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  const window = useCodeWindow(() => ({ files: { 'README.txt': 'A workspace.\n' }, extensions: [folder] }));
  const workbench = () => window().workbench;
  const tab = () => workbench().page.locator('.tab', { hasText: 'Page Map' });
  const text = async (selector: string): Promise<string> =>
    ((await workbench().webview().locator(selector).textContent()) ?? '').replaceAll(/\s+/g, ' ');
  const expectText = async (selector: string, expected: RegExp): Promise<void> => {
    await waitFor(
      `${expected.source} in ${selector}`,
      async () => expected.test(await text(selector)),
      async () => text(selector),
    );
  };

  it('opens beside the editor, and shows 4 GiB', async () => {
    await workbench().runCommand('Page Map Test: Open');
    await expectText('#extent', /4 GiB, 1,048,576 pages/);
    await expectText('#classes', /Page cache ?345,029/);
    const icon = workbench().webview().locator('#zoom-in .codicon');
    const font = await icon.evaluate(
      (element) => (globalThis as unknown as Browser).getComputedStyle(element).fontFamily,
    );
    assert.match(font, /codicon/);
  });

  it('is used with keys, which VS Code leaves to it', async () => {
    await workbench().webview().locator('#map').click();
    await workbench().press('Control+End');
    await expectText('#announcement', /Page frame 0xfffff/);
    await expectText('#details', /struct page ?0x/);
    await workbench().press('g');
    await workbench().type('init_task');
    await workbench().press('Enter');
    await expectText('#details-title', /0x4321$/);
  });

  it('follows the memory', async () => {
    await workbench().runCommand('Page Map Test: Exchange');
    await expectText('#progress', /100 of 16,384 exchanged/);
    await expectText('#details-title', /0x20000$/);
    await expectText('#details', /Exchange 0 ?done, source 0xb3333/);
  });

  it('is where it was when its tab is shown again', async () => {
    await workbench().webview().locator('vscode-checkbox', { hasText: 'Slab' }).click();
    await workbench().webview().locator('#map').click();
    await expectText('#details-title', /0x[0-9a-f]+$/);
    const title = await text('#details-title');
    await workbench().page.waitForTimeout(500);
    await workbench().openFile('README.txt');
    assert.equal(await workbench().page.locator('iframe.webview.ready').count(), 0);
    await tab().click();
    await expectText('#extent', /4 GiB/);
    assert.equal(await text('#details-title'), title);
    const box = workbench().webview().locator('vscode-checkbox', { hasText: 'Slab' });
    assert.equal(await box.evaluate((element) => (element as unknown as { checked: boolean }).checked), false);
  });

  it('takes the colours of another theme at once', async () => {
    const corner = async (): Promise<string> =>
      workbench()
        .webview()
        .locator('#map')
        .evaluate((element) => {
          const canvas = element as unknown as Canvas;
          return canvas
            .getContext('2d')
            .getImageData(1, canvas.height - 2, 1, 1)
            .data.join();
        });
    await workbench().webview().locator('#zoom-fit').click();
    await workbench().runCommand('Preferences: Toggle between Light/Dark Themes');
    await waitFor('a white map', async () => (await corner()) === '255,255,255,255', corner);
  });

  it('lets the memory go when its tab is closed', async () => {
    await tab().hover();
    await tab().locator('.tab-actions .action-label').click();
    await workbench().waitForNotification('The memory was let go');
  });
});
