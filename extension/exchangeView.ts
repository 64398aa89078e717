/**
 * The pages of an exchange side by side, as a document: the one that follows the steps through the swap, or one by its
 * number. Its links lead to the page map and to the page list.
 */
import * as vscode from 'vscode';
import { command } from './command.ts';
import { placeOf } from './documentPlace.ts';
import { exchangeIn, linksIn, textOf } from './exchangeText.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { askForNumber, isNumberOfPage } from './numbers.ts';
import { whenSettled } from './settled.ts';

const SCHEME = 'kexec-exchange';
/** The exchange that is being made or comes next. */
const CURRENT = vscode.Uri.from({ scheme: SCHEME, path: 'Exchange.txt' });

export class ExchangeView
  implements vscode.Disposable, vscode.TextDocumentContentProvider, vscode.DocumentLinkProvider, vscode.CodeLensProvider
{
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly sessions: JumpSessions) {
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.languages.registerDocumentLinkProvider({ scheme: SCHEME }, this),
      vscode.languages.registerCodeLensProvider({ scheme: SCHEME }, this),
      command('showExchange', async (number: unknown) => {
        await show(isNumberOfPage(number) ? documentOf(number) : CURRENT);
      }),
      command('showExchangeByNumber', async () => {
        const number = await askForNumber('Number of the exchange in the page list, from 0');
        if (number !== undefined) await show(documentOf(number));
      }),
      whenSettled(
        () => {
          for (const { uri } of vscode.workspace.textDocuments) if (uri.scheme === SCHEME) this.changed.fire(uri);
        },
        sessions.onDidChange,
        vscode.debug.onDidChangeActiveStackItem,
      ),
    );
  }

  async provideTextDocumentContent({ query }: vscode.Uri): Promise<string> {
    try {
      return textOf(await this.sessions.request('kexecJump/exchange', query ? { number: Number(query) } : {}));
    } catch (error) {
      return `${(error as Error).message}\n`;
    }
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    return linksIn(document.getText()).map(({ line, start, end, to }) => {
      const isPage = 'pfn' in to;
      const target = isPage ? commandUri('showPageMap', to.pfn) : commandUri('showPageList', to.exchange);
      const link = new vscode.DocumentLink(new vscode.Range(line, start, line, end), target);
      link.tooltip = isPage ? 'Show in the page map' : 'Show in the page list';
      return link;
    });
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const exchange = exchangeIn(document.getText());
    if (!exchange) return [];
    const { number, count } = exchange;
    const lens = (title: string, command: string, ...argumentsOfCommand: number[]): vscode.CodeLens =>
      new vscode.CodeLens(new vscode.Range(0, 0, 0, 0), {
        title,
        command: `kexecJump.${command}`,
        arguments: argumentsOfCommand,
      });
    return [
      lens('$(list-ordered) Page List', 'showPageList', number),
      ...(number > 0 ? [lens('$(arrow-left) Previous', 'showExchange', number - 1)] : []),
      ...(number < count - 1 ? [lens('Next $(arrow-right)', 'showExchange', number + 1)] : []),
      ...(document.uri.query ? [lens('$(debug-stackframe) Current', 'showExchange')] : []),
    ];
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}

/** The same tab shows one exchange after the other, as it is a preview. */
function documentOf(number: number): vscode.Uri {
  return CURRENT.with({ path: `Exchange ${number}.txt`, query: String(number) });
}

async function show(uri: vscode.Uri): Promise<void> {
  const options = { viewColumn: placeOf(SCHEME), preserveFocus: true };
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), options);
}

function commandUri(command: string, argument: number): vscode.Uri {
  return vscode.Uri.parse(`command:kexecJump.${command}?${encodeURIComponent(JSON.stringify([argument]))}`);
}
