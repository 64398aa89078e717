/** Snapshots by name: saved at a stop, gone back to in the same session, and begun at in another one. */
import assert from 'node:assert/strict';
import { SideBarTree } from '../vscode/views.ts';
import { waitFor } from '../vscode/waiting.ts';
import { TALL_WINDOW, useCodeWindow } from './codeWindow.ts';
import { BOOT_LIMIT_MS, launchFiles, setPrecious, start, waitForShell } from './launching.ts';
import { waitForNothing } from './leftovers.ts';
import { expectNoSession, expectStop } from './stops.ts';

const SWAP = {
  status: 'Kernel A: swapping pages',
  file: 'arch/x86/kernel/relocate_kernel_32.S',
  line: 'movl 8(%esp), %edx',
  frames: ['swap_pages'] as [string],
  thread: 'Kernel A (live)',
};
const B_STARTS = {
  status: 'Kernel B: B starting',
  file: 'init/main.c',
  line: 'char *command_line;',
  frames: ['start_kernel'] as [string],
  thread: 'Kernel B (live)',
};

describe('snapshots', () => {
  // The harness gives every VS Code a data folder of its own, where snapshots are kept.
  const window = useCodeWindow(() => ({
    files: launchFiles({ stopAt: ['swapping pages', 'B starting'] }),
    viewport: TALL_WINDOW,
  }));
  const workbench = () => window().workbench;
  const view = () => new SideBarTree(workbench(), 'Snapshots');

  async function save(name: string): Promise<void> {
    await workbench().runCommand('Kexec Jump: Save Snapshot…');
    await workbench().answerInput(name);
    await waitFor(
      `The snapshot "${name}" in its view`,
      async () => (await view().rows()).some(({ label }) => label === name),
      () => view().rows(),
      60_000,
    );
  }

  it('are saved by the palette and stand in their view in the debug side bar', async () => {
    await start(workbench());
    await expectStop(workbench(), SWAP);
    await view().expand();
    assert.deepEqual(await view().rows(), []);
    await save('middle of the swap');
    assert.deepEqual(await view().rows(), [{ label: 'middle of the swap', description: 'kernel A, swapping pages' }]);
  });

  it('bring the machine back to where it was, in the middle of a jump', async () => {
    await workbench().press('F5');
    await expectStop(workbench(), B_STARTS);
    await workbench().runCommand('Kexec Jump: Load Snapshot…');
    await workbench().pick('middle of the swap');
    await expectStop(workbench(), SWAP);
    await workbench().press('F5');
    await expectStop(workbench(), B_STARTS);
  });

  it('are taken of a running kernel, which goes on', async () => {
    await workbench().press('F5');
    await waitForShell(workbench(), 'B');
    await setPrecious(workbench(), 'B', 'kept');
    await save('B runs');
    await setPrecious(workbench(), 'B', 'lost');
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });

  it('begin another session by the button in their view, with all that the kernels had', async () => {
    await view().clickInRow('B runs', 'Load Snapshot');
    await workbench().waitForStatusBar('Kernel B: B running', BOOT_LIMIT_MS);
    await waitFor(
      'Kernel B, stopped where the snapshot was taken',
      async () => {
        const threads = await workbench().debug.threads();
        return threads.some(({ name, state }) => name === 'Kernel B (live)' && state.includes('B runs'));
      },
      () => workbench().debug.threads(),
      BOOT_LIMIT_MS,
    );
    // The call stack shows the stop before F5 means "Continue".
    await workbench().debug.waitForOffer('Continue');
    await workbench().press('F5');
    const { terminals } = workbench();
    await terminals.type('Kernel B', 'echo "$precious/$role"\n');
    await terminals.waitForText('Kernel B', /^kept\/B$/m);
    await workbench().debug.clickToolbar('Kexec Jump Back');
    // The launch.json's stops are the other session's too.
    await expectStop(workbench(), { ...SWAP, status: 'Kernel B: swapping pages', thread: 'Kernel B (live)' });
    await workbench().press('F5');
    await workbench().waitForStatusBar('Kernel A: A running', BOOT_LIMIT_MS);
  });

  it('say why one cannot be gone back to: the middle of a jump of another session', async () => {
    await workbench().runCommand('Kexec Jump: Load Snapshot…');
    await workbench().pick('middle of the swap');
    await workbench().waitForNotification(/taken in the middle of a jump \(swapping pages\)/);
  });

  it('are deleted after a question', async () => {
    await view().clickInRow('middle of the swap', 'Delete Snapshot');
    const question = await waitFor(
      'The question',
      () => workbench().dialogText(),
      () => workbench().notificationsSeen(),
    );
    assert.match(question, /Delete the snapshot "middle of the swap"\?/);
    await workbench().clickDialog('Delete');
    await waitFor(
      'The view with one snapshot',
      async () => (await view().rows()).map(({ label }) => label).join() === 'B runs',
      () => view().rows(),
    );
  });
});
