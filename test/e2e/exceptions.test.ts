/** A kernel that oopses: the session stops with the kernel's own words, in the editor and among the problems. */
import assert from 'node:assert/strict';
import { waitFor } from '../vscode/waiting.ts';
import { problems } from '../vscode/views.ts';
import { TALL_WINDOW, useCodeWindow } from './codeWindow.ts';
import { launchFiles, NO_STOPS, startKernelA } from './launching.ts';
import { waitForNothing } from './leftovers.ts';
import { expectNoSession } from './stops.ts';

const OOPS = /Oops: BUG: (kernel NULL pointer dereference|unable to handle page fault)[^]* in seq_/;

describe('an oops', () => {
  const window = useCodeWindow(() => ({ files: launchFiles(NO_STOPS), viewport: TALL_WINDOW }));
  const workbench = () => window().workbench;

  async function exceptionText(): Promise<string> {
    const { debug } = workbench();
    return waitFor(
      'The text of the exception in the editor',
      () => debug.exceptionText(),
      () => debug.stackFrames(),
      5000,
    );
  }

  it('is stopped at by default: the Breakpoints view has Oops, Panic and Failed Jump, switched on', async () => {
    await startKernelA(workbench());
    const rows = await waitFor(
      'The exceptions in the Breakpoints view',
      async () => {
        const all = await workbench().debug.breakpoints();
        return all.length >= 3 && all;
      },
      () => workbench().debug.breakpoints(),
    );
    assert.deepEqual(rows, [
      { text: 'Oops', isOn: true },
      { text: 'Panic', isOn: true },
      { text: 'Failed Jump', isOn: true },
    ]);
  });

  it('can be had by a pointer that goes bad in the debug console', async () => {
    await workbench().debug.addFunctionBreakpoint('A:version_proc_show');
    await workbench().debug.untilBreakpointsAreSet();
    await workbench().terminals.type('Kernel A', 'cat /proc/version >/dev/null 2>&1 &\n');
    // The function begins with an inlined one of a header.
    await waitFor(
      'The stop in version_proc_show',
      async () => (await workbench().debug.stackFrames())[0]?.name === 'version_proc_show',
      () => workbench().debug.stackFrames(),
    );
    await workbench().debug.evaluate('m = (struct seq_file *)0x10');
    await waitFor(
      'The answer in the debug console',
      async () => (await workbench().debug.consoleText()).includes('0x10'),
      () => workbench().debug.consoleText(),
    );
  });

  it('stops with its text in the editor, at the stack of the exception', async () => {
    await workbench().press('F5');
    await waitFor(
      'The stack of the exception',
      async () => (await workbench().debug.stackFrames())[0]?.name === 'oops_end',
      () => workbench().debug.stackFrames(),
    );
    assert.match((await workbench().debug.threads())[0]?.state ?? '', OOPS);
    // A busy VS Code asks twice for a stack so soon after F5, and then has the text for who clicks at the frame.
    const shown = await exceptionText().catch(async () => workbench().debug.selectFrame('oops_end'));
    assert.match(shown ?? (await exceptionText()), OOPS);
    const frames = (await workbench().debug.stackFrames()).map(({ name }) => name);
    assert.equal(frames[0], 'oops_end');
  });

  it('is among the problems, at the line that accessed what is not there', async () => {
    const rows = await waitFor(
      'The oops in the Problems view',
      async () => {
        const seen = await problems(workbench());
        return seen.length >= 2 && seen;
      },
      () => problems(workbench()),
    );
    assert.match(rows[0] ?? '', /^seq_file\.c.*\/fs\b/);
    assert.match(rows[1] ?? '', OOPS);
    assert.match(rows[1] ?? '', /kernel A/);
    assert.match(rows[1] ?? '', /\[Ln \d+, Col 1\]/);
  });

  it('does not end the session: the kernel goes on', async () => {
    await workbench().runCommand('Debug: Continue');
    await workbench().press('Control+`');
    const { terminals } = workbench();
    await terminals.type('Kernel A', 'echo "$role lives"\n');
    await terminals.waitForText('Kernel A', /^A lives$/m);
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });
});
