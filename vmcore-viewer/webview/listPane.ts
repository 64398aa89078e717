/** The pane below the map with the page list: a table of its entries, found, followed and linked to the map. */
import { VscodeToolbarButton } from '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import { counted } from './describe.ts';
import { byId } from './elements.ts';
import { ListRows } from './listRows.ts';
import { COLUMN_COUNT, emptyRow, fillRow, headerRow, rowId } from './listRowView.ts';
import { ListSearch } from './listSearch.ts';
import type { Pages } from './pages.ts';
import { Sash } from './sash.ts';
import { VirtualRows } from './virtualRows.ts';

/** Pixels. */
const ROW_HEIGHT = 22;
const USUAL_HEIGHT = 280;
const HEIGHTS = { least: 120, leaves: 240 };

export interface ListEvents {
  /** A person wants to see a page in the map. */
  goTo(pfn: number): void;
  /** A person wants to see the pages of an exchange. */
  showExchange(number: number): void;
  /** A person wants back to the map. */
  leave(): void;
  /** The pane was opened, closed or resized. */
  changed(): void;
}

/** What is there again when the page map is shown again: pixels. */
export interface ListState {
  isOpen: boolean;
  height: number;
}

export class ListPane {
  private readonly pane = byId('list');
  private readonly grid = byId('list-grid');
  private readonly toggle = byId('list-toggle', VscodeToolbarButton);
  private readonly toCurrent = byId('list-current');
  private readonly sash = new Sash(byId('list-sash'), HEIGHTS, (height) => {
    this.resize(height);
    this.events.changed();
  });
  private readonly search = new ListSearch({
    show: (row) => {
      this.select(row);
    },
    leave: () => {
      this.grid.focus();
    },
  });
  private readonly view: VirtualRows;
  private pages: Pages | undefined;
  private rows: ListRows | undefined;
  private selected = 0;
  private height = USUAL_HEIGHT;
  /** What a person last decided; without a list the pane is closed all the same. */
  private isOpen = false;

  constructor(private readonly events: ListEvents) {
    this.grid.prepend(headerRow());
    this.grid.setAttribute('aria-colcount', String(COLUMN_COUNT));
    this.view = new VirtualRows(this.grid, byId('list-rows'), {
      height: ROW_HEIGHT,
      make: () =>
        emptyRow((element) => ({
          showPage: () => {
            this.showPage(this.numberOf(element));
          },
          showExchange: () => {
            this.showExchange(this.numberOf(element));
          },
        })),
      fill: (element, row) => {
        this.fill(element, row);
      },
    });
    this.listen();
  }

  get state(): ListState {
    return { isOpen: this.isOpen, height: this.height };
  }

  /** Takes over a memory's list, another one or the first; and how far the exchange is. */
  show(pages: Pages, state?: ListState): void {
    if (state) ({ isOpen: this.isOpen, height: this.height } = state);
    this.pages = pages;
    this.rows = pages.list && new ListRows(pages.list, pages.exchanges, pages.pageSize);
    this.grid.setAttribute('aria-rowcount', String((this.rows?.count ?? 0) + 1));
    byId('list-count').textContent = `${counted(this.rows?.count ?? 0)} entries`;
    this.selected = Math.min(this.selected, Math.max(0, (this.rows?.count ?? 0) - 1));
    if (this.rows) this.search.renew(this.rows);
    this.arrange();
    this.view.reset(this.rows?.count ?? 0);
    if (this.rows && this.current !== undefined) this.view.reveal(this.current);
    this.update();
  }

  /** Pages or the progress are others now. A current row that was in sight stays in sight. */
  update(before?: number): void {
    this.toCurrent.hidden = this.current === undefined;
    if (this.pane.hidden) return;
    const wasInSight = before !== undefined && this.view.isInSight(before);
    if (this.current !== undefined && wasInSight) this.view.reveal(this.current);
    this.view.refresh();
  }

  /** The row of the exchange that is being made. */
  get current(): number | undefined {
    const { progress } = this.pages ?? {};
    return progress?.copies === undefined ? undefined : this.rows?.rowOfExchange(progress.done);
  }

