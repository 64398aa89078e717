/** A saved memory image in VS Code: opened as a file, looked at with the keys and the mouse. */
import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { saveImage } from '../guest/savedImage.ts';
import { pageOf, writeKdump, writeRepeatingElf } from '../unit/imageFiles.ts';
import { waitFor } from '../vscode/waiting.ts';
import { useCodeWindow } from './codeWindow.ts';
import { BOOT_LIMIT_MS, launchFiles, NO_STOPS, startKernelA } from './launching.ts';
import { expectNoSession } from './stops.ts';
import { takeTabPicture } from './readmePicture.ts';

const CUT_AT = 150 << 20;
/** So much that reading it takes long. Of a file with larger holes it would be asked where they are. */
const HUGE = { loads: 250, length: 960 << 20 };

describe('a saved memory image in VS Code', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-image-'));
  const image = join(folder, 'saved.vmcore');
  const cut = join(folder, 'cut.vmcore');
  const huge = join(folder, 'huge.vmcore');
  let entry: number;
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const window = useCodeWindow(async () => {
    entry = await saveImage(image, 'low');
    copyFileSync(image, cut);
    truncateSync(cut, CUT_AT);
    const headers = writeRepeatingElf(HUGE.loads, HUGE.length);
    writeFileSync(huge, headers);
    truncateSync(huge, headers.length + HUGE.length);
    const files = {
      ...launchFiles(NO_STOPS),
      'notes.txt': 'This is no memory image.\n',
      'broken.vmcore': 'Nor is this.\n',
    };
    return {
      files,
      links: { 'saved.vmcore': image, 'cut.vmcore': cut, 'huge.vmcore': huge, ...splitSet() },
      viewport: { width: 1440, height: 1000 },
    };
  });
  const workbench = () => window().workbench;

  /** Two parts of one dump, in folders of their own. */
  function splitSet(): Record<string, string> {
    const pages = new Map([5, 40].map((pfn) => [pfn, { bytes: pageOf(pfn), method: 'none' as const }]));
    const parts = [0, 30].map((startPfn) => {
      const path = join(folder, `from-${startPfn}`);
      writeFileSync(path, writeKdump({ layout: 32, maxMapnr: 60, pages, split: { startPfn, endPfn: startPfn + 30 } }));
      return path;
    });
    return { 'a/one.kdump': parts[0]!, 'b/two.kdump': parts[1]! };
  }

  async function open(name: string): Promise<void> {
    await workbench().press('Control+p');
    await workbench().typeIntoInput(name);
    await waitFor(
      `The file ${name} in the list of files`,
      async () => (await workbench().quickPickItems())[0] === name,
      () => workbench().quickPickItems(),
    );
    await workbench().press('Enter');
  }
  const text = async (selector: string): Promise<string> =>
    (await workbench().webview().locator(selector).first().innerText()).replaceAll(/\s+/g, ' ');
  async function shows(selector: string, expected: RegExp): Promise<void> {
    await waitFor(
      `${String(expected)} in ${selector} of the image`,
      async () => expected.test(await text(selector).catch(() => '')),
      async () => text(selector).catch((error: unknown) => String(error)),
    );
  }
  async function documentShows(name: string, expected: RegExp): Promise<void> {
    const editor = workbench().page.locator('.editor-group-container.active .view-lines').last();
    const seen = async (): Promise<string> => (await editor.innerText().catch(() => '')).replaceAll('\u00a0', ' ');
    await waitFor(
      `${String(expected)} in ${name}`,
      async () => (await workbench().activeEditor())?.includes(name) === true && expected.test(await seen()),
      seen,
    );
  }
  const documentLinks = (): Locator => {
    const editor = workbench().page.locator('.editor-group-container.active');
    return editor.locator('.detected-link, .detected-link-active');
  };
  async function goTo(place: string): Promise<void> {
    const field = workbench().webview().locator('#go-to input');
    await field.fill(place);
    await field.press('Enter');
  }
  /** Waits for a question, or for what is said against its answer: until it is there, what is typed goes elsewhere. */
  async function asked(prompt: string): Promise<void> {
    await workbench().page.locator('.quick-input-widget:visible', { hasText: prompt }).waitFor();
  }
  async function act(action: string): Promise<void> {
    await workbench().webview().getByRole('button', { name: action }).click();
  }

  it('opens as a file does, and says what it is', async () => {
    await open('saved.vmcore');
    await shows('#about', /saved\.vmcore: Memory of Linux 6\.1\.192-kexec-jump/);
    await shows(
      '#about',
      /Format ELF32 core with EM_386.*Kernel that left Linux 6\.1\.192-kexec-jump.*Re-entry point 0x[0-9a-f]+d7/,
    );
    await shows('#legends', /Page cache.*Anonymous.*Slab/);
    await shows('body', /7,936 of 7,936 exchanged/);
    await takeTabPicture(workbench(), 'saved.vmcore', 'memory-image.png');
  });

  it('shows what it has of each page, and what is known of one', async () => {
    await goTo('init_uts_ns');
    await shows('#details', /What a page is Kernel data.*Why It is reserved and lies between _etext and _end/);
    await shows('#details', /For the kernel it is page frame 0x1[0-9a-f]{3}/);
  });

  it('goes to any symbol of the kernel and to virtual addresses, or says why not', async () => {
    await goTo('no_such_symbol');
    await shows('#go-to-answer', /"no_such_symbol" is no address and no symbol of the kernel\. Type 0x…/);
    await goTo('vfs_read');
    await shows('#details', /Kernel text\. .*For the kernel it is.*Virtual 0xc1[0-9a-f]{6} Begins in \w+\+0x/);
    await shows('#go-to-answer', /^$/);
    await goTo('0xc1000000');
    await shows('#details', /For the kernel it is page frame 0x1000 Virtual 0xc1000000/);
  });

  it('shows the bytes of the selected page', async () => {
    await workbench().webview().locator('#details').getByRole('button', { name: 'Show Page' }).click();
    await documentShows('saved.vmcore Page pfn 0x', /Virtual 0xc1000000\n[\s\S]*The jump has moved that page/);
  });

  it('has the log of the kernel that left, as a document', async () => {
    await act('Kernel Log');
    await documentShows('saved.vmcore Kernel Log.txt', /\[ +0\.000000\] Linux version 6\.1\.192-kexec-jump/);
  });

  it('lists the tasks of the kernel that left, and where they sleep', async () => {
    await act('Tasks');
    await documentShows('saved.vmcore Tasks.txt', /SLEEPS IN[\s\S]* 2 +0 +2 +S +0x[0-9a-f]{8} +kthreadd +\[kthreadd\]/);
  });

  it('says whether it can be resumed, rule by rule', async () => {
    await act('Can It Be Resumed?');
    await documentShows(
      'saved.vmcore Can It Be Resumed.txt',
      /This image can be resumed\.[\s\S]*5\. holds +Page list: Its 7936 exchanges/,
    );
  });

  it('is judged by the memory that a person gives kernel C, which is asked for in MiB', async () => {
    await workbench().followLink(documentLinks().last());
    await asked('MiB that the kernel has which is to resume this image');
    await workbench().typeIntoInput('128 MB');
    await asked('A whole number of MiB: 256');
    await workbench().answerInput('128');
    await documentShows(
      'saved.vmcore Can It Be Resumed.txt',
      /This image cannot be resumed\.[\s\S]*9\. BROKEN +Size: .* Kernel C has 128 MiB: it can do neither\./,
    );
    await workbench().runCommand('Kexec Jump: Set Memory of Kernel C…');
    await asked('MiB that the kernel has which is to resume this image');
    await workbench().answerInput('1024');
    await documentShows(
      'saved.vmcore Can It Be Resumed.txt',
      /This image can be resumed\.[\s\S]*9\. holds +Size: .* Kernel C has 1024 MiB: it can load them\./,
    );
  });

  it('shows a page by its address, with the way there', async () => {
    await act('Show Page…');
    await workbench().answerInput('linux_banner');
    await documentShows('saved.vmcore Page linux_banner.txt', /Virtual 0xc1[\s\S]*The jump has moved that page/);
  });

  it('is searched: the matches are on the map, and as a document whose links lead there', async () => {
    await act('Search…');
    await workbench().pick('Text');
    await asked('Text, as it is in memory');
    await workbench().answerInput('Linux version 6.1.192');
    await documentShows(
      'saved.vmcore Search.txt',
      /matches in \d+ pages\.[\s\S]*virtual[\s\S]*linux_banner\+0x0 +4c 69 6e 75 78/,
    );
    await shows('#legends', /No match \d[\d,]* Match \d/);
    const link = documentLinks().first();
    const address = await link.innerText();
    await workbench().followLink(link);
    await shows(
      '#details',
      new RegExp(`Page frame ${address.slice(0, -3)} .*Search: Linux version 6\\.1\\.192 .* Match\\.`),
    );
  });

  it('is searched for a pointer from the palette, which says at once when that is none', async () => {
    await workbench().runCommand('Kexec Jump: Search Memory Image…');
    await workbench().pick('Pointer');
    await asked('A value 0x…, a symbol');
    await workbench().typeIntoInput('no_such_symbol');
    await asked('"no_such_symbol" is no value of 4 bytes and no symbol of the kernel');
    await workbench().answerInput('init_task');
    await documentShows(
      'saved.vmcore Search.txt',
      /Search for the pointer init_task \([0-9a-f]{2} [0-9a-f]{2} [0-9a-f]{2} c1\)/,
    );
  });

  it('is compared with another one, on the map and as a document', async () => {
    await act('Compare with…');
    const field = workbench().page.locator('.quick-input-widget:visible input[type=text]').first();
    await waitFor(
      'The folder in the dialog',
      async () => (await field.inputValue()).endsWith('/workspace/'),
      async () => field.inputValue(),
    );
    await field.fill(cut);
    // The dialog goes to the folder first, and takes the file once it has read that.
    await waitFor(
      'The end of the dialog',
      async () => {
        if (!(await field.isVisible())) return true;
        // It may have gone since.
        await field.press('Enter', { timeout: 1000 }).catch(() => undefined);
        return false;
      },
      () => workbench().notificationsSeen(),
    );
    await documentShows('saved.vmcore Comparison.txt', /pages of the first[\s\S]*No code of the kernel differs\./);
    await shows('#legends', /The same \d.*Only here \d/);
  });

  it('is shown by the jump that a person names, or by none', async () => {
    await act('Set Re-entry Point…');
    await workbench().pick('None');
    await waitFor(
      'An image without a jump',
      async () => !(await text('#about')).includes('Re-entry point 0x'),
      async () => text('#about'),
    );
    await act('Set Re-entry Point…');
    await workbench().pick('Another Address…');
    await asked('Physical address: the number behind');
    await workbench().typeIntoInput('0x1000');
    await asked('Physical 0x1000 is no re-entry point of a kernel');
    await workbench().answerInput(`0x${entry.toString(16)}`);
    await shows('#about', new RegExp(`Kernel that left.*Re-entry point 0x${entry.toString(16)}`));
    await shows('body', /7,936 of 7,936 exchanged/);
  });

  it('is read no further when a person cancels it, and again when asked to', async () => {
    const toast = workbench().page.locator('.notifications-toasts .notification-list-item', {
      hasText: /Reading huge\.vmcore.*Looking for re-entry points: \d+ %/,
    });
    for (const again of [false, true]) {
      if (again) await workbench().webview().getByRole('link', { name: 'Read it again' }).click();
      else await open('huge.vmcore');
      await toast.waitFor();
      await workbench().clickNotification(/Reading huge\.vmcore/, 'Cancel');
      await shows('body', /Reading huge\.vmcore was cancelled\. Read it again/);
      await toast.waitFor({ state: 'hidden' });
    }
  });

  it('is shown as far as it goes, when it was cut off', async () => {
    await open('cut.vmcore');
    // The control page, and with it the kernel's own view, may be in the part that is gone.
    await shows('#about', /cut\.vmcore: Memory.*ELF32 core with EM_386/);
    await shows('#about .problems', /cut\.vmcore is cut off or has gaps: [\d.]+ MiB/);
  });

  it('is none when the file is something else, which a sentence says', async () => {
    await open('broken.vmcore');
    await shows('body', /broken\.vmcore cannot be opened as a memory image: .*It begins with 4e 6f 72/);
  });

  it('is made of several files that are selected together', async () => {
    const file = (name: string): Locator =>
      workbench().page.locator('.explorer-viewlet').getByText(name, { exact: true });
    await file('a').click();
    await file('one.kdump').click();
    await shows(
      '#about',
      /one\.kdump: Memory image.*Parts 1 of a split set.*missing: those with the page frames 30 to 59/,
    );
    await file('b').click();
    await file('one.kdump').click();
    await file('two.kdump').click({ modifiers: ['Control'] });
    await file('two.kdump').click({ button: 'right' });
    const item = workbench().page.locator('.monaco-menu .action-item', { hasText: 'Open as Memory Image…' });
    await item.waitFor();
    // A menu that has just been opened takes no click.
    await waitFor(
      'The end of the menu',
      async () => {
        await item.click({ timeout: 1000 }).catch(() => undefined);
        return !(await item.isVisible());
      },
      () => workbench().notificationsSeen(),
    );
    await shows('#about', /one\.kdump: Memory image.*Parts 2 of a split set/);
  });

  it('is compared with the machine of a session that is under way', async () => {
    await startKernelA(workbench());
    await open('saved.vmcore');
    await shows('#about', /saved\.vmcore: Memory/);
    await workbench().runCommand('Kexec Jump: Compare Memory Image with…');
    await workbench().pick('The Running Machine');
    await documentShows(
      'saved.vmcore Comparison.txt',
      /Second: .*: Linux 6\.1\.192-kexec-jump[\s\S]*kernelText[\s\S]*No code of the kernel differs\./,
    );
  });

  it('is debugged: the stack of the kernel that left, down to the system call', async () => {
    await workbench().press('Shift+F5');
    await expectNoSession(workbench());
    await open('saved.vmcore');
    await shows('#about', /saved\.vmcore/);
    await act('Debug This Image');
    const { debug } = workbench();
    await waitFor(
      'The stack of kernel A',
      async () => {
        const names = (await debug.stackFrames()).map(({ name }) => name);
        return names[0] === 'machine_kexec' && names[1] === 'kernel_kexec' && names.includes('__do_sys_reboot');
      },
      async () => ({ frames: await debug.stackFrames(), notifications: await workbench().notificationsSeen() }),
      BOOT_LIMIT_MS,
    );
    await workbench().press('Shift+F5');
    await waitFor(
      'The end of the session',
      async () => (await debug.threads()).length === 0,
      async () => debug.threads(),
    );
  });
});
