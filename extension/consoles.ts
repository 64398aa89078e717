/** The kernels' consoles as terminals. */
import { createConnection, type Socket } from 'node:net';
import * as vscode from 'vscode';
import type { KernelName } from '../debug-adapter/protocol.ts';
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

/** Opens a terminal for each kernel when a session starts; the last session's stay for reading until then. */
export class Consoles implements vscode.Disposable {
  private readonly terminals = new Map<KernelName, vscode.Terminal>();
  private readonly subscription: vscode.Disposable;
  private inFront: KernelName = 'A';

  constructor(sessions: JumpSessions) {
    this.subscription = vscode.Disposable.from(
      sessions.onDidOpenConsoles(({ A, B }) => {
        this.closeAll();
        this.terminals.set('A', open('Kernel A', A, 'terminal.ansiCyan'));
        this.terminals.set('B', open('Kernel B', B, 'terminal.ansiMagenta'));
        this.inFront = 'A';
        this.terminals.get('A')?.show(true);
      }),
      sessions.onDidChange((state) => {
        if (state) this.follow(state.live);
      }),
    );
  }

  dispose(): void {
    this.subscription.dispose();
    this.closeAll();
  }

  /** After a jump the console that goes on is in front, unless the user looks at a terminal of their own. */
  private follow(live: KernelName): void {
    if (live === this.inFront) return;
    const looksAtOurs = vscode.window.activeTerminal === this.terminals.get(this.inFront);
    this.inFront = live;
    if (looksAtOurs) this.terminals.get(live)?.show(true);
  }

  private closeAll(): void {
    for (const terminal of this.terminals.values()) terminal.dispose();
    this.terminals.clear();
  }
}

function open(name: string, path: string, color: string): vscode.Terminal {
  return vscode.window.createTerminal({
    name,
    pty: new ConsoleTerminal(path),
    iconPath: new vscode.ThemeIcon('chip'),
    color: new vscode.ThemeColor(color),
    isTransient: true,
  });
}
