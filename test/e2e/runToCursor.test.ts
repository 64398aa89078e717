/** Going to the cursor's line: a kernel runs to it, and does not jump to it. */
import { join } from 'node:path';
import { waitFor } from '../vscode/waiting.ts';
import { useCodeWindow } from './codeWindow.ts';
import { labSourceFolder, lineWith } from './labSource.ts';
import { launchFiles, start } from './launching.ts';
import { expectStop } from './stops.ts';

const FILE = 'kernel/kexec_core.c';
const FUNCTION = 'int kernel_kexec(void)';

describe("the cursor's line", () => {
  const window = useCodeWindow(() => ({ files: launchFiles({ stopAt: ['A quiescing'] }) }));
  const workbench = () => window().workbench;

  const cursorAt = async (text: string): Promise<void> =>
    workbench().openFile(join(labSourceFolder(), FILE), lineWith(FILE, text, FUNCTION));
  const expectLine = async (line: string): Promise<void> =>
    expectStop(workbench(), {
      status: 'Kernel A: A quiescing',
      file: FILE,
      line,
      frames: ['kernel_kexec', '__do_sys_reboot'],
      thread: 'Kernel A (live)',
    });

  it('is where "Run to Cursor" stops', async () => {
    await start(workbench());
    await expectLine('if (!kexec_image)');
    await cursorAt('suspend_console();');
    await workbench().runCommand('Debug: Run to Cursor');
    await expectLine('suspend_console();');
    await waitFor(
      'The end of the breakpoint at the cursor',
      async () => !(await workbench().debug.breakpoints()).some(({ text }) => text.startsWith('kexec_core.c')),
      () => workbench().debug.breakpoints(),
    );
  });

  it('is not where "Jump to Cursor" goes, and a sentence says why', async () => {
    await cursorAt('error = dpm_suspend_start(PMSG_FREEZE);');
    await workbench().runCommand('Debug: Jump to Cursor');
    await workbench().waitForNotification(
      /^Jumping to another line .*a kernel that skips or repeats code keeps locks, .*Use Run to Cursor/s,
    );
    await expectLine('suspend_console();');
  });
});
