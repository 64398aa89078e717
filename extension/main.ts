/** The extension's entry: registers everything, holds nothing. */
import * as vscode from 'vscode';
import { AdapterLog } from './adapterLog.ts';
import { registerCommands } from './commands.ts';
import { Consoles } from './consoles.ts';
import { registerDebugType } from './debugType.ts';
import { JumpSessions } from './jumpSessions.ts';
import { StatusItem } from './statusItem.ts';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Kexec Jump', { log: true });
  const sessions = new JumpSessions();
  context.subscriptions.push(
    log,
    sessions,
    new StatusItem(sessions),
    new Consoles(sessions),
    new AdapterLog(log),
    registerDebugType(context.extensionUri),
    registerCommands(sessions, log),
  );
}
