/** The status bar item: which kernel is live, and the phase. */
import * as vscode from 'vscode';
import { PHASE_MEANING } from '../debug-adapter/protocol.ts';
import type { JumpSessions } from './jumpSessions.ts';

export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly subscription: vscode.Disposable;

  constructor(sessions: JumpSessions) {
    this.item = vscode.window.createStatusBarItem('kexecJump.phase', vscode.StatusBarAlignment.Left, 100);
    this.item.name = 'Kexec Jump';
    this.item.command = 'workbench.view.debug';
    this.subscription = sessions.onDidChange((state) => {
      if (!state) {
        this.item.hide();
        return;
      }
      const { live, phase, running } = state;
      const what = phase || 'booting';
      const meaning = phase ? PHASE_MEANING[phase] : 'kernel A boots';
      this.item.text = `$(${running ? 'debug-start' : 'debug-pause'}) Kernel ${live}: ${what}`;
      this.item.tooltip = `Kernel ${live} is on the CPU. ${what}: ${meaning}.`;
      this.item.accessibilityInformation = {
        label: `Kexec Jump: kernel ${live} is live, phase ${what}, ${running ? 'running' : 'stopped'}`,
      };
      this.item.show();
    });
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }
}
