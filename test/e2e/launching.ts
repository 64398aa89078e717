/** Workspaces with a launch.json, and the keys that start a session in them. */
import assert from 'node:assert/strict';
import type { KernelName, LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import type { Workbench } from '../vscode/workbench.ts';
import { jumpsOffered } from './stops.ts';

/** How long a kernel may take to boot, a jump included. */
export const BOOT_LIMIT_MS = 120_000;

/** Kernel A boots and waits for orders. */
export const NO_STOPS: LaunchConfiguration = { autoJump: false, stopAt: [] };

/** The files of a workspace whose launch.json has this configuration alone. */
export function launchFiles(configuration: LaunchConfiguration): Record<string, string> {
  const configurations = [{ type: 'kexec-jump', request: 'launch', name: 'Lab guest of a test', ...configuration }];
  return {
    'hello.c': 'int main(void)\n{\n\treturn 0;\n}\n',
    '.vscode/launch.json': JSON.stringify({ version: '0.2.0', configurations }),
  };
}

/** Presses F5 when the extension is there. The focus is in an editor: where nothing has it, F5 is the browser's. */
export async function start(workbench: Workbench): Promise<void> {
  await workbench.openFile('hello.c');
  assert.deepEqual(await jumpsOffered(workbench), []);
  await workbench.press('F5');
}

/** Starts a session that does not stop, and waits for kernel A's shell. */
export async function startKernelA(workbench: Workbench): Promise<void> {
  await start(workbench);
  await workbench.waitForStatusBar('Kernel A: A running', BOOT_LIMIT_MS);
  await waitForShell(workbench, 'A');
}

/** Gives the variable `precious` of a kernel's shell a value, and waits until the shell has it. */
export async function setPrecious({ terminals }: Workbench, kernel: KernelName, value: string): Promise<void> {
  await terminals.type(`Kernel ${kernel}`, `precious=${value}; echo "$precious now"\n`);
  await terminals.waitForText(`Kernel ${kernel}`, new RegExp(`^${value} now$`, 'm'));
}

/** Waits for a kernel's shell, after a boot. What the kernel says later on may stand behind its prompt. */
export async function waitForShell(workbench: Workbench, kernel: KernelName): Promise<void> {
  await workbench.terminals.waitForText(`Kernel ${kernel}`, new RegExp(`^${kernel}#`, 'm'), BOOT_LIMIT_MS);
}
