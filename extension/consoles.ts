/** The kernels' consoles as terminals. */
import { createConnection, type Socket } from 'node:net';
import * as vscode from 'vscode';
import type { JumpSessions } from './jumpSessions.ts';

/** A terminal joined to a console's unix socket. What was printed before it joined comes first. */
class ConsoleTerminal implements vscode.Pseudoterminal {
  private readonly written = new vscode.EventEmitter<string>();
  private socket: Socket | undefined;

  readonly onDidWrite = this.written.event;

  constructor(private readonly path: string) {}

  open(): void {
    // A character of several bytes may be cut between two pieces; the decoder keeps its beginning.
    const decoder = new TextDecoder();
    this.socket = createConnection(this.path)
      .on('data', (bytes) => {
        this.written.fire(decoder.decode(bytes, { stream: true }));
      })
      .on('error', (error) => {
        this.written.fire(`\r\n\x1b[2m[The console cannot be joined: ${error.message}]\x1b[0m\r\n`);
      })
      .on('close', () => {
        this.written.fire('\r\n\x1b[2m[The machine is gone.]\x1b[0m\r\n');
      });
  }

  handleInput(text: string): void {
    this.socket?.write(text);
  }

  close(): void {
    this.socket?.destroy();
  }
}

/**
 * Opens a terminal for each kernel when a session starts, side by side: one stands still while the other goes on. The last
 * session's stay for reading until then.
 */
export class Consoles implements vscode.Disposable {
  private terminals: vscode.Terminal[] = [];
  private readonly subscription: vscode.Disposable;

  constructor(sessions: JumpSessions) {
    this.subscription = sessions.onDidOpenConsoles(({ A, B, peer }) => {
      this.closeAll();
      const left = open('Kernel A', A, 'terminal.ansiCyan');
      this.terminals = [left, open(`Kernel ${peer}`, B, 'terminal.ansiMagenta', left)];
      left.show(true);
    });
  }

  dispose(): void {
    this.subscription.dispose();
    this.closeAll();
  }

  private closeAll(): void {
    for (const terminal of this.terminals.splice(0)) terminal.dispose();
  }
}

function open(name: string, path: string, color: string, leftNeighbour?: vscode.Terminal): vscode.Terminal {
  return vscode.window.createTerminal({
    name,
    pty: new ConsoleTerminal(path),
    iconPath: new vscode.ThemeIcon('chip'),
    color: new vscode.ThemeColor(color),
    isTransient: true,
    ...(leftNeighbour ? { location: { parentTerminal: leftNeighbour } } : {}),
  });
}
