/** The palette's commands. */
import * as vscode from 'vscode';
import { command } from './command.ts';
import { showGlobalVariable } from './globalVariables.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { openMemory } from './memoryEditor.ts';
import type { Preflight } from './preflight.ts';

export function registerCommands(
  sessions: JumpSessions,
  preflight: Preflight,
  log: vscode.LogOutputChannel,
): vscode.Disposable {
  return vscode.Disposable.from(
    command('jump', async () => {
      if (await preflight.mayGoOn('Kexec Jump')) await order(sessions, 'kexecJump/jump');
    }),
    command('jumpBack', async () => order(sessions, 'kexecJump/jumpBack')),
    command('wake', async () => order(sessions, 'kexecJump/wake')),
    command('showGlobal', async () => showGlobalVariable(sessions)),
    command('openMemory', async () => openMemory(sessions)),
    command('showLog', () => {
      log.show();
    }),
  );
}

/** Titles of what the machine is ordered to do. */
const ORDERS = {
  'kexecJump/jump': 'Kexec Jump',
  'kexecJump/jumpBack': 'Kexec Jump Back',
  'kexecJump/wake': 'Kexec Wake',
} as const;

/** The guest takes a while to load and to quiesce, so the way there is shown. */
async function order(sessions: JumpSessions, request: keyof typeof ORDERS): Promise<void> {
  const location = vscode.ProgressLocation.Window;
  await vscode.window.withProgress({ location, title: ORDERS[request] }, async () => sessions.request(request, {}));
}
