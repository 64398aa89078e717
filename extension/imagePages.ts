/** A saved memory image for the page map; the explorer reads it in a thread of its own. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { ExplorerClient, type Patience } from '../vmcore-viewer/explorer/client.ts';
import type {
  EntryCandidate,
  ExplorerRequests,
  ImageMap,
  ImageToOpen,
  KernelSummary,
  ReportName,
  SearchQuery,
} from '../vmcore-viewer/explorer/protocol.ts';
import type { DetailRow, PageClass, PageLayer, PageMapChange, PageMapModel } from '../vmcore-viewer/protocol.ts';
import { pageListOf } from './pageListWords.ts';
import { ASK_FOR_LOADER_MEMORY } from './imageLinks.ts';
import type { OtherImage } from './imageQuestions.ts';
import type { PageMapSource } from './pageMapPanel.ts';
import { differenceClasses, kexecClasses, pageClasses, PRESENCE_CLASSES, SEARCH_CLASSES } from './pageMapLegend.ts';

const PAGE_SIZE = 4096;

/** Documents of an image: the explorer's, and those of the last search and of the last comparison. */
export type DocumentName = ReportName | 'search' | 'comparison';

/** What a person can do with an image: see a document of it, say which jump it was taken in or who is to resume it, or debug it. */
export type ImageAction = DocumentName | 'entry' | 'debug' | 'loaderMemory';

const ACTIONS: readonly { id: ImageAction; label: string }[] = [
  { id: 'debug', label: 'Debug This Image' },
  { id: 'log', label: 'Kernel Log' },
  { id: 'tasks', label: 'Tasks' },
  { id: 'resumability', label: 'Can It Be Resumed?' },
  { id: 'vmcoreinfo', label: 'VMCOREINFO and Notes' },
  { id: 'regions', label: 'Regions' },
  { id: 'page', label: 'Show Page…' },
  { id: 'search', label: 'Search…' },
  { id: 'comparison', label: 'Compare with…' },
  { id: 'entry', label: 'Set Re-entry Point…' },
];

const NOT_ASKED = 'Nothing was asked for since the image was read. Ask again.\n';

/** What a person has asked for last: its document, and its layer of the map. */
interface Result {
  text: string;
  layer: PageLayer;
}

export class ImagePages implements PageMapSource {
  private readonly client: ExplorerClient;
  private readonly changes = new vscode.EventEmitter<PageMapChange>();
  readonly onDidChange = this.changes.event;
  private readonly renewed = new vscode.EventEmitter<void>();
  readonly onDidRenew = this.renewed.event;
  private readonly results = new Map<DocumentName, Result>();
  /** Bytes of memory of the kernel C that is to resume the image, if a person has said. */
  loaderMemory: number | undefined;

  /** @param uri the image's file, or one of them. */
  constructor(
    extensionUri: vscode.Uri,
    readonly uri: vscode.Uri,
  ) {
    this.client = new ExplorerClient(vscode.Uri.joinPath(extensionUri, 'dist', 'explorer.cjs').fsPath);
  }

  /**
   * Reads the image, as it is to be shown from now on. If that fails it is shown as before.
   * @throws Error with a sentence when the files are no memory image; `Cancelled`.
   */
  async read(image: ImageToOpen, patience: Patience): Promise<void> {
    await this.client.request('open', image, patience);
    // They were about what was shown before.
    this.results.clear();
    this.renewed.fire();
  }

  async model(): Promise<PageMapModel> {
    const map = await this.client.request('map', {});
    // Problems have come up while pages were looked at.
    const { title, facts, kernels, entry, problems } = await this.client.request('summary', {});
    const model = modelOf(map, kernels);
    return {
      ...model,
      layers: [...model.layers, ...[...this.results.values()].map(({ layer }) => layer)],
      opensPages: true,
      title,
      about: {
        title: `${basename(this.uri.fsPath)}: ${title}`,
        facts: [
          ...facts,
          ...kernels.map(({ view, release, foundAt }) => ({
            label: view === 'asItLeft' ? 'Kernel that left' : 'Kernel',
            value: `Linux ${release}, VMCOREINFO ${foundAt === 'note' ? 'in the note' : `at 0x${foundAt.toString(16)}`}`,
          })),
          ...(entry === undefined ? [] : [{ label: 'Re-entry point', value: `0x${entry.toString(16)}` }]),
        ],
        problems,
        actions: [...ACTIONS],
      },
    };
  }

  async details(pfn: number): Promise<DetailRow[]> {
    return this.client.request('details', { pfn });
  }

  async find(text: string): Promise<number> {
    return (await this.client.request('find', { text })).pfn;
  }

