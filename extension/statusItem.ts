/** The status bar item: which kernel is live, and the phase. */
import * as vscode from 'vscode';
import { nameKernels, PHASE_MEANING } from '../debug-adapter/protocol.ts';
import type { JumpSessions } from './jumpSessions.ts';

export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly subscription: vscode.Disposable;

  constructor(sessions: JumpSessions) {
    this.item = vscode.window.createStatusBarItem('kexecJump.phase', vscode.StatusBarAlignment.Left, 100);
    this.item.name = 'Kexec Jump';
    this.subscription = sessions.onDidChange((state) => {
      if (!state) {
        this.item.hide();
        return;
      }
      const { phase, running, asleep, peer } = state;
      const live = nameKernels(state.live, peer);
      const what = nameKernels(phase, peer) || 'booting';
      const meaning = phase ? nameKernels(PHASE_MEANING[phase], peer) : 'the first kernel boots';
      const [icon, doing] = asleep
        ? ['circle-outline', 'suspended to RAM']
        : running
          ? ['debug-start', 'running']
          : ['debug-pause', 'stopped'];
      this.item.text = `$(${icon}) Kernel ${live}: ${asleep ? doing : what}`;
      this.item.tooltip = asleep
        ? `The machine is suspended to RAM. Wake it: then kernel ${live} jumps back.`
        : `Kernel ${live} is on the CPU. ${what}: ${meaning}.`;
      this.item.command = asleep ? 'kexecJump.wake' : 'workbench.view.debug';
      this.item.accessibilityInformation = {
        label: `Kexec Jump: kernel ${live} is live, phase ${what}, ${doing}`,
      };
      this.item.show();
    });
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }
}
