/** "Check Before a Jump" as a person has it: a report without a session, a question before a jump that breaks, and "Jump Anyway". */
import assert from 'node:assert/strict';
import { waitFor } from '../vscode/waiting.ts';
import { TALL_WINDOW, useCodeWindow } from './codeWindow.ts';
import { BOOT_LIMIT_MS, launchFiles, NO_STOPS, startKernelA } from './launching.ts';
import { waitForNothing } from './leftovers.ts';
import { expectNoSession } from './stops.ts';

/** Memory of kernel A that kernel B is given besides its window. */
const MEMORY_OF_A = 'memmap=64M@0x8000000';

describe('the check before a jump', () => {
  const window = useCodeWindow(() => ({
    files: launchFiles({ ...NO_STOPS, kernelB: { append: MEMORY_OF_A } }),
    viewport: TALL_WINDOW,
  }));
  const workbench = () => window().workbench;
  const report = async (): Promise<string> =>
    workbench().page.locator('.editor-instance[aria-label*="Before a Jump.md"] .view-lines').first().innerText();
  const reportWith = async (wanted: RegExp): Promise<void> => {
    await waitFor(
      `A report with ${String(wanted)}`,
      async () => wanted.test((await report().catch(() => '')).replaceAll(/\s+/g, ' ')),
      report,
    );
  };
  const dialogWith = async (wanted: RegExp): Promise<void> => {
    await waitFor(
      'The question before the jump',
      async () => wanted.test((await workbench().dialogText()) ?? ''),
      async () => workbench().dialogText(),
    );
  };

  it('judges what F5 would launch, without a session', async () => {
    await workbench().runCommand('Kexec Jump: Check Before a Jump');
    await reportWith(/Something breaks\. .* Judged by the files\./);
    await reportWith(/12\. Kernel B's map of memory: BREAKS/);
    await reportWith(/"memmap=64M@0x8000000" on kernel B's command line gives it 0x8000000-0xbffffff/);
  });

  it('tells of it when the session begins', async () => {
    await startKernelA(workbench());
    await workbench().waitForNotification(/The jump would break: rule 12 \(Kernel B's map of memory\)\./);
  });

  it('asks before the jump, and stays in kernel A when it is not answered', async () => {
    await workbench().debug.clickToolbar('Kexec Jump');
    await dialogWith(/Kexec Jump would break\.[^]*Rule 12[^]*kernel A comes back corrupted/);
    await workbench().clickDialog('Show Report');
    await reportWith(/Judged by the files, and by what kernel A says of itself now\./);
    assert.ok((await workbench().statusBarTexts()).some((text) => text.includes('Kernel A: A running')));
  });

  it('jumps when the person says so', async () => {
    await workbench().debug.clickToolbar('Kexec Jump');
    await dialogWith(/Kexec Jump would break\.[^]*Rule 12[^]*kernel A comes back corrupted/);
    await workbench().clickDialog('Jump Anyway');
    await workbench().waitForStatusBar('Kernel B: B running', BOOT_LIMIT_MS);
  });

  it('shows what kernel B says of its memory', async () => {
    await workbench().runCommand('Kexec Jump: Check Before a Jump');
    await reportWith(
      /Kernel B has System RAM outside of the window 0x2000000-0x3ffffff: 0x8000000-0xbffffff \(64 MiB\)/,
    );
  });

  it('leaves nothing behind', async () => {
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });
});
