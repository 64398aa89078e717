/** The swap of pages as a person sees it: steps by keys, and the page map of the real machine beside the editor. */
import assert from 'node:assert/strict';
import { SideBarTree } from '../vscode/views.ts';
import { waitFor } from '../vscode/waiting.ts';
import { useCodeWindow } from './codeWindow.ts';
import { pagesOfText } from './labSource.ts';
import { launchFiles, start } from './launching.ts';
import { waitForNothing } from './leftovers.ts';
import { takeTabPicture } from './readmePicture.ts';
import { expectNoSession, expectStop } from './stops.ts';

const EXCHANGE = 'movl $1024, %ecx';
/** To look through a view of a few rows' height, in a busy window more than once. */
const SCROLLING_LIMIT_MS = 60_000;

describe('the swap of pages in VS Code', () => {
  const window = useCodeWindow(() => ({
    files: launchFiles({ stopAt: ['swapping pages', 'B running'], audit: true }),
    viewport: { width: 1600, height: 1700 },
  }));
  const workbench = () => window().workbench;

  const stopsAt = async (line: string): Promise<void> =>
    expectStop(workbench(), {
      status: 'Kernel A: swapping pages',
      file: 'arch/x86/kernel/relocate_kernel_32.S',
      line,
      frames: ['swap_pages'],
      thread: 'Kernel A (live)',
    });
  const mapShows = async (selector: string, expected: RegExp): Promise<void> => {
    const text = async (): Promise<string> =>
      ((await workbench().webview().locator(selector).textContent()) ?? '').replaceAll(/\s+/g, ' ');
    await waitFor(`${expected.source} in ${selector} of the page map`, async () => expected.test(await text()), text);
  };

  const documentEditor = (name: string) =>
    workbench().page.locator(`.editor-instance[aria-label*="${name}"] .view-lines`).first();
  const documentText = async (name: string): Promise<string> =>
    (await documentEditor(name).innerText()).replaceAll('\u00a0', ' ');
  const documentShows = async (name: string, expected: RegExp): Promise<void> => {
    const text = async (): Promise<string> => documentText(name);
    await waitFor(`${expected.source} in ${name}`, async () => expected.test(await text()), text);
  };
  const selectedEntry = '#list-rows [aria-selected=true]:not([hidden])';

  it('begins at the phase "swapping pages", with steps back in the toolbar', async () => {
    await start(workbench());
    await stopsAt('movl 8(%esp), %edx');
    assert.ok((await workbench().debug.toolbar()).includes('Step Back'));
  });

  it('is told in the view Jump: what comes next, the phases, the segments, the machine', async () => {
    const view = new SideBarTree(workbench(), 'Jump');
    await view.expand();
    const rows = async (): Promise<string[]> =>
      (await view.allRows()).map(({ label, description }) => `${label} ${description}`.trim());
    const expected = [
      /^Each destination changes places with its source/,
      /^Phases swapping pages$/,
      /^leaving A \d+\.\d\d s$/,
      /^Kernel A live$/,
      /^Window 0x02000000 – 0x03ffffff, 32 MiB$/,
      /^Page list 8192 destinations$/,
      /^Segments 6 loaded by kexec$/,
      /^Control page of kernel A 0x0[0-9a-f]{7}$/,
      /^Machine paging is off$/,
    ];
    await waitFor(
      'The rows of the view Jump',
      async () => {
        const seen = await rows();
        return expected.every((text) => seen.some((row) => text.test(row)));
      },
      rows,
      SCROLLING_LIMIT_MS,
    );
  });

  it('goes on by page with F10', async () => {
    await workbench().press('F10');
    await stopsAt(EXCHANGE);
  });

  it('shows the three pages of the exchange side by side, copy by copy', async () => {
    await workbench().runCommand('Kexec Jump: Swap: Show the Exchange');
    const shows = async (expected: RegExp): Promise<void> => documentShows('Exchange.txt', expected);
    await shows(/Exchange 0 of 8192, by the entry at 0x[0-9a-f]{8} of the page list/);
    await shows(/0 of 3 copies are done; next: source to swap page/);
    await workbench().runCommand('Kexec Jump: Swap: One Copy');
    await shows(/1 of 3 copies are done; next: destination to source/);
    await shows(/Swap page +page frame 0x[0-9a-f]{5} +holds kernel B's page/);
  });

  it('is seen in the page map: what each page is, whose content it holds, how many are exchanged', async () => {
    await workbench().runCommand('Kexec Jump: Show Page Map');
    await mapShows('#extent', /256 MiB, 65,536 pages/);
    await mapShows('#classes', new RegExp(`Kernel text ?${pagesOfText().toLocaleString('en')}`));
    await mapShows('#owners', /Kernel B ?8,192/);
    await mapShows('body', /0 of 8,192/);
  });

  it('has the phases above the map, the one of now at the end', async () => {
    await mapShows('#timeline', /A quiescing ?[\d.]+ m?s.*leaving A ?[\d.]+ m?s.*swapping pages ?since \d/);
    await mapShows('#timeline [aria-current=step]', /swapping pages/);
  });

  it('lists the entries below the map, at the exchange that is being made', async () => {
    await new SideBarTree(workbench(), 'Jump').clickInRow('Page list', 'Show Page List');
    await mapShows('#list-count', /8,2\d\d entries/);
    await mapShows(selectedEntry, /^0 ?0x[0-9a-f]{8}.*source.*1 of 3 copies/);
    await workbench().runCommand('Kexec Jump: Swap: One Copy');
    await mapShows(selectedEntry, /2 of 3 copies/);
    await stopsAt('movl %eax, %edi');
  });

  it('finds an exchange in the list, and leads from there to the map, to its pages, and on', async () => {
    const map = workbench().webview();
    await map.locator('#list-search input').fill('#4000');
    await mapShows('#list-matches', /1 of 1/);
    await mapShows(selectedEntry, /^4000.*to come/);
    await map.locator('#list-grid').focus();
    await workbench().press('Enter');
    await mapShows('#details', /Exchange 4000/);
    await map.getByRole('button', { name: 'Show Exchange 4000' }).click();
    await documentShows('Exchange 4000.txt', /^Exchange 4000 of 8192, by the entry at 0x[0-9a-f]{8} of the page list/);
    await workbench().page.locator('.codelens-decoration a', { hasText: 'Next' }).click();
    await documentShows('Exchange 4001.txt', /0 of 3 copies are done/);
  });

  it('leads from an exchange to the map with the keys, and to the list', async () => {
    const pfn = /Destination +page frame 0x0*([0-9a-f]+)/.exec(await documentText('Exchange 4001.txt'))![1]!;
    // VS Code looks for links a moment after a document is there.
    await documentEditor('Exchange 4001.txt').locator('.detected-link').first().waitFor();
    await documentEditor('Exchange 4001.txt').getByText('Destination').first().click();
    // From the name of the page over "page frame" into the number.
    for (const key of ['Home', ...Array<string>(3).fill('Control+ArrowRight'), 'ArrowRight', 'ArrowRight']) {
      await workbench().press(key);
    }
    await workbench().runCommand('Open Link');
    await mapShows('#details-title', new RegExp(`^Page frame 0x${pfn}$`));
    await workbench().page.locator('.codelens-decoration a', { hasText: 'Page List' }).click();
    await mapShows(selectedEntry, /^4001/);
    const tab = workbench().page.locator('.tab', { hasText: 'Exchange 4001.txt' });
    await tab.hover();
    await tab.locator('.tab-actions .action-label').click();
    await workbench().webview().locator('#list-close').click();
    await workbench().webview().locator('#zoom-fit').click();
  });

  it('moves the page map with each step, forward and back', async () => {
    await workbench().page.locator('.monaco-editor .view-lines').first().click();
    await workbench().press('F10');
    await mapShows('body', /1 of 8,192/);
    await workbench().debug.clickToolbar('Step Back');
    await mapShows('body', /0 of 8,192/);
    await stopsAt(EXCHANGE);
  });

  it('goes to a page by its number from the palette', async () => {
    await workbench().runCommand('Kexec Jump: Swap: To a Page by Number…');
    await workbench().answerInput('5000');
    await mapShows('body', /5,000 of 8,192/);
    await stopsAt(EXCHANGE);
  });

  it('shows both kernels when kernel B runs', async () => {
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel B: B running',
      file: 'init/main.c',
      line: '',
      frames: ['run_init_process'],
      thread: 'Kernel B (live)',
    });
    await mapShows('#classes', new RegExp(`Kernel text ?${(2 * pagesOfText()).toLocaleString('en')}`));
    await mapShows('body', /8,192 of 8,192/);
    assert.ok(!(await workbench().debug.toolbar()).includes('Step Back'));
    await takeTabPicture(workbench(), 'Page Map', 'page-map.png');
  });

  it('was exact: the audit says so, as a layer of the page map and as a report', async () => {
    await mapShows('body', /What the audit says/);
    await workbench().runCommand('Kexec Jump: Show Audit Report');
    const text = async (): Promise<string> => {
      const editor = workbench().page.locator('.editor-instance[aria-label*="Audit.txt"] .view-lines');
      return (await editor.first().innerText()).replaceAll('\u00a0', ' ');
    };
    await waitFor(
      'The report of the audit',
      async () => (await text()).includes('Audit of jump 1: kernel A into kernel B'),
      text,
    );
    assert.match(await text(), /Exact: each destination holds what its source held/);
    assert.doesNotMatch(await text(), /VIOLATION/);
  });

  it('ends without a trace', async () => {
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });
});
