/** A launch.json of one's own: no stops, kernels at the same addresses, the jump ordered from the palette, a breakpoint. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { useCodeWindow } from './codeWindow.ts';
import { labSourceFolder, lineWith } from './labSource.ts';
import { waitForNothing } from './leftovers.ts';
import { setPrecious, waitForShell } from './launching.ts';
import { assertUndisturbed, expectJumpOffered, expectNoSession, expectStop, jumpsOffered } from './stops.ts';

const FILE = 'kernel/kexec_core.c';
const LINE = 'error = freeze_processes();';
const BOOT_LIMIT_MS = 120_000;
const LAUNCH = {
  version: '0.2.0',
  configurations: [
    { type: 'kexec-jump', request: 'launch', name: 'Low window', autoJump: false, stopAt: [], window: 'low' },
  ],
};

describe('F5 with a launch.json', () => {
  const window = useCodeWindow(() => ({ files: { '.vscode/launch.json': JSON.stringify(LAUNCH) } }));
  const workbench = () => window().workbench;

  it('takes a breakpoint that F9 sets before the session', async () => {
    assert.deepEqual(await jumpsOffered(workbench()), []);
    await workbench().openFile(join(labSourceFolder(), FILE), lineWith(FILE, LINE, 'int kernel_kexec(void)'));
    await workbench().debug.setBreakpoint();
  });

  it('boots kernel A without a stop and then offers the jump', async () => {
    await workbench().press('F5');
    await workbench().waitForStatusBar('Kernel A: A running', BOOT_LIMIT_MS);
    await waitForShell(workbench(), 'A');
    await expectJumpOffered(workbench(), 'Kexec Jump');
    await setPrecious(workbench(), 'A', 'kept');
  });

  it('jumps by the palette and stops at the breakpoint in kernel A', async () => {
    await workbench().runCommand('Kexec Jump');
    await expectStop(workbench(), {
      status: 'Kernel A: A quiescing',
      file: FILE,
      line: LINE,
      frames: ['kernel_kexec', '__do_sys_reboot'],
      thread: 'Kernel A (live)',
    });
  });

  it('goes on into kernel B without another stop', async () => {
    await workbench().press('F5');
    await workbench().waitForStatusBar('Kernel B: B running', BOOT_LIMIT_MS);
    await waitForShell(workbench(), 'B');
    await workbench().terminals.type('Kernel B', 'echo "$precious/$role"\n');
    await workbench().terminals.waitForText('Kernel B', /^\/B$/m);
    await expectJumpOffered(workbench(), 'Kexec Jump Back');
  });

  it('jumps back by the palette and stops at the same breakpoint in kernel B', async () => {
    await workbench().runCommand('Kexec Jump Back');
    await expectStop(workbench(), {
      status: 'Kernel B: B quiescing',
      file: FILE,
      line: LINE,
      frames: ['kernel_kexec', '__do_sys_reboot'],
      thread: 'Kernel B (live)',
    });
  });

  it('comes back to kernel A, whose shell has kept its variable', async () => {
    await workbench().press('F5');
    await workbench().waitForStatusBar('Kernel A: A running', BOOT_LIMIT_MS);
    const { terminals } = workbench();
    await terminals.type('Kernel A', 'echo "$precious/$role"\n');
    await terminals.waitForText('Kernel A', /^kept\/A$/m);
  });

  it('jumps once more without its breakpoint', async () => {
    await workbench().runCommand('Remove All Breakpoints');
    await workbench().runCommand('Kexec Jump');
    await workbench().waitForStatusBar('Kernel B: B running', BOOT_LIMIT_MS);
  });

  it('leaves nothing behind after Shift+F5 in kernel B', async () => {
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
    await assertUndisturbed(workbench());
  });
});