  /** The text of a document. @throws Error with a sentence. */
  async report(name: DocumentName, address?: string): Promise<string> {
    if (name === 'search' || name === 'comparison') return this.results.get(name)?.text ?? NOT_ASKED;
    const text = await this.client.request('report', { name, subject: { address, loaderMemory: this.loaderMemory } });
    return name === 'resumability' ? `${text}\n${ASK_FOR_LOADER_MEMORY}\n` : text;
  }

  /** Looks for something: a layer of the map, and the document "search". @throws Error with a sentence, `Cancelled`. */
  async search(query: SearchQuery, patience: Patience): Promise<void> {
    const { bytes, text, matches, isCut } = await this.client.request('search', query, patience);
    const name = `Search: ${query.text.trim()} (${isCut ? 'more than ' : ''}${matches})`;
    this.show('search', { text, layer: { id: 'search', name, bytes, classes: SEARCH_CLASSES } });
  }

  /** Compares with another image: a layer, and the document "comparison". @throws Error with a sentence, `Cancelled`. */
  async compare({ paths, entry, name: other }: OtherImage, patience: Patience): Promise<void> {
    const { differences, bytes, text } = await this.client.request('compare', { paths, entry }, patience);
    const layer = {
      id: 'difference',
      name: `Difference from ${other}`,
      bytes,
      classes: differenceClasses(differences),
    };
    this.show('comparison', { text, layer });
  }

  /** Jumps that the image may have been taken in, and the re-entry point of the one that is shown. */
  async entries(patience: Patience): Promise<{ found: EntryCandidate[]; shown: number | undefined }> {
    const found = await this.client.request('entries', {}, patience);
    return { found, shown: await this.shownEntry() };
  }

  /** Of the jump that is shown, if any is. */
  async shownEntry(): Promise<number | undefined> {
    return (await this.client.request('summary', {})).entry;
  }

  /** Why an answer of a person's makes no sense, in a sentence; `undefined` when it does. */
  async reasonAgainst<Name extends 'checkEntry' | 'checkSearch'>(
    check: Name,
    answer: ExplorerRequests[Name]['arguments'],
  ): Promise<string | undefined> {
    return this.client.request(check, answer).then(
      () => undefined,
      (error: unknown) => (error as Error).message,
    );
  }

  act(id: string): void {
    void vscode.commands.executeCommand('kexecJump.actOnImage', this.uri, id);
  }

  showPage(pfn: number): void {
    void vscode.commands.executeCommand('kexecJump.actOnImage', this.uri, 'page', `pfn 0x${pfn.toString(16)}`);
  }

  dispose(): void {
    this.client.dispose();
    this.changes.dispose();
    this.renewed.dispose();
  }

  private show(name: DocumentName, result: Result): void {
    this.results.set(name, result);
    this.changes.fire({ type: 'layer', layer: result.layer, show: true });
  }
}

function modelOf(map: ImageMap, kernels: readonly KernelSummary[]): Omit<PageMapModel, 'title'> {
  const layer = (
    id: string,
    name: string,
    bytes: Uint8Array,
    classes: PageClass[],
  ): PageMapModel['layers'][number] => ({
    ...{ id, name, bytes, classes },
  });
  const hasJump = map.exchanges.length > 0;
  const kinds = [
    {
      id: 'A',
      name: hasJump ? 'Kernel that left' : 'Kernel',
      description: 'Content of the kernel that the image is of.',
      mark: 'plain' as const,
    },
    ...(hasJump
      ? [
          {
            id: 'B',
            name: 'Its peer',
            description: 'Where the kernel that was jumped to lived.',
            mark: 'stripes' as const,
          },
          {
            id: 'both',
            name: 'The jump',
            description: 'Control page, swap page and page list.',
            mark: 'crosses' as const,
          },
        ]
      : []),
  ];
  return {
    pageCount: map.pageCount,
    pageSize: PAGE_SIZE,
    layers: [
      ...(kernels.length > 0 ? [layer('class', 'What a page is', map.classes, pageClasses(map.classNames))] : []),
      layer('presence', 'What the image has', map.presence, PRESENCE_CLASSES),
      ...(hasJump ? [layer('kexec', 'What the jump does with it', map.roles, kexecClasses(map.roleNames))] : []),
    ],
    owners: { kinds, bytes: map.owners },
    regions: map.regions,
    exchanges: map.exchanges,
    // The kernel had left: all of its pages are exchanged.
    progress: { done: map.exchanges.length / 2, isReturn: false },
    ...(hasJump ? { list: pageListOf(map.listWords) } : {}),
  };
}
