/** The palette's commands. */
import * as vscode from 'vscode';
import type { JumpSessions } from './jumpSessions.ts';

export function registerCommands(sessions: JumpSessions, log: vscode.LogOutputChannel): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.commands.registerCommand('kexecJump.jump', async () => order(sessions, 'kexecJump/jump')),
    vscode.commands.registerCommand('kexecJump.jumpBack', async () => order(sessions, 'kexecJump/jumpBack')),
    vscode.commands.registerCommand('kexecJump.showLog', () => {
      log.show();
    }),
  );
}

/** Orders a jump; the guest takes a while to load and to quiesce, so the way there is shown. */
async function order(sessions: JumpSessions, request: 'kexecJump/jump' | 'kexecJump/jumpBack'): Promise<void> {
  const title = request === 'kexecJump/jump' ? 'Kexec Jump' : 'Kexec Jump Back';
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, async () => {
    try {
      await sessions.request(request, {});
    } catch (error) {
      void vscode.window.showErrorMessage((error as Error).message);
    }
  });
}
