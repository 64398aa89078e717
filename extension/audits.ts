/** The audit of a jump: switched on by a command, its report a document, its verdicts a layer of the page map. */
import * as vscode from 'vscode';
import type { Audit } from '../debug-adapter/protocol.ts';
import type { PageClass, PageLayer } from '../vmcore-viewer/protocol.ts';
import { command } from './command.ts';
import type { JumpSessions } from './jumpSessions.ts';

const SCHEME = 'kexec-audit';
const DOCUMENT = vscode.Uri.from({ scheme: SCHEME, path: 'Audit.txt' });
const SHOW = 'Show Report';

export class Audits implements vscode.Disposable, vscode.TextDocumentContentProvider {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly sessions: JumpSessions) {
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      command('audit', async () => this.switchOn()),
      command('showAudit', show),
      sessions.onDidAudit(({ violations, line }) => {
        this.changed.fire(DOCUMENT);
        if (violations > 0) void offer(line);
      }),
    );
  }

  async provideTextDocumentContent(): Promise<string> {
    try {
      return (await this.sessions.request('kexecJump/audit', {})).text;
    } catch (error) {
      return `${(error as Error).message}\n`;
    }
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async switchOn(): Promise<void> {
    await this.sessions.request('kexecJump/setAudit', { on: true });
    void vscode.window.showInformationMessage('Each jump that begins from now on is audited.');
  }
}

async function show(): Promise<void> {
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(DOCUMENT), { preview: false });
}

async function offer(line: string): Promise<void> {
  if ((await vscode.window.showWarningMessage(line, SHOW)) === SHOW) await show();
}

/** By the names of the verdicts that are no violations. */
const LOOKS: Readonly<Record<string, Pick<PageClass, 'color' | 'tone'>>> = {
  untouched: { color: 'charts.lines', tone: 0.7 },
  self: { color: 'charts.yellow', tone: 0.4 },
  exact: { color: 'charts.green' },
  legitimate: { color: 'charts.blue' },
};

/** The audit as a layer of the page map: whatever is wrong is seen at any zoom. */
export function auditLayer({ layer: { verdicts, bytes } }: Audit): PageLayer {
  return {
    id: 'audit',
    name: 'What the audit says',
    classes: verdicts.map(({ name, description, isViolation }) => ({
      ...{ id: name, name: inWords(name), description },
      ...(isViolation ? { color: 'charts.red', prominent: true } : (LOOKS[name] ?? { color: 'foreground' })),
    })),
    bytes: Uint8Array.from(Buffer.from(bytes, 'base64')),
  };
}

/** "wrongContent" as "Wrong content". */
function inWords(name: string): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words[0]!.toUpperCase()}${words.slice(1)}`;
}
