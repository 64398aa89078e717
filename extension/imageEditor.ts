/** Saved memory images as editors, and what a person does with them. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debug-adapter/protocol.ts';
import { findLabs } from '../qemu-runner/guest/lab.ts';
import { Cancelled } from '../vmcore-viewer/core/watch.ts';
import type { ImageToOpen } from '../vmcore-viewer/explorer/protocol.ts';
import { sentenceHtml } from '../vmcore-viewer/pageMapHtml.ts';
import { command, tellError } from './command.ts';
import { ImageDocuments } from './imageDocuments.ts';
import { ImagePages, type ImageAction } from './imagePages.ts';
import { askForAddress, askForEntry, askForLoaderMemory, askForOther, askForSearch } from './imageQuestions.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { longWork } from './longWork.ts';
import { isNumberOfPage } from './numbers.ts';
import { PageMapPanel } from './pageMapPanel.ts';

const VIEW_TYPE = 'kexecJump.memoryImage';
/** Context key that commands are enabled by. */
const HAS_IMAGE = 'kexecJump.hasImage';
const OPEN_AGAIN = 'openImageAgain';

/** An image in an editor. */
interface OpenImage {
  pages: ImagePages;
  panel: vscode.WebviewPanel;
  /** Absent while it is being read, and when it could not be. */
  map?: PageMapPanel;
}