  /** Opens the pane; with the number of an exchange, at its row. */
  open(exchange?: number): void {
    this.setOpen(true);
    const row = exchange === undefined ? this.current : this.rows?.rowOfExchange(exchange);
    if (row !== undefined) this.select(row);
  }

  focus(): void {
    this.grid.focus();
  }

  private setOpen(isOpen: boolean): void {
    this.isOpen = isOpen;
    this.arrange();
    this.view.refresh();
    this.events.changed();
  }

  private arrange(): void {
    this.toggle.hidden = this.rows === undefined;
    this.pane.hidden = !this.isOpen || this.rows === undefined;
    this.toggle.checked = !this.pane.hidden;
    this.resize(this.sash.fit(this.height));
  }

  private resize(height: number): void {
    this.height = height;
    this.pane.style.height = `${height}px`;
  }

  private fill(element: HTMLElement, row: number): void {
    fillRow(element, row, this.rows!.at(row), this.pages!);
    element.setAttribute('aria-selected', String(row === this.selected));
    if (row === this.selected) this.grid.setAttribute('aria-activedescendant', rowId(row));
  }

  private select(row: number): void {
    const before = this.view.elementOf(this.selected);
    this.selected = row;
    this.view.reveal(row);
    before?.setAttribute('aria-selected', String(this.view.elementOf(row) === before));
    this.view.elementOf(row)?.setAttribute('aria-selected', 'true');
    this.grid.setAttribute('aria-activedescendant', rowId(row));
  }

  private showPage(row: number): void {
    const { page, kind } = this.rows!.at(row);
    if (page > 0 || kind?.isExchange) this.events.goTo(page);
  }

  private showExchange(row: number): void {
    const { exchange } = this.rows!.at(row);
    if (exchange !== undefined && this.pages?.opensExchanges) this.events.showExchange(exchange);
  }

  private numberOf(element: HTMLElement): number {
    return Number(element.getAttribute('aria-rowindex')) - 2;
  }

  private listen(): void {
    const onClick = (element: HTMLElement, act: () => void): void => {
      element.addEventListener('click', act);
    };
    onClick(this.toggle, () => {
      if (this.pane.hidden) this.open();
      else this.setOpen(false);
    });
    onClick(byId('list-close'), () => {
      this.setOpen(false);
      this.events.leave();
    });
    onClick(this.toCurrent, () => {
      if (this.current !== undefined) this.select(this.current);
    });
    const rowOf = (target: EventTarget | null): HTMLElement | null =>
      target instanceof Element ? target.closest<HTMLElement>('#list-rows [role=row]') : null;
    this.grid.addEventListener('click', ({ target }) => {
      const element = rowOf(target);
      if (element) this.select(this.numberOf(element));
    });
    this.grid.addEventListener('dblclick', ({ target }) => {
      const element = rowOf(target);
      if (element) this.showPage(this.numberOf(element));
    });
    this.pane.addEventListener('keydown', (event) => {
      if (!this.isKey(event)) return;
      event.preventDefault();
      // VS Code would look for a key binding of its own.
      event.stopPropagation();
    });
  }

  /** Does what a key asks for. */
  private isKey(event: KeyboardEvent): boolean {
    if (event.ctrlKey && event.key === 'f') {
      this.search.focus();
      return true;
    }
    if (event.target !== this.grid || !this.rows) return false;
    const last = this.rows.count - 1;
    const targets: Record<string, number> = {
      ArrowUp: this.selected - 1,
      ArrowDown: this.selected + 1,
      PageUp: this.selected - this.view.page,
      PageDown: this.selected + this.view.page,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target !== undefined) this.select(Math.min(last, Math.max(0, target)));
    else if (event.key === 'Enter' && event.ctrlKey) this.showExchange(this.selected);
    else if (event.key === 'Enter') this.showPage(this.selected);
    else if (event.key === 'Escape') this.events.leave();
    else return false;
    return true;
  }
}
