/** Looking further than the stack: global variables by name, and memory in a hex editor. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { inputMessage } from '../vscode/views.ts';
import { waitFor } from '../vscode/waiting.ts';
import { TALL_WINDOW, useCodeWindow } from './codeWindow.ts';
import { launchFiles, start } from './launching.ts';
import { expectStop, valueOf } from './stops.ts';

/** Microsoft's hex editor comes from a gallery, which no test asks. This one takes its place: the same id, the same view type. */
const HEX_EDITOR = join(import.meta.dirname, 'hex-editor');
const QUIESCING = {
  status: 'Kernel A: A quiescing',
  file: 'kernel/kexec_core.c',
  line: 'if (!kexec_image)',
  frames: ['kernel_kexec', '__do_sys_reboot'] as [string, string],
  thread: 'Kernel A (live)',
};

describe('a global variable', () => {
  const window = useCodeWindow(() => ({
    files: launchFiles({ stopAt: ['A quiescing'] }),
    viewport: TALL_WINDOW,
  }));
  const workbench = () => window().workbench;

  it('is found by a part of its name and stays in the scope Globals', async () => {
    await start(workbench());
    await expectStop(workbench(), QUIESCING);
    await workbench().runCommand('Kexec Jump: Show Global Variable…');
    await workbench().typeIntoInput('kexec_cr');
    await workbench().pick('kexec_crash_image');
    assert.equal(await valueOf(workbench(), 'kexec_crash_image', 'Globals'), '0x0');
    assert.match(await valueOf(workbench(), 'kexec_image', 'Globals'), /^0xc[0-9a-f]{7}$/);
  });

  it('is not found where memory is asked for an address: a sentence says so as one types', async () => {
    await workbench().runCommand('Kexec Jump: Open Memory…');
    await workbench().typeIntoInput('A:&no_such_thing');
    const seen = await waitFor(
      'The reason against the address',
      async () => {
        const text = await inputMessage(workbench());
        return text?.includes('no_such_thing') && text;
      },
      () => inputMessage(workbench()),
    );
    assert.match(seen, /no_such_thing/);
    await workbench().press('Escape');
  });

  it('offers the hex editor where it is not installed', async () => {
    await workbench().runCommand('Kexec Jump: Open Memory…');
    await workbench().answerInput('A:&init_task');
    await workbench().waitForNotification("Memory is shown by Microsoft's Hex Editor, which is not installed.");
    const shown = (await workbench().notifications()).flatMap(({ buttons }) => buttons);
    assert.ok(shown.includes('Install Hex Editor'));
  });
});

describe('memory', () => {
  const window = useCodeWindow(() => ({
    files: launchFiles({ stopAt: ['A quiescing'] }),
    extensions: [HEX_EDITOR],
  }));
  const workbench = () => window().workbench;

  it('opens in the hex editor at an expression of kernel A', async () => {
    await start(workbench());
    await expectStop(workbench(), QUIESCING);
    await workbench().runCommand('Kexec Jump: Open Memory…');
    await workbench().answerInput('A:&linux_proc_banner');
    const text = workbench().webview().locator('pre');
    const bytes = await waitFor(
      'The bytes of the text in the hex editor',
      async () => (await text.count()) > 0 && text.innerText(),
      () => workbench().notificationsSeen(),
    );
    // "%s version %s"
    assert.match(bytes, /^25 73 20 76 65 72 73 69 6f 6e 20 25 73/);
  });
});
