/** The extension's entry: registers everything, holds nothing. */
import * as vscode from 'vscode';
import { AdapterLog } from './adapterLog.ts';
import { Audits } from './audits.ts';
import { registerBreakpointCommands } from './breakpointKernels.ts';
import { registerCommands } from './commands.ts';
import { Consoles } from './consoles.ts';
import { registerDebugType } from './debugType.ts';
import { ExchangeView } from './exchangeView.ts';
import { HibernationCommands } from './hibernation.ts';
import { ImageEditor } from './imageEditor.ts';
import { JumpSessions } from './jumpSessions.ts';
import { JumpView } from './jumpView.ts';
import { registerKernelTasks } from './kernelTasks.ts';
import { registerKernelWork } from './kernelWork.ts';
import { registerPageMap } from './pageMapCommands.ts';
import { Preflight } from './preflight.ts';
import { Problems } from './problems.ts';
import { SnapshotsView } from './snapshotsView.ts';
import { StatusItem } from './statusItem.ts';
import { registerSwapCommands } from './swapCommands.ts';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Kexec Jump', { log: true });
  const sessions = new JumpSessions();
  const preflight = new Preflight(sessions, context.extensionUri);
  context.subscriptions.push(
    log,
    sessions,
    new StatusItem(sessions),
    new Consoles(sessions),
    new Problems(sessions),
    new Audits(sessions),
    new ExchangeView(sessions),
    preflight,
    new HibernationCommands(sessions, preflight),
    new ImageEditor(context.extensionUri, sessions),
    new JumpView(sessions),
    new SnapshotsView(sessions),
    new AdapterLog(log),
    registerDebugType(context.extensionUri),
    registerBreakpointCommands(),
    registerCommands(sessions, preflight, log),
    registerPageMap(sessions, context.extensionUri),
    registerSwapCommands(sessions),
    registerKernelTasks(context.extensionUri),
    registerKernelWork(),
  );
}