export class ImageEditor implements vscode.Disposable, vscode.CustomReadonlyEditorProvider {
  /** By the file's address. */
  private readonly open = new Map<string, OpenImage>();
  /** The one that a person has looked at last. */
  private current: OpenImage | undefined;
  /** Files that a person has chosen as one image, by the address of the first. */
  private readonly parts = new Map<string, readonly string[]>();
  private readonly documents: ImageDocuments;
  private readonly subscriptions: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly sessions: JumpSessions,
  ) {
    this.documents = new ImageDocuments((address) => this.open.get(address)?.pages);
    const onCurrent = (action: ImageAction) => async (): Promise<void> => {
      const image = this.open.get(this.documents.active ?? '') ?? this.current;
      await this.act(image?.pages.uri, action, undefined);
    };
    this.subscriptions = vscode.Disposable.from(
      this.documents,
      vscode.window.registerCustomEditorProvider(VIEW_TYPE, this),
      command('openImage', async (file?: vscode.Uri, files?: vscode.Uri[]) => this.openFiles(file, files)),
      command(OPEN_AGAIN, async (address: unknown) => {
        await this.readAgain(vscode.Uri.parse(String(address)));
      }),
      command('actOnImage', async (image: unknown, action: ImageAction, address?: string) =>
        this.act(image, action, address),
      ),
      command('showImagePage', (image: unknown, pfn: unknown) => {
        const map = this.open.get(String(image))?.map;
        map?.show();
        if (isNumberOfPage(pfn)) map?.reveal(pfn);
      }),
      command('searchImage', onCurrent('search')),
      command('setReentryPoint', onCurrent('entry')),
      command('compareImage', onCurrent('comparison')),
      command('setLoaderMemory', onCurrent('loaderMemory')),
    );
  }

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  async resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): Promise<void> {
    // VS Code shows the editor, and what is said in it, once this is over.
    void this.read(uri, panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.subscriptions.dispose();
    for (const { pages } of this.open.values()) pages.dispose();
  }

  /** Reads the image, and shows it or why not. */
  private async read(uri: vscode.Uri, panel: vscode.WebviewPanel): Promise<void> {
    const name = basename(uri.fsPath);
    const pages = new ImagePages(this.extensionUri, uri);
    const image: OpenImage = { pages, panel };
    this.open.set(uri.toString(), image);
    panel.onDidChangeViewState(() => {
      if (panel.active && image.map) this.makeCurrent(image);
    });
    const isOpen = (): boolean => this.open.get(uri.toString()) === image;
    panel.onDidDispose(() => {
      pages.dispose();
      if (!isOpen()) return;
      this.open.delete(uri.toString());
      if (this.current === image) this.makeCurrent([...this.open.values()].findLast(({ map }) => map));
    });
    const sayReading = (): void => {
      if (isOpen()) panel.webview.html = sentenceHtml(`Reading ${name}…`);
    };
    try {
      await longWork(`Reading ${name}`, async (patience) => pages.read(this.filesOf(uri), patience), sayReading);
      // The editor was closed, or is read anew.
      if (!isOpen()) throw new Cancelled();
      image.map = PageMapPanel.fill(panel, this.extensionUri, pages);
      this.makeCurrent(image);
    } catch (error) {
      pages.dispose();
      if (!isOpen()) return;
      panel.webview.options = { enableCommandUris: [`kexecJump.${OPEN_AGAIN}`] };
      const again = `command:kexecJump.${OPEN_AGAIN}?${encodeURIComponent(JSON.stringify([uri.toString()]))}`;
      panel.webview.html =
        error instanceof Cancelled
          ? sentenceHtml(`Reading ${name} was cancelled.`, { text: 'Read it again', address: again })
          : sentenceHtml((error as Error).message);
    }
  }

  private makeCurrent(image: OpenImage | undefined): void {
    this.current = image;
    void vscode.commands.executeCommand('setContext', HAS_IMAGE, image !== undefined);
  }

  /** From the palette, of files that are asked for; from a file's menu, of the files that are selected. */
  private async openFiles(file?: vscode.Uri, files?: vscode.Uri[]): Promise<void> {
    const title = 'Open as Memory Image (several files: the parts of one image)';
    const options = { title, openLabel: 'Open', canSelectMany: true };
    const chosen = files ?? (file ? [file] : await vscode.window.showOpenDialog(options)) ?? [];
    const [first] = [...chosen].sort((one, other) => one.fsPath.localeCompare(other.fsPath));
    if (!first) return;
    const isOpen = this.open.has(first.toString());
    this.parts.set(
      first.toString(),
      chosen.map(({ fsPath }) => fsPath),
    );
    await vscode.commands.executeCommand('vscode.openWith', first, VIEW_TYPE);
    if (isOpen) await this.readAgain(first);
  }

  private filesOf(uri: vscode.Uri): ImageToOpen {
    const paths = [...(this.parts.get(uri.toString()) ?? [uri.fsPath])];
    return { paths, vmlinux: findLabs().map(({ vmlinux }) => vmlinux) };
  }

  /** Reads what is in an editor anew: by other files, by another jump, or because it could not be read before. */
  private async readAgain(uri: vscode.Uri, entry?: ImageToOpen['entry']): Promise<void> {
    const image = this.open.get(uri.toString());
    if (!image) return;
    const { pages, panel, map } = image;
    if (!map) {
      await this.read(uri, panel);
      return;
    }
    const wanted = { ...this.filesOf(uri), entry };
    try {
      await longWork(`Reading ${basename(uri.fsPath)}`, async (patience) => pages.read(wanted, patience));
      this.documents.renew(uri);
    } catch (error) {
      tellError(error);
    }
  }

  /** @param address of the document "page"; asked for unless given. */
  private async act(uri: unknown, action: ImageAction, address: string | undefined): Promise<void> {
    const image = uri instanceof vscode.Uri ? this.open.get(uri.toString()) : undefined;
    if (!image?.map) return;
    const { pages } = image;
    try {
      if (action === 'entry') {
        await this.setEntry(pages);
        return;
      }
      if (action === 'loaderMemory') {
        await this.setLoaderMemory(pages);
        return;
      }
      if (action === 'debug') {
        await this.debug(pages);
        return;
      }
      const place = action === 'page' ? (address ?? (await askForAddress())) : undefined;
      if (action === 'page' && place === undefined) return;
      if (action === 'search' && !(await this.search(pages))) return;
      if (action === 'comparison' && !(await this.compare(pages))) return;
      await this.documents.show(pages.uri, action, place);
    } catch (error) {
      tellError(error);
    }
  }

  /** Whether a person wanted to, here as below. */
  private async search(pages: ImagePages): Promise<boolean> {
    const query = await askForSearch(async (entered) => pages.reasonAgainst('checkSearch', entered));
    if (!query) return false;
    await longWork(`Searching ${basename(pages.uri.fsPath)}`, async (patience) => pages.search(query, patience));
    return true;
  }

  private async compare(pages: ImagePages): Promise<boolean> {
    const other = await askForOther(this.sessions);
    if (!other) return false;
    await longWork(`Comparing with ${other.name}`, async (patience) => pages.compare(other, patience));
    return true;
  }

  /** By the same files and the jump that is shown. */
  private async debug(pages: ImagePages): Promise<void> {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    const { paths } = this.filesOf(pages.uri);
    const entry = await pages.shownEntry();
    await vscode.debug.startDebugging(folder, {
      ...{ type: DEBUG_TYPE, request: 'launch', name: basename(pages.uri.fsPath), core: paths },
      ...(entry === undefined ? {} : { entry }),
    });
  }

  /** Judges by it from now on whether the image can be resumed, and says so. */
  private async setLoaderMemory(pages: ImagePages): Promise<void> {
    const answer = await askForLoaderMemory(pages.loaderMemory);
    if (!answer) return;
    pages.loaderMemory = answer.bytes;
    await this.documents.show(pages.uri, 'resumability');
  }

  private async setEntry(pages: ImagePages): Promise<void> {
    const name = basename(pages.uri.fsPath);
    const { found, shown } = await longWork(`Looking through ${name}`, async (patience) => pages.entries(patience));
    const entry = await askForEntry(found, shown, async (entered) =>
      pages.reasonAgainst('checkEntry', { entry: entered }),
    );
    if (entry !== undefined) await this.readAgain(pages.uri, entry);
  }
}
