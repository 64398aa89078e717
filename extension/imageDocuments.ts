/** The documents that are made of an image, and their links to its page map. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { placeOf } from './documentPlace.ts';
import { ASK_FOR_LOADER_MEMORY, linksIn } from './imageLinks.ts';
import type { DocumentName, ImagePages } from './imagePages.ts';

const SCHEME = 'kexec-image';
const TITLES: Readonly<Record<DocumentName, string>> = {
  log: 'Kernel Log',
  tasks: 'Tasks',
  vmcoreinfo: 'VMCOREINFO',
  regions: 'Regions',
  resumability: 'Can It Be Resumed',
  page: 'Page',
  search: 'Search',
  comparison: 'Comparison',
};

/** What the address of a document says. */
interface Subject {
  /** The image's address. */
  image: string;
  name: DocumentName;
  /** Of the document "page". */
  address?: string | undefined;
}

export class ImageDocuments
  implements vscode.Disposable, vscode.TextDocumentContentProvider, vscode.DocumentLinkProvider
{
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: vscode.Disposable;

  /** @param imageAt the open image of an address. */
  constructor(private readonly imageAt: (address: string) => ImagePages | undefined) {
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.languages.registerDocumentLinkProvider({ scheme: SCHEME }, this),
    );
  }

  /** Opens a document beside the image. A search or a comparison is in the same document as the one before. */
  async show(image: vscode.Uri, name: DocumentName, address?: string): Promise<void> {
    const path = `/${basename(image.fsPath)} ${TITLES[name]}${address === undefined ? '' : ` ${address}`}.txt`;
    const subject: Subject = { image: image.toString(), name, address };
    const uri = vscode.Uri.from({ scheme: SCHEME, path, query: JSON.stringify(subject) });
    this.changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { viewColumn: placeOf(SCHEME) });
  }

  /** The address of the image whose document a person is in. */
  get active(): string | undefined {
    const uri = vscode.window.activeTextEditor?.document.uri;
    return uri?.scheme === SCHEME ? subjectOf(uri).image : undefined;
  }

  /** Makes the documents of an image anew. */
  renew(image: vscode.Uri): void {
    for (const { uri } of vscode.workspace.textDocuments) {
      if (uri.scheme === SCHEME && subjectOf(uri).image === image.toString()) this.changed.fire(uri);
    }
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { image, name, address } = subjectOf(uri);
    const pages = this.imageAt(image);
    if (!pages) return 'The image was closed. Open it again to look at this.\n';
    try {
      return await pages.report(name, address);
    } catch (error) {
      return `${(error as Error).message}\n`;
    }
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    const { image, name } = subjectOf(document.uri);
    const text = document.getText();
    const pages = linksIn(name, text).map(({ line, start, end, pfn }) =>
      linkTo(new vscode.Range(line, start, line, end), 'Show in the page map', 'showImagePage', image, pfn),
    );
    const at = name === 'resumability' ? text.lastIndexOf(ASK_FOR_LOADER_MEMORY) : -1;
    if (at < 0) return pages;
    const range = new vscode.Range(document.positionAt(at), document.positionAt(at + ASK_FOR_LOADER_MEMORY.length));
    return [...pages, linkTo(range, 'Judge by how much memory it has', 'setLoaderMemory')];
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}

function linkTo(range: vscode.Range, tooltip: string, command: string, ...args: unknown[]): vscode.DocumentLink {
  const wanted = encodeURIComponent(JSON.stringify(args));
  const link = new vscode.DocumentLink(range, vscode.Uri.parse(`command:kexecJump.${command}?${wanted}`));
  link.tooltip = tooltip;
  return link;
}

const subjectOf = ({ query }: vscode.Uri): Subject => JSON.parse(query) as Subject;
