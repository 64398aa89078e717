/** What kernel_kexec() calls, as places to stop at that are switched on in the view Jump, and as what a jump's time went into. */
import { SideBarTree } from '../vscode/views.ts';
import { waitFor } from '../vscode/waiting.ts';
import { TALL_WINDOW, useCodeWindow } from './codeWindow.ts';
import { launchFiles, start } from './launching.ts';
import { waitForNothing } from './leftovers.ts';
import { expectNoSession, expectStop } from './stops.ts';

describe('the calls of kernel_kexec in VS Code', () => {
  const window = useCodeWindow(() => ({ files: launchFiles({ stopAt: ['A quiescing'] }), viewport: TALL_WINDOW }));
  const workbench = () => window().workbench;
  const view = () => new SideBarTree(workbench(), 'Jump');

  it('are stopped at when they are switched on in the view Jump', async () => {
    await start(workbench());
    await workbench().debug.waitForOffer('Continue');
    await view().expand();
    await view().giveRoom('Call Stack');
    await view().expandRow('Stop at');
    await view().expandRow('A quiescing', true);
    await view().check('dpm_suspend_start()');
    await waitFor(
      'Two places to stop at',
      async () => (await view().rows()).some((row) => row.label === 'Stop at' && row.description === '2 chosen'),
      () => view().rows(),
    );
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel A: A quiescing',
      file: 'kernel/kexec_core.c',
      line: 'error = dpm_suspend_start(PMSG_FREEZE);',
      frames: ['kernel_kexec'],
      thread: 'Kernel A (live)',
    });
  });

  it('stand below their phase, with how long they took', async () => {
    const rows = async (): Promise<string[]> =>
      (await view().allRows()).map(({ label, description }) => `${label} ${description}`);
    const expected = [
      /^freeze_processes\(\) \d+\.\d\d s$/,
      /^dpm_suspend_start\(\) is under way$/,
      /^Stop at 2 chosen$/,
    ];
    await waitFor(
      'The calls of the phase',
      async () => {
        const seen = await rows();
        return expected.every((text) => seen.some((row) => text.test(row)));
      },
      rows,
    );
  });

  it('leave nothing behind', async () => {
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });
});
