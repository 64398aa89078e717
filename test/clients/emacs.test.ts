/** The whole jump in Emacs with dap-mode, with the configuration that docs/other-clients.md gives to users. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findLab } from '../../qemu-runner/guest/lab.ts';
import { isWholeSession, waitForNothing, waitForOneSession } from '../e2e/leftovers.ts';
import { inOrder } from '../inOrder.ts';
import { Emacs, emacsMissing } from './emacs.ts';

const A = 1;
const B = 2;
const OUTPUT = '*Kexec Jump on command out*';
const BREAKPOINT = 'setup_arch(&command_line);';

const missing = emacsMissing();

describe(`Emacs with dap-mode${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  inOrder();
  let emacs: Emacs | undefined;
  let line: number;

  const client = (): Emacs => emacs!;
  const goOnUntil = async (thread: number): Promise<void> => {
    await client().run('dap-continue');
    while ((await client().stop()) !== thread) await client().run('dap-continue');
  };
  const lookAt = async (kernel: string, thread: number): Promise<void> => {
    await client().choose(kernel);
    await client().run('dap-switch-thread');
    await client().until(kernel, async () => (await client().thread()) === thread);
  };

  before(async function () {
    if (missing !== undefined) this.skip();
    const lab = findLab();
    assert.ok(lab, 'the lab guest is built');
    const file = join(lab.sourceDirectory, 'init', 'main.c');
    line = readFileSync(file, 'utf8').split(BREAKPOINT, 1)[0]!.split('\n').length;
    emacs = await Emacs.start();
    await emacs.evaluate(`(progn (find-file ${JSON.stringify(file)}) t)`);
  });
  after(async () => emacs?.remove());

  it('stops at a breakpoint that was set before the machine ran', async () => {
    await client().evaluate(`(progn (goto-char (point-min)) (forward-line ${line - 1}) (dap-breakpoint-toggle)
      (goto-char (point-min)) t)`);
    await client().choose('Kexec Jump on command');
    await client().run('dap-debug');
    assert.equal(await client().stop(), A);
    assert.deepEqual((await client().functions()).slice(0, 2), ['start_kernel', 'i386_start_kernel']);
    await client().until('the source line', async () => (await client().place()).line === line);
    assert.equal((await client().place()).file, 'main.c');
    await waitForOneSession(client().temporaryFolder);
  });

  it('steps, shows variables, evaluates', async () => {
    await client().run('dap-next');
    await client().stop();
    await client().until('the next line', async () => (await client().place()).line === line + 1);
    await client().shows('*dap-ui-locals*', /command_line: 0x[0-9a-f]+ <command_line>/);
    await client().evaluate('(progn (dap-eval "system_state") t)');
    await client().shows('*Messages*', /=> SYSTEM_BOOTING/);
  });

  it('says why there can be no jump yet, and when there can', async () => {
    await client().run('kexec-jump');
    await client().shows('*Messages*', /^Kexec Jump is not possible now: kernel A does not run its programs/m);
    await client().run('dap-continue');
    await client().shows('*Messages*', /Kernel A runs its programs: M-x kexec-jump$/m);
    await client().shows('*Kernel A*', /Linux version 6\.1\./);
  });

  it('follows the jump until kernel B starts', async () => {
    await client().run('kexec-jump');
    assert.equal(await client().stop(), A);
    assert.equal((await client().functions())[0], 'kernel_kexec');
    await goOnUntil(B);
    assert.equal((await client().functions())[0], 'start_kernel');
    await client().until('the source', async () => (await client().place()).file === 'main.c');
    await client().shows(OUTPUT, /Phase: A quiescing.*Phase: swapping pages.*Phase: B starting/s);
  });

  it('shows the stack and the variables of dormant kernel A', async () => {
    await lookAt('Kernel A (dormant)', A);
    await client().until('the source', async () => (await client().place()).file === 'machine_kexec_32.c');
    assert.deepEqual((await client().functions()).slice(0, 2), ['machine_kexec', 'kernel_kexec']);
    await client().shows('*dap-ui-locals*', /image: 0x[0-9a-f]+/);
    await lookAt('Kernel B (live)', B);
  });

  it('stops kernel B at the breakpoint too, and jumps back', async () => {
    await goOnUntil(B);
    await client().until('the breakpoint', async () => (await client().place()).line === line);
    await client().evaluate('(progn (dap-breakpoint-toggle) t)');
    await goOnUntil(B);
    await client().shows(OUTPUT, /Phase: B running/);
    await client().run('dap-continue');
    await client().shows('*Messages*', /Kernel B runs its programs: M-x kexec-jump-back$/m);
    await client().shows('*Kernel B*', /Linux version 6\.1\./);
    await client().run('kexec-jump-back');
    assert.equal(await client().stop(), B);
    await goOnUntil(A);
    await client().shows(OUTPUT, /Phase: leaving B.*Phase: A resuming/s);
    assert.deepEqual((await client().functions()).slice(0, 2), ['machine_kexec', 'kernel_kexec']);
  });

  it('leaves nothing behind when the user disconnects', async () => {
    await client().run('dap-disconnect');
    await waitForNothing(client().temporaryFolder);
  });

  it('leaves nothing behind when Emacs is closed during a session', async () => {
    await client().choose('Kexec Jump on command');
    await client().run('dap-debug');
    await client().until('the machine', () => Promise.resolve(isWholeSession(client().temporaryFolder)));
    await client().close();
    await waitForNothing(client().temporaryFolder);
  });
});
