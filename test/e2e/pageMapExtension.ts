/** An extension of its own for the test of the page map: the panel of ours, with a memory that is made up. */
import * as vscode from 'vscode';
import { PageMapPanel, type PageMapSource } from '../../extension/pageMapPanel.ts';
import type { DetailRow, PageMapChange, PageMapModel } from '../../vmcore-viewer/protocol.ts';
import { SyntheticMemory } from '../webview/syntheticMemory.ts';

class SyntheticSource implements PageMapSource {
  private readonly memory = new SyntheticMemory();
  private readonly changes = new vscode.EventEmitter<PageMapChange>();
  readonly onDidChange = this.changes.event;

  model(): Promise<PageMapModel> {
    return Promise.resolve(this.memory.model);
  }

  details(pfn: number): Promise<DetailRow[]> {
    return Promise.resolve(this.memory.details(pfn));
  }

  find(text: string): Promise<number | undefined> {
    return Promise.resolve(text === 'init_task' ? 0x4321 : undefined);
  }

  exchangeSome(): void {
    for (const change of this.memory.exchangeSome(100)) this.changes.fire(change);
  }

  dispose(): void {
    this.changes.dispose();
    void vscode.window.showInformationMessage('The memory was let go');
  }
}

export function activate({ extensionUri, subscriptions }: vscode.ExtensionContext): void {
  let source: SyntheticSource | undefined;
  let panel: PageMapPanel | undefined;
  subscriptions.push(
    vscode.commands.registerCommand('pageMapTest.open', () => {
      source = new SyntheticSource();
      panel = PageMapPanel.open(extensionUri, 'Page Map', source);
    }),
    vscode.commands.registerCommand('pageMapTest.exchange', () => {
      source?.exchangeSome();
      panel?.reveal(0x20000);
    }),
  );
}
