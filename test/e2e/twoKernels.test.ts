/** Two kernels that stand still or run each by itself: kernel A can be looked at while kernel B runs. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../vscode/waiting.ts';
import { TALL_WINDOW, useCodeWindow } from './codeWindow.ts';
import { sourceLines } from './labSource.ts';
import { BOOT_LIMIT_MS, launchFiles, start, waitForShell } from './launching.ts';
import { waitForNothing } from './leftovers.ts';
import { assertUndisturbed, expectNoSession, expectStop, expectThreads, valueOf } from './stops.ts';

/** VS Code gives the focus to a thread that stands still, should there be one, 0.8 s after another went on. */
const FOCUS_WOULD_HAVE_MOVED_MS = 2000;
const WHILE_B_RUNS = [
  { name: 'Kernel A (dormant)', state: 'Dormant' },
  { name: 'Kernel B (live)', state: 'Running' },
];

describe('two kernels', () => {
  const window = useCodeWindow(() => ({
    files: launchFiles({ stopAt: ['leaving A', 'B starting'] }),
    viewport: TALL_WINDOW,
  }));
  const workbench = () => window().workbench;

  async function threadsAre(expected: typeof WHILE_B_RUNS): Promise<void> {
    const { debug } = workbench();
    await waitFor(
      `The threads ${JSON.stringify(expected)}`,
      async () => JSON.stringify(await debug.threads()) === JSON.stringify(expected),
      () => debug.threads(),
    );
  }

  let answered = 0;
  /** Kernel B's shell computes: a kernel that stands still would not. */
  async function kernelBAnswers(): Promise<void> {
    const number = 1000 + ++answered;
    const { terminals } = workbench();
    await terminals.type('Kernel B', `echo answer $((${number} * 2))\n`);
    await terminals.waitForText('Kernel B', `answer ${number * 2}`);
  }

  async function stackOfABegins(...expected: string[]): Promise<void> {
    const { debug } = workbench();
    await waitFor(
      `The stack ${expected.join(', ')} of kernel A`,
      async () => {
        const frames = (await debug.stackFrames()).filter(({ thread }) => thread === 'Kernel A (dormant)');
        return expected.every((name, index) => frames[index]?.name === name);
      },
      () => debug.stackFrames(),
    );
  }

  /** Selects a frame of kernel A, whose stack VS Code may have folded when it went dormant anew. */
  async function lookAt(frame: RegExp): Promise<void> {
    await workbench().debug.expandThread('Kernel A (dormant)');
    await workbench().debug.selectFrame(frame);
  }

  it('have their names from who is on the CPU, and stop at the phases that a launch.json names', async () => {
    await start(workbench());
    await expectStop(workbench(), {
      status: 'Kernel A: leaving A',
      file: 'arch/x86/kernel/machine_kexec_32.c',
      line: 'unsigned long page_list[PAGES_NR];',
      frames: ['machine_kexec'],
      thread: 'Kernel A (live)',
    });
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel B: B starting',
      file: 'init/main.c',
      line: 'char *command_line;',
      frames: ['start_kernel'],
      thread: 'Kernel B (live)',
    });
    await expectThreads(workbench(), ['Kernel A (dormant)', 'Kernel B (live)']);
  });

  it('are told apart while kernel B runs: A is dormant with its stack, B is running', async () => {
    await workbench().press('F5');
    await waitForShell(workbench(), 'B');
    await threadsAre(WHILE_B_RUNS);
    await stackOfABegins('machine_kexec', 'kernel_kexec', '__do_sys_reboot');
  });

  it('leave the focus with kernel B: F6 pauses it, F5 lets it go on', async () => {
    await delay(FOCUS_WOULD_HAVE_MOVED_MS);
    await workbench().debug.waitForOffer('Pause');
    await workbench().press('F6');
    await workbench().debug.waitForOffer('Continue');
    await waitFor(
      'The stack of kernel B',
      async () => (await workbench().debug.stackFrames()).some(({ thread }) => thread === 'Kernel B (live)'),
      () => workbench().debug.stackFrames(),
    );
    assert.match(await workbench().waitForStatusBar(/^Kernel B/), /B running/);
    await workbench().press('F5');
    await workbench().debug.waitForOffer('Pause');
    await kernelBAnswers();
    await delay(FOCUS_WOULD_HAVE_MOVED_MS);
    await threadsAre(WHILE_B_RUNS);
    await workbench().debug.waitForOffer('Pause');
  });

  it("show a frame of kernel A with its source and its variables while kernel B's console answers", async () => {
    await lookAt(/^kernel_kexec/);
    const { line, text } = await workbench().debug.waitForStop('/kernel/kexec_core.c');
    assert.match(text, /^machine_kexec\(kexec_image\);$/);
    assert.equal(sourceLines('kernel/kexec_core.c')[line - 1]?.trim(), text);
    assert.equal(await valueOf(workbench(), 'error'), '0');
    await kernelBAnswers();
    await threadsAre(WHILE_B_RUNS);
  });

  it('go on with F5 whichever of them is looked at', async () => {
    await lookAt(/^machine_kexec/);
    await workbench().debug.waitForOffer('Continue');
    await workbench().press('F5');
    await workbench().debug.waitForOffer('Pause');
    await delay(FOCUS_WOULD_HAVE_MOVED_MS);
    await workbench().debug.waitForOffer('Pause');
    await threadsAre(WHILE_B_RUNS);
    await kernelBAnswers();
    await assertUndisturbed(workbench());
  });

  it('say why the dormant one cannot be stepped', async () => {
    await lookAt(/^machine_kexec/);
    await workbench().debug.waitForOffer('Step Over');
    await workbench().press('F10');
    await workbench().waitForNotification('Kernel A is not on the CPU: kernel B is.');
    await threadsAre(WHILE_B_RUNS);
    await kernelBAnswers();
  });

  it('change places with "Kexec Jump Back"', async () => {
    await workbench().runCommand('Kexec Jump Back');
    await workbench().waitForStatusBar('Kernel A: A running', BOOT_LIMIT_MS);
    const { terminals } = workbench();
    await terminals.type('Kernel A', 'echo "$role lives"\n');
    await terminals.waitForText('Kernel A', /^A lives$/m);
    await threadsAre([
      { name: 'Kernel A (live)', state: 'Running' },
      { name: 'Kernel B (dormant)', state: 'Dormant' },
    ]);
    await workbench().debug.waitForOffer('Pause');
  });

  it('leave nothing behind after Shift+F5', async () => {
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });
});
