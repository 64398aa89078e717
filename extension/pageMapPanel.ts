/** The page map in an editor tab. What it shows comes from a source: a live guest, a saved image. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { pageMapHtml } from '../vmcore-viewer/pageMapHtml.ts';
import type { DetailRow, HostMessage, PageMapChange, PageMapMessage, PageMapModel } from '../vmcore-viewer/protocol.ts';
import { tellingErrors } from './command.ts';

const VIEW_TYPE = 'kexecJump.pageMap';

/** A memory to be shown. Errors of its methods are shown to the person, their message alone. */
export interface PageMapSource {
  /**
   * All there is, as it is now. Asked for each time the map comes into view: VS Code forgets what a hidden tab shows.
   * A change that is reported meanwhile may be in it already or not.
   */
  model(): Promise<PageMapModel>;
  /** What changed. Typed arrays are to be plain ones with a buffer of their own, not views of a Buffer. */
  readonly onDidChange: vscode.Event<PageMapChange>;
  /** All of it is another now: the model is asked for again. */
  readonly onDidRenew?: vscode.Event<void>;
  /** What is known of a page beyond its class, owner, regions and exchanges, which the map knows. */
  details(pfn: number): Promise<DetailRow[]>;
  /** The page that a text names, such as a symbol; `undefined`, or an error with a sentence, when there is none. */
  find?(text: string): Promise<number | undefined>;
  /** A person wants to see the pages of an exchange, by its number; only asked when the model says that it can be. */
  showExchange?(number: number): void;
  /** A person wants to see what is in a page; only asked when the model says that it can be. */
  showPage?(pfn: number): void;
  /** A person chose one of the actions that the model offers. */
  act?(id: string): void;
  /** A person selected a page. */
  selected?(pfn: number): void;
  /** The tab came into sight, or went out of it: changes are of no use then. */
  shown?(isShown: boolean): void;
  /** The tab is gone: nothing is asked any more. */
  dispose(): void;
}

/** A tab with the page map. It is the owner of its source: both end together. */
export class PageMapPanel implements vscode.Disposable {
  private readonly ended = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable;
  /** Whether the map has the model, so that changes make sense to it; or those it is to hear once it has. */
  private fed: boolean | PageMapChange[] = false;
  /** Where a person wants to be led once the map has the model. */
  private wanted: HostMessage[] = [];

  /** The tab was closed, by a person or by `dispose()`. */
  readonly onDidDispose = this.ended.event;

  private constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly source: PageMapSource,
  ) {
    const { webview } = panel;
    this.subscriptions = vscode.Disposable.from(
      source,
      source.onDidChange((change) => {
        if (this.fed === true) this.send(change);
        else if (this.fed) this.fed.push(change);
      }),
      source.onDidRenew?.(() => {
        if (this.fed !== false) void this.hear({ type: 'ready' });
      }) ?? { dispose: () => undefined },
      webview.onDidReceiveMessage(async (message: PageMapMessage) => this.hear(message)),
      panel.onDidChangeViewState(() => {
        // A hidden map is gone; it says `ready` when it is shown again.
        if (!panel.visible) this.fed = false;
        source.shown?.(panel.visible);
      }),
    );
    panel.onDidDispose(() => {
      this.subscriptions.dispose();
      this.ended.fire();
      this.ended.dispose();
    });
  }

  /** Opens a tab beside the active editor; the focus stays where it is. */
  static open(extensionUri: vscode.Uri, title: string, source: PageMapSource): PageMapPanel {
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    return PageMapPanel.fill(vscode.window.createWebviewPanel(VIEW_TYPE, title, place), extensionUri, source);
  }

  /** The same in a tab that there is. */
  static fill(panel: vscode.WebviewPanel, extensionUri: vscode.Uri, source: PageMapSource): PageMapPanel {
    const resources = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
    panel.webview.options = { enableScripts: true, localResourceRoots: [resources] };
    const map = new PageMapPanel(panel, source);
    const address = (file: string): string =>
      panel.webview.asWebviewUri(vscode.Uri.joinPath(resources, file)).toString();
    panel.webview.html = pageMapHtml({
      script: address('pageMap.js'),
      styles: address('style.css'),
      icons: address('codicon.css'),
      source: panel.webview.cspSource,
      nonce: randomBytes(16).toString('hex'),
    });
    return map;
  }

  /** Brings the tab to the front. */
  show(): void {
    this.panel.reveal(undefined, true);
  }

  /** Selects a page and brings it into view. */
  reveal(pfn: number): void {
    this.lead({ type: 'reveal', pfn });
  }

  /** Opens the page list; with the number of an exchange, at its entry. */
  showList(exchange?: number): void {
    this.lead({ type: 'showList', ...(exchange === undefined ? {} : { exchange }) });
  }

  dispose(): void {
    this.panel.dispose();
  }

  private async hear(message: PageMapMessage): Promise<void> {
    await tellingErrors(async () => this.answer(message));
  }

  private async answer(message: PageMapMessage): Promise<void> {
    const { source } = this;
    switch (message.type) {
      case 'ready': {
        const missed: PageMapChange[] = [];
        this.fed = missed;
        const model = await source.model();
        // Hidden again, or ready once more, while the source was busy.
        if (this.fed !== missed) break;
        this.send({ type: 'model', model });
        for (const change of missed) this.send(change);
        this.fed = true;
        for (const place of this.wanted.splice(0)) this.send(place);
        break;
      }
      case 'details':
        this.send({ type: 'details', pfn: message.pfn, rows: await source.details(message.pfn) });
        break;
      case 'find': {
        const nothing: HostMessage = { type: 'notFound', why: `There is no "${message.text}" here` };
        const found = source.find?.(message.text).then(
          (pfn): HostMessage => (pfn === undefined ? nothing : { type: 'reveal', pfn }),
          (error: unknown): HostMessage => ({ type: 'notFound', why: (error as Error).message }),
        );
        this.send((await found) ?? nothing);
        break;
      }
      case 'showExchange':
        source.showExchange?.(message.number);
        break;
      case 'showPage':
        source.showPage?.(message.pfn);
        break;
      case 'action':
        source.act?.(message.id);
        break;
      case 'selected':
        source.selected?.(message.pfn);
    }
  }

  private lead(place: HostMessage): void {
    if (this.fed === true) this.send(place);
    else this.wanted.push(place);
  }

  private send(message: HostMessage): void {
    void this.panel.webview.postMessage(message);
  }
}
