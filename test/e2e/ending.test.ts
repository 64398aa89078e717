/** However a session ends, it leaves no process and no folder. */
import assert from 'node:assert/strict';
import { useCodeWindow, type CodeWindow } from './codeWindow.ts';
import { ONE_SESSION, leftovers, processesWith, waitForNothing } from './leftovers.ts';
import { assertUndisturbed, commandsOffered, expectNoSession } from './stops.ts';

const FILES = { 'hello.c': 'int main(void)\n{\n\treturn 0;\n}\n' };
const BOOT_LIMIT_MS = 120_000;

/** Starts a session and waits until the whole machine is there. */
async function start({ workbench, temporaryFolder }: CodeWindow, status: string | RegExp): Promise<void> {
  await workbench.openFile('hello.c');
  await commandsOffered(workbench);
  await workbench.press('F5');
  await workbench.waitForStatusBar(status, BOOT_LIMIT_MS);
  const { folders, ...programs } = leftovers(temporaryFolder);
  assert.deepEqual(programs, ONE_SESSION);
  assert.equal(folders.length, 1);
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
    const hosts = processesWith(window().temporaryFolder, '--type=extensionHost');
    assert.equal(hosts.length, 1);
    process.kill(hosts[0]!, 'SIGKILL');
    await waitForNothing(window().temporaryFolder);
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
