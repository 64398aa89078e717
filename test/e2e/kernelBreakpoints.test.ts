/** A breakpoint stops in both kernels, in one that the palette's command names, or in the one that the setting names. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { useCodeWindow } from './codeWindow.ts';
import { labSourceFolder, lineWith } from './labSource.ts';
import { BOOT_LIMIT_MS, launchFiles, NO_STOPS, startKernelA } from './launching.ts';
import { waitForNothing } from './leftovers.ts';
import { assertUndisturbed, expectNoSession, expectStop } from './stops.ts';
import type { KernelName } from '../../debug-adapter/protocol.ts';
import type { Workbench } from '../vscode/workbench.ts';

const FILE = 'fs/proc/version.c';
/** The line behind the call of seq_printf(): what stands at the call itself has been moved by the compiler. */
const LINE = 'return 0;';

/** Puts the cursor on the line that `cat /proc/version` runs. */
async function openLine(workbench: Workbench): Promise<void> {
  await workbench.openFile(join(labSourceFolder(), FILE), lineWith(FILE, LINE, 'static int version_proc_show('));
}

async function goTo(workbench: Workbench, kernel: KernelName): Promise<void> {
  // The palette would put our commands that were used last first.
  await workbench.debug.clickToolbar(kernel === 'B' ? 'Kexec Jump' : 'Kexec Jump Back');
  await workbench.waitForStatusBar(`Kernel ${kernel}: ${kernel} running`, BOOT_LIMIT_MS);
  // A kernel that comes back has its prompt above what it printed on its way.
  await workbench.terminals.waitForText(`Kernel ${kernel}`, new RegExp(`^${kernel}#`, 'm'), BOOT_LIMIT_MS);
}

let words = 0;
/** Has a kernel's shell read the file, and says a word that comes when that is done. */
async function readVersion({ terminals }: Workbench, kernel: KernelName): Promise<string> {
  const word = `read ${++words} times`;
  await terminals.type(`Kernel ${kernel}`, `cat /proc/version; echo "read "${words} times\n`);
  return word;
}

async function stopsIn(workbench: Workbench, kernel: KernelName): Promise<void> {
  const word = await readVersion(workbench, kernel);
  await expectStop(workbench, {
    status: `Kernel ${kernel}: ${kernel} running`,
    file: FILE,
    line: LINE,
    frames: ['version_proc_show', 'seq_read_iter'],
    thread: `Kernel ${kernel} (live)`,
  });
  assert.ok(!(await workbench.terminals.text(`Kernel ${kernel}`)).includes(`\n${word}`));
  await workbench.press('F5');
  await workbench.terminals.waitForText(`Kernel ${kernel}`, `\n${word}`);
}

async function runsThroughIn(workbench: Workbench, kernel: KernelName): Promise<void> {
  const word = await readVersion(workbench, kernel);
  await workbench.terminals.waitForText(`Kernel ${kernel}`, `\n${word}`);
}

describe('a breakpoint in a line that both kernels run', () => {
  const window = useCodeWindow(() => ({ files: launchFiles(NO_STOPS) }));
  const workbench = () => window().workbench;

  it('stops in both kernels when F9 has set it', async () => {
    await openLine(workbench());
    await workbench().debug.setBreakpoint();
    await startKernelA(workbench());
    await stopsIn(workbench(), 'A');
    await goTo(workbench(), 'B');
    await stopsIn(workbench(), 'B');
  });

  it('stops only in kernel A after "Breakpoint Only in Kernel A"', async () => {
    await openLine(workbench());
    await workbench().runCommand('Kexec Jump: Breakpoint Only in Kernel A');
    await workbench().debug.breakpointSays('Only in kernel A');
    await runsThroughIn(workbench(), 'B');
    await goTo(workbench(), 'A');
    await stopsIn(workbench(), 'A');
    assert.equal((await workbench().debug.breakpoints()).filter(({ text }) => text.startsWith('version.c')).length, 1);
  });

  it('stops only in kernel B after "Breakpoint Only in Kernel B"', async () => {
    await openLine(workbench());
    await workbench().runCommand('Kexec Jump: Breakpoint Only in Kernel B');
    await workbench().debug.breakpointSays('Only in kernel B');
    await runsThroughIn(workbench(), 'A');
    await goTo(workbench(), 'B');
    await stopsIn(workbench(), 'B');
  });

  it('stops in both kernels again after "Breakpoint in Both Kernels"', async () => {
    await openLine(workbench());
    await workbench().runCommand('Kexec Jump: Breakpoint in Both Kernels');
    await workbench().debug.untilBreakpointsAreSet();
    await stopsIn(workbench(), 'B');
    await goTo(workbench(), 'A');
    await stopsIn(workbench(), 'A');
    await assertUndisturbed(workbench());
  });

  it('leaves nothing behind after Shift+F5', async () => {
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });
});

describe('a breakpoint with the setting kexecJump.breakpointKernel', () => {
  const window = useCodeWindow(() => ({
    files: launchFiles(NO_STOPS),
    settings: { 'kexecJump.breakpointKernel': 'A' },
  }));
  const workbench = () => window().workbench;

  it('stops only in the kernel that the setting names', async () => {
    await openLine(workbench());
    await workbench().debug.setBreakpoint();
    await startKernelA(workbench());
    await stopsIn(workbench(), 'A');
    await goTo(workbench(), 'B');
    await runsThroughIn(workbench(), 'B');
  });

  it('stops also in the other one when a command says so', async () => {
    await openLine(workbench());
    await workbench().runCommand('Kexec Jump: Breakpoint in Both Kernels');
    await workbench().debug.untilBreakpointsAreSet();
    await stopsIn(workbench(), 'B');
  });
});
