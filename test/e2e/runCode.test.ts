/** `npm run code`: VS Code opens on the sample workspace, F5 works there, Ctrl-C ends everything. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startBrowser, type BrowserSession } from '../vscode/browser.ts';
import { waitFor } from '../vscode/waiting.ts';
import type { Workbench } from '../vscode/workbench.ts';
import { processesWith, waitForNothing, waitForOneSession } from './leftovers.ts';
import { jumpsOffered, expectStop } from './stops.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const START_LIMIT_MS = 15 * 60_000;
const END_LIMIT_MS = 20_000;

describe('npm run code', () => {
  let folder: string;
  let command: ChildProcess;
  let printed = '';
  let browser: BrowserSession | undefined;

  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'kexec-code-')));
    await mkdir(join(folder, 'tmp'));
    const program = join(REPOSITORY, 'test', 'vscode', 'open.ts');
    // A group of its own, as a shell gives to a command: Ctrl-C reaches all of it.
    command = spawn(process.execPath, ['--import', 'tsx', program, '--web', '--home', join(folder, 'home')], {
      cwd: REPOSITORY,
      env: { ...process.env, TMPDIR: join(folder, 'tmp'), DISPLAY: '', WAYLAND_DISPLAY: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [command.stdout, command.stderr]) {
      stream?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
    }
  });

  after(async () => {
    await browser?.close();
    if (command.exitCode === null && command.signalCode === null) command.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('prints the address of a VS Code in which F5 works', async function () {
    this.timeout(START_LIMIT_MS);
    const url = await address();
    browser = await startBrowser();
    const workbench = await browser.open(url);
    try {
      await waitForReadme(workbench);
      await jumpsOffered(workbench);
      await workbench.press('F5');
      await expectStop(workbench, {
        status: 'Kernel A: A quiescing',
        file: 'kernel/kexec_core.c',
        line: 'if (!kexec_image)',
        frames: ['kernel_kexec', '__do_sys_reboot'],
        thread: 'Kernel A (live)',
      });
      await waitForOneSession(join(folder, 'tmp'));
    } catch (error) {
      await keepPicture(workbench);
      throw error;
    }
  });

  it('ends with Ctrl-C and leaves nothing running', async () => {
    const exit = once(command, 'exit', { signal: AbortSignal.timeout(END_LIMIT_MS) });
    process.kill(-command.pid!, 'SIGINT');
    const [code] = (await exit) as [number | null];
    assert.equal(code, 0, printed);
    await waitForNothing(join(folder, 'tmp'));
    const left = (): number[] => processesWith(join(folder, 'tmp'), '');
    await waitFor('The end of every process', () => left().length === 0, left);
  });

  async function address(): Promise<string> {
    const deadline = Date.now() + START_LIMIT_MS - 60_000;
    for (;;) {
      const url = /VS Code is at (\S+)/.exec(printed)?.[1];
      if (url !== undefined) return url;
      assert.equal(command.exitCode, null, printed);
      assert.ok(Date.now() < deadline, printed);
      await delay(100);
    }
  }
});

/** A person reads first; VS Code needs about as long until it has the launch.json. */
async function waitForReadme(workbench: Workbench): Promise<void> {
  await waitFor(
    'The README of the sample workspace',
    async () => (await workbench.activeEditor())?.endsWith('/README.txt'),
    () => workbench.activeEditor(),
  );
}

async function keepPicture(workbench: Workbench): Promise<void> {
  await mkdir(join(REPOSITORY, 'test-results'), { recursive: true });
  await workbench.screenshot(join(REPOSITORY, 'test-results', 'npm-run-code.png'));
  console.log(await workbench.notificationsSeen(), await workbench.dialogText());
}
