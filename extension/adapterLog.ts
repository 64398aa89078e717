/** The log: what the adapter and VS Code say to each other, and what the adapter tells of gdb when `trace` is set. */
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debug-adapter/protocol.ts';

interface Message {
  type?: string;
  command?: string;
  event?: string;
  success?: boolean;
  body?: { category?: string; output?: string };
}

export class AdapterLog implements vscode.Disposable {
  private readonly registration: vscode.Disposable;

  constructor(log: vscode.LogOutputChannel) {
    this.registration = vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
      createDebugAdapterTracker: ({ name }) => ({
        onWillStartSession: () => {
          log.info(`Session "${name}" starts`);
        },
        onDidSendMessage: (message: Message) => {
          record(log, message);
        },
        onWillReceiveMessage: (message: Message) => {
          log.debug(`> ${JSON.stringify(message)}`);
        },
        onError: (error) => {
          log.error(error);
        },
        onExit: (code, signal) => {
          log.info(`The debug adapter of "${name}" ended (${signal ?? code ?? 'no status'})`);
        },
      }),
    });
  }

  dispose(): void {
    this.registration.dispose();
  }
}

function record(log: vscode.LogOutputChannel, message: Message): void {
  const text = message.event === 'output' ? (message.body?.output ?? '').trimEnd() : '';
  if (text && message.body?.category === 'telemetry') log.trace(text);
  else if (text && message.body?.category === 'important') log.error(text);
  else if (text) log.info(text);
  else if (message.type === 'response' && message.success === false) log.error(JSON.stringify(message));
  else log.debug(`< ${JSON.stringify(message)}`);
}
