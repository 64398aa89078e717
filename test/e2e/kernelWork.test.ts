/** Work on a kernel as a loop: edit with real keys, a mistake in the Problems view, mend it, F5 runs the new code, a patch of it. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TREE_LIMIT_MS, WorkTree } from '../builds/workTree.ts';
import { inputMessage, problems } from '../vscode/views.ts';
import { waitFor } from '../vscode/waiting.ts';
import { useCodeWindow } from './codeWindow.ts';
import { waitForNothing } from './leftovers.ts';
import { expectNoSession, jumpsOffered } from './stops.ts';

const CORE = 'kernel/kexec_core.c';
const ASSEMBLY = 'arch/x86/kernel/relocate_kernel_32.S';
const BUILD_LIMIT_MS = 120_000;
const BOOT_LIMIT_MS = 120_000;
const BUILD = 'Build kernels A and B';
const PATCH = '0001-kexec-Say-that-the-code-is-new.patch';

describe('work on a kernel in VS Code', () => {
  let tree: WorkTree;

  before(async function () {
    this.timeout(TREE_LIMIT_MS);
    tree = await WorkTree.take();
  });
  const window = useCodeWindow(() => ({ workspace: tree.source }));
  const workbench = () => window().workbench;
  after(async () => tree.give());
  after(() => {
    for (const file of [join(dirname(tree.source), PATCH), `${tree.source}.patch`]) rmSync(file, { force: true });
  });

  const lineOf = (file: string, text: string): number =>
    tree
      .read(file)
      .split('\n')
      .findIndex((line) => line.includes(text)) + 1;

  /** Saves, and waits until the file has a text. */
  async function save(file: string, text: string): Promise<void> {
    await workbench().press('Control+s');
    await waitFor(
      `"${text}" in ${file}`,
      () => tree.read(file).includes(text),
      () => tree.read(file).slice(0, 3000),
    );
  }

  it('puts a snippet into relocate_kernel_32.S', async () => {
    await jumpsOffered(workbench());
    await workbench().openFile(ASSEMBLY, lineOf(ASSEMBLY, '\tpushf'));
    await workbench().press('End');
    await workbench().press('Enter');
    await workbench().runCommand('Snippets: Insert Snippet');
    await workbench().pick('kexec-serial');
    await workbench().press('Escape');
    await workbench().press('Escape');
    await save(ASSEMBLY, "\tmovb\t$'*', %al\n");
  });

  it('makes a patch of it by a task', async () => {
    await workbench().press('Control+p');
    await workbench().type('task kexec-jump');
    await waitFor(
      'The tasks of the extension',
      async () => (await workbench().quickPickItems())[0] === 'kexec-jump',
      () => workbench().quickPickItems(),
    );
    await workbench().press('Enter');
    await workbench().pick('kexec-jump: Make a patch');
    const patch = await waitFor(
      'The patch of the task',
      () => read(`${tree.source}.patch`),
      () => workbench().terminals.names(),
    );
    assert.match(patch, /^\+\tmovb\t\$'\*', %al$/m);
  });

  it('shows a mistake in kernel_kexec() in the Problems view when F5 builds it', async () => {
    await workbench().openFile(CORE, lineOf(CORE, '\tint error = 0;'));
    await workbench().press('End');
    await workbench().press('Enter');
    await workbench().type('mistaken;');
    await save(CORE, '\tmistaken;');
    await workbench().press('F5');
    const dialog = await waitFor(
      'A dialog that the build failed',
      async () => workbench().dialogText(),
      () => workbench().notificationsSeen(),
      BUILD_LIMIT_MS,
    );
    assert.match(dialog, new RegExp(`preLaunchTask.*${BUILD}`));
    await workbench().clickDialog('Show Errors');
    const line = lineOf(CORE, '\tmistaken;');
    await waitFor(
      'The mistake at its line',
      async () =>
        (await problems(workbench())).some(
          (row) => row.includes('mistaken') && row.includes(`[Ln ${line}, Col 2]`) && row.includes('undeclared'),
        ),
      () => problems(workbench()),
    );
  });

  it('takes the problem away when the mistake is mended and a task has built the kernel', async () => {
    await workbench().openFile(CORE, lineOf(CORE, '\tmistaken;'));
    await workbench().press('End');
    await workbench().press('Shift+Home');
    await workbench().type('printk("This is the new code\\n");');
    await save(CORE, 'printk("This is the new code\\n");\n');
    await workbench().press('Control+Shift+b');
    await workbench().pick(`kexec-jump: ${BUILD}`);
    await waitFor(
      'No problem any more',
      async () => !(await problems(workbench())).some((row) => row.includes('mistaken')),
      () => problems(workbench()),
      BUILD_LIMIT_MS,
    );
    // The task's terminal is behind the Problems.
    await workbench().press('Control+`');
    const built = await workbench().terminals.waitForText(BUILD, /is built, in [\d.]+ s/, BUILD_LIMIT_MS);
    console.log(`        ${/is built, in .*/.exec(built)![0]}`);
  });

  it('runs the new code with F5', async () => {
    await workbench().openFile(CORE);
    await workbench().press('F5');
    await workbench().waitForStatusBar('Kernel A: A quiescing', BOOT_LIMIT_MS);
    const stopped = await waitFor(
      'The line of the stop',
      async () => workbench().debug.highlightedLine(),
      () => workbench().debug.stackFrames(),
    );
    assert.ok(stopped.file.endsWith(CORE), stopped.file);
    assert.equal(stopped.text, 'printk("This is the new code\\n");');
    for (const phase of ['leaving A', 'swapping pages']) {
      await workbench().debug.waitForOffer('Continue');
      await workbench().press('F5');
      await workbench().waitForStatusBar(`Kernel A: ${phase}`, BOOT_LIMIT_MS);
    }
    // The edited function's line, and the character of the edited control code behind it.
    await workbench().terminals.waitForText('Kernel A', /This is the new code$[^]*^\*$/m);
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
  });

  it('makes a patch of the edits, beside the tree when it is saved', async () => {
    await workbench().runCommand('Kexec Jump: Make a Patch of the Edits…');
    await workbench().answerInput('kexec: Say that the code is new');
    await waitFor(
      'The patch in an editor',
      async () => (await workbench().activeEditor())?.endsWith(PATCH),
      () => workbench().activeEditor(),
    );
    await workbench().type('The old code is silent.');
    await workbench().press('Control+s');
    const file = join(dirname(tree.source), PATCH);
    const patch = await waitFor(
      'The patch in its file',
      () => read(file),
      () => workbench().notificationsSeen(),
    );
    assert.match(patch, /^Subject: \[PATCH\] kexec: Say that the code is new\n\nThe old code is silent\.\n\n/m);
    assert.match(patch, /^\+\tprintk\("This is the new code\\n"\);$/m);
    assert.match(patch, /^\+\tmovb\t\$'\*', %al$/m);
    assert.match(patch, / 2 files changed/);
  });

  it('asks for a folder that is not there yet, to put a tree into', async () => {
    await workbench().runCommand('Kexec Jump: Get a Kernel Tree to Work On…');
    await workbench().typeIntoInput(tree.source);
    await waitFor(
      'The refusal of a folder with something in it',
      async () => (await inputMessage(workbench()))?.includes('This folder is not empty'),
      () => inputMessage(workbench()),
    );
    await workbench().press('Escape');
  });
});

/** A patch that has been written to its end. */
function read(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text.includes('\n-- \n') ? text : undefined;
  } catch {
    return undefined;
  }
}
