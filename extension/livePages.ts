/** The memory of the machine in a session, for the page map: asked for again and again while it is in sight. */
import * as vscode from 'vscode';
import type { PageMapBody, SwapProgressBody } from '../debug-adapter/protocol.ts';
import { changedRuns, packRuns } from '../vmcore-viewer/pageRuns.ts';
import {
  OWNER_CHANNEL,
  type DetailRow,
  type PageLayer,
  type PageListModel,
  type PageMapChange,
  type PageMapModel,
} from '../vmcore-viewer/protocol.ts';
import { auditLayer } from './audits.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { kexecClasses, OWNER_KINDS, pageClasses } from './pageMapLegend.ts';
import { pageListModel } from './pageListWords.ts';
import { moved } from './pageMovement.ts';
import type { PageMapSource } from './pageMapPanel.ts';
import { timelineOf } from './pageMapTimeline.ts';
import { SwapPoll } from './swapPoll.ts';

const PAGE_SIZE = 4096;
const REFRESH_MS = 500;
const LAYERS = { classes: 'class', roles: 'kexec' } as const;

/** What was drawn last. */
interface Drawn {
  classes: Uint8Array;
  roles: Uint8Array;
  owners: Uint8Array;
  exchanges: string;
  progress: string;
  regions: string;
  phases: string;
}

export class LivePages implements PageMapSource {
  private readonly changes = new vscode.EventEmitter<PageMapChange>();
  readonly onDidChange = this.changes.event;
  private drawn: Drawn;
  private isShown = true;
  private timer: NodeJS.Timeout | undefined;
  private readonly subscription: vscode.Disposable;
  private readonly swapPoll: SwapPoll;

  private constructor(
    private readonly sessions: JumpSessions,
    private body: PageMapBody,
  ) {
    this.drawn = draw(body);
    this.subscription = sessions.onDidAudit(() => void this.showAudit());
    this.swapPoll = new SwapPoll(sessions, (progress) => {
      this.move(progress);
    });
    this.refreshLater();
  }

  /** @throws Error with the adapter's sentence when there is no session, or its memory cannot be read. */
  static async of(sessions: JumpSessions): Promise<LivePages> {
    return new LivePages(sessions, await sessions.request('kexecJump/pageMap', {}));
  }

  async model(): Promise<PageMapModel> {
    await this.ask();
    const { body, drawn } = this;
    const { classes, roles, owners } = drawn;
    const [audit, list] = [await this.audit(), await this.list()];
    const layer = (id: string, name: string, bytes: Uint8Array, kinds: PageLayer['classes']): PageLayer => ({
      ...{ id, name, bytes, classes: kinds },
    });
    return {
      title: 'Memory of kernel A and kernel B',
      pageCount: body.pageCount,
      pageSize: PAGE_SIZE,
      layers: [
        layer(LAYERS.classes, 'What a page is', classes, pageClasses(body.kinds)),
        layer(LAYERS.roles, 'What the jump does with it', roles, kexecClasses(body.roleNames)),
        ...(audit ? [audit] : []),
      ],
      owners: { kinds: OWNER_KINDS, bytes: owners },
      regions: [...body.regions],
      exchanges: pairs(body.exchanges),
      progress: body.progress,
      ...(list ? { list } : {}),
      opensExchanges: true,
      timeline: timelineOf(body.phases),
    };
  }

  async details(pfn: number): Promise<DetailRow[]> {
    return (await this.sessions.request('kexecJump/pageDetails', { pfn })).rows;
  }

  async find(text: string): Promise<number | undefined> {
    return (await this.sessions.request('kexecJump/findPage', { text })).pfn;
  }

  showExchange(number: number): void {
    void vscode.commands.executeCommand('kexecJump.showExchange', number);
  }

  shown(isShown: boolean): void {
    this.isShown = isShown;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscription.dispose();
    this.swapPoll.dispose();
    this.changes.dispose();
  }

  /** A jump that was not audited has no layer. */
  private async audit(): Promise<PageLayer | undefined> {
    return this.sessions.request('kexecJump/audit', {}).then(auditLayer, () => undefined);
  }

  /** Some thousand words that change only when kexec loads another kernel: asked for when the exchanges are others. */
  private async list(): Promise<PageListModel | undefined> {
    return this.sessions.request('kexecJump/pageList', {}).then(
      ({ words }) => pageListModel(words),
      () => undefined,
    );
  }

  private async showAudit(): Promise<void> {
    const layer = await this.audit();
    if (layer) this.changes.fire({ type: 'layer', layer });
  }

  private refreshLater(): void {
    this.timer = setTimeout(() => void this.refresh(), REFRESH_MS);
  }

  /** A map of a machine that is gone, or changes under our hands, stays as it was. */
  private async refresh(): Promise<void> {
    if (this.isShown && this.sessions.active) {
      const before = this.drawn;
      if (
        await this.ask().then(
          () => true,
          () => false,
        )
      )
        await this.tell(before, this.drawn);
    }
    this.refreshLater();
  }

  /** Between two pictures: a swap takes less than a second. Only that of kernel A exchanges what is drawn. */
  private move({ kernel, done, isReturn }: SwapProgressBody): void {
    if (!this.isShown || kernel !== 'A') return;
    const before = this.drawn;
    const pages = { ...before, pairs: pairs(before.exchanges), progress: this.body.progress };
    const now = moved(pages, { done, isReturn });
    if (now === pages) return;
    this.body = { ...this.body, progress: now.progress };
    this.drawn = { ...before, classes: now.classes, owners: now.owners, progress: JSON.stringify(now.progress) };
    void this.tell(before, this.drawn);
  }

  private async ask(): Promise<void> {
    this.body = await this.sessions.request('kexecJump/pageMap', {});
    this.drawn = draw(this.body);
  }

  private async tell(before: Drawn, now: Drawn): Promise<void> {
    const runs = (channel: string, from: Uint8Array, to: Uint8Array): void => {
      const changed = changedRuns(from, to);
      if (changed.length > 0) this.changes.fire({ type: 'pages', channel, runs: packRuns(changed) });
    };
    runs(LAYERS.classes, before.classes, now.classes);
    runs(LAYERS.roles, before.roles, now.roles);
    runs(OWNER_CHANNEL, before.owners, now.owners);
    const { progress } = this.body;
    if (now.exchanges !== before.exchanges) {
      const list = await this.list();
      this.changes.fire({ type: 'exchanges', exchanges: pairs(now.exchanges), progress, ...(list ? { list } : {}) });
    } else if (now.progress !== before.progress) {
      this.changes.fire({ type: 'progress', progress });
    }
    if (now.phases !== before.phases) this.changes.fire({ type: 'timeline', timeline: timelineOf(this.body.phases) });
    if (now.regions !== before.regions) this.changes.fire({ type: 'regions', regions: [...this.body.regions] });
  }
}

function draw({ classes, roles, owners, exchanges, progress, regions, phases }: PageMapBody): Drawn {
  return {
    ...{ classes: bytes(classes), roles: bytes(roles), owners: bytes(owners), exchanges },
    progress: JSON.stringify(progress),
    regions: JSON.stringify(regions),
    phases: JSON.stringify(phases),
  };
}

/** With a buffer of its own: VS Code sends the whole buffer that a typed array looks at. */
const bytes = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

const pairs = (base64: string): Uint32Array => new Uint32Array(bytes(base64).buffer);
