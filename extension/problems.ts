/** Exceptions of the kernels in the Problems view, at the line where they happened. */
import * as vscode from 'vscode';
import type { ExceptionEvent } from '../debug-adapter/protocol.ts';
import type { JumpSessions } from './jumpSessions.ts';

export class Problems implements vscode.Disposable {
  private readonly diagnostics = vscode.languages.createDiagnosticCollection('kexec-jump');
  private readonly subscriptions: vscode.Disposable;

  constructor(sessions: JumpSessions) {
    this.subscriptions = vscode.Disposable.from(
      this.diagnostics,
      sessions.onDidBegin(() => {
        this.diagnostics.clear();
      }),
      sessions.onDidMeetException((exception) => {
        this.add(exception);
      }),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private add({ kernel, text, source }: ExceptionEvent): void {
    if (!source) return;
    const uri = vscode.Uri.file(source.path);
    const line = new vscode.Range(source.line - 1, 0, source.line - 1, Number.MAX_SAFE_INTEGER);
    const diagnostic = new vscode.Diagnostic(line, text, vscode.DiagnosticSeverity.Error);
    diagnostic.source = `kernel ${kernel}`;
    this.diagnostics.set(uri, [...(this.diagnostics.get(uri) ?? []), diagnostic]);
  }
}
