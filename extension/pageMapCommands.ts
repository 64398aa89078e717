/** The palette's commands of the page map, and the one tab that they share. */
import * as vscode from 'vscode';
import { command } from './command.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { LivePages } from './livePages.ts';
import { isNumberOfPage } from './numbers.ts';
import { PageMapPanel } from './pageMapPanel.ts';

/** Opens the page map of the user's session, or brings it to the front: at a page, or with the page list. */
export function registerPageMap(sessions: JumpSessions, extensionUri: vscode.Uri): vscode.Disposable {
  let panel: Promise<PageMapPanel> | undefined;
  const open = async (): Promise<PageMapPanel> => {
    const opened = PageMapPanel.open(extensionUri, 'Page Map', await LivePages.of(sessions));
    opened.onDidDispose(() => (panel = undefined));
    return opened;
  };
  const leading = (name: string, lead: (panel: PageMapPanel, number: number | undefined) => void): vscode.Disposable =>
    command(name, async (argument: unknown) => {
      panel ??= open();
      // What could not be opened is opened anew the next time.
      const opened = await panel.catch((error: unknown) => {
        panel = undefined;
        throw error;
      });
      opened.show();
      lead(opened, isNumberOfPage(argument) ? argument : undefined);
    });
  return vscode.Disposable.from(
    leading('showPageMap', (opened, pfn) => {
      if (pfn !== undefined) opened.reveal(pfn);
    }),
    leading('showPageList', (opened, exchange) => {
      opened.showList(exchange);
    }),
    {
      dispose: () =>
        void panel?.then((opened) => {
          opened.dispose();
        }),
    },
  );
}
