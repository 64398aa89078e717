/** Hibernation as a person has it: kernel A saved by the palette, and brought back in another machine. */
import { isDeepStrictEqual } from 'node:util';
import { waitFor } from '../vscode/waiting.ts';
import { useCodeWindow } from './codeWindow.ts';
import { BOOT_LIMIT_MS, launchFiles, NO_STOPS, setPrecious, startKernelA } from './launching.ts';
import { waitForNothing } from './leftovers.ts';
import { PICTURE_SETTINGS, takeWindowPicture } from './readmePicture.ts';
import { expectNoSession } from './stops.ts';

const DORMANT_A = { name: 'Kernel A (dormant)', state: 'Dormant' };
const SAVED = /"by the palette" is saved: \d+ MB in [\d.]+ s\. All \d+ pages are as they are in memory\./;

describe('hibernation from the palette', () => {
  // The harness gives every VS Code a data folder of its own, where saved images are kept.
  const window = useCodeWindow(() => ({ files: launchFiles(NO_STOPS), settings: PICTURE_SETTINGS }));
  const workbench = () => window().workbench;

  it('saves kernel A through kernel B and powers off, with progress', async () => {
    await startKernelA(workbench());
    await setPrecious(workbench(), 'A', 'kept');
    await workbench().runCommand('Kexec Hibernate…');
    await workbench().pick('Without Zero and Free Pages');
    await workbench().pick('Power Off');
    await workbench().answerInput('by the palette');
    await workbench().waitForNotification(
      /Kexec Hibernate: by the palette.*(Kernel B saves|Copying): \d+ of \d+ MB/,
      BOOT_LIMIT_MS,
    );
    await takeWindowPicture(workbench(), 'hibernate.png');
    await workbench().waitForNotification(SAVED, BOOT_LIMIT_MS);
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });

  it('brings kernel A back, whose shell has kept its variable', async () => {
    await workbench().runCommand('Kexec Resume…');
    await workbench().pick('by the palette');
    await workbench().waitForStatusBar(/Kernel C: C (starting|running)/, BOOT_LIMIT_MS);
    await workbench().waitForNotification(/Kexec Resume.*Kernel C boots/, BOOT_LIMIT_MS);
    await waitFor(
      'Kernel A, dormant in its image',
      async () => isDeepStrictEqual((await workbench().debug.threads())[0], DORMANT_A),
      () => workbench().debug.threads(),
    );
    await workbench().press('Control+Shift+y');
    await workbench().waitForNotification(/Kexec Resume.*Kernel C writes and compares: \d+ of \d+ MB/, BOOT_LIMIT_MS);
    await takeWindowPicture(workbench(), 'resume.png');
    await workbench().waitForStatusBar('Kernel A: A running', BOOT_LIMIT_MS);
    await workbench().press('Control+`');
    await workbench().terminals.type('Kernel A', 'echo "it is $precious"\n');
    await workbench().terminals.waitForText('Kernel A', /^it is kept$/m, BOOT_LIMIT_MS);
  });

  it('leaves nothing behind after Shift+F5', async () => {
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });
});
