/** However a session ends, it leaves no process and no folder. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../vscode/waiting.ts';
import { startProcess, type OwnedProcess } from '../vscode/processes.ts';
import { useCodeWindow, type CodeWindow } from './codeWindow.ts';
import { processesWith, waitForNothing, waitForOneSession } from './leftovers.ts';
import { assertUndisturbed, jumpsOffered, expectNoSession } from './stops.ts';

const FILES = { 'hello.c': 'int main(void)\n{\n\treturn 0;\n}\n' };
const BOOT_LIMIT_MS = 120_000;

/** Starts a session and waits until the whole machine is there. */
async function start({ workbench, temporaryFolder }: CodeWindow, status: string | RegExp): Promise<void> {
  await workbench.openFile('hello.c');
  await jumpsOffered(workbench);
  await workbench.press('F5');
  await workbench.waitForStatusBar(status, BOOT_LIMIT_MS);
  await waitForOneSession(temporaryFolder);
}

describe('the end of a session', () => {
  const window = useCodeWindow(() => ({ files: FILES }));

  it('leaves nothing behind when the user stops it during the boot, and another can be started', async () => {
    for (let round = 0; round < 2; round++) {
      await start(window(), /^Kernel A/);
      await window().workbench.press('Shift+F5');
      await waitForNothing(window().temporaryFolder);
      await expectNoSession(window().workbench);
    }
    assert.deepEqual(await window().workbench.terminals.names(), ['Kernel A', 'Kernel B']);
    await assertUndisturbed(window().workbench);
  });

  it('leaves nothing behind when the extension host is killed', async () => {
    await start(window(), 'Kernel A: A quiescing');
    const hosts = (): number[] => processesWith(window().temporaryFolder, '--type=extensionHost');
    const [host] = await waitFor('One extension host', () => hosts().length === 1 && hosts(), hosts);
    process.kill(host!, 'SIGKILL');
    await waitForNothing(window().temporaryFolder);
  });
});

describe('the end of a session that waits for the lab guest', () => {
  let cache: string;
  const window = useCodeWindow(() => {
    cache = mkdtempSync(join(tmpdir(), 'kexec-cache-'));
    return { files: FILES, environment: { KEXEC_JUMP_CACHE: cache } };
  });
  let builder: OwnedProcess;

  // Somebody who builds for as long as the test takes.
  before(() => {
    writeFileSync(join(cache, 'lock'), '4711\n');
    builder = startProcess('flock', [join(cache, 'lock'), 'sleep', '600']);
  });
  after(async () => {
    await builder.stop();
    rmSync(cache, { recursive: true, force: true });
  });

  it('says what it waits for, and when the user stops it nothing is left and nothing in the way', async () => {
    const { workbench, temporaryFolder } = window();
    await workbench.openFile('hello.c');
    await jumpsOffered(workbench);
    await workbench.press('F5');
    await workbench.waitForNotification('Building the lab guest: Waiting for another lab build: process 4711');
    await workbench.press('Shift+F5');
    await waitForNothing(temporaryFolder);
    await expectNoSession(workbench);
    assert.equal(await workbench.dialogText(), undefined);
  });
});

describe('the end of VS Code', () => {
  const window = useCodeWindow(() => ({ files: FILES }));

  it('leaves nothing behind when everything of it is killed', async () => {
    await start(window(), 'Kernel A: A quiescing');
    window().kill();
    await waitForNothing(window().temporaryFolder);
  });
});
