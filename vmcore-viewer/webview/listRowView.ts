/** A row of the page list in the page: its cells and its buttons. */
import { addressOf, hex } from './describe.ts';
import { make } from './elements.ts';
import { stateOf } from './exchanges.ts';
import type { ListRow } from './listRows.ts';
import type { Pages } from './pages.ts';

/** Columns in their order: what a cell says of a row. */
const COLUMNS: readonly { title: string; name: string; text: (row: ListRow, pages: Pages) => string }[] = [
  { title: 'Exchange', name: 'number', text: ({ exchange }) => (exchange === undefined ? '' : String(exchange)) },
  { title: 'Entry at', name: 'code', text: ({ address }, pages) => addressOf(pages, 0, address) },
  { title: 'Entry', name: 'code', text: ({ word }, pages) => addressOf(pages, 0, word) },
  { title: 'Kind', name: 'kind', text: kindOf },
  { title: 'Destination', name: 'code', text: ({ destination }) => pfn(destination) },
  { title: 'Source', name: 'code', text: ({ source }) => pfn(source) },
  { title: 'State', name: 'state', text: ({ exchange }, pages) => state(exchange, pages) },
  { title: 'Page named', name: 'page', text: pageOf },
];

/** Icons of codicons for how far an exchange is. */
const ICONS = { done: 'codicon-check', now: 'codicon-debug-stackframe', waiting: 'codicon-circle-outline' };

/** What a button of a row does with it. */
export interface RowActions {
  showPage(): void;
  showExchange(): void;
}

export function headerRow(): HTMLElement {
  const cells = COLUMNS.map(({ title, name }) => cell('columnheader', name, title));
  const row = make('div', { className: 'list-row head', role: 'row' }, ...cells, cell('columnheader', 'actions', ''));
  row.setAttribute('aria-rowindex', '1');
  return row;
}

/** An empty row; its buttons are for the mouse, the table itself has keys for them. */
export function emptyRow(actions: (row: HTMLElement) => RowActions): HTMLElement {
  const row = make('div', { className: 'list-row', role: 'row' }, ...COLUMNS.map(({ name }) => cell('gridcell', name)));
  const button = (icon: string, title: string, act: (of: RowActions) => void): HTMLElement => {
    const element = make('button', { type: 'button', className: `codicon ${icon}`, title, tabIndex: -1 });
    element.setAttribute('aria-label', title);
    element.addEventListener('click', () => {
      act(actions(row));
    });
    return element;
  };
  const place = cell('gridcell', 'actions');
  place.append(
    button('codicon-open-preview', 'Show the Exchange (Control+Enter)', (of) => {
      of.showExchange();
    }),
    button('codicon-location', 'Show in the Page Map (Enter)', (of) => {
      of.showPage();
    }),
  );
  row.append(place);
  return row;
}

/** Makes an element show a row. @param number of the row, from 0. */
export function fillRow(element: HTMLElement, number: number, row: ListRow, pages: Pages): void {
  element.id = rowId(number);
  // The header is the first row.
  element.setAttribute('aria-rowindex', String(number + 2));
  COLUMNS.forEach(({ text }, column) => {
    element.children[column]!.textContent = text(row, pages);
  });
  element.title = row.kind?.description ?? '';
  const { exchange } = row;
  element.classList.toggle('now', exchange !== undefined && isNow(exchange, pages));
  const icon = exchange === undefined ? '' : ICONS[stageOf(exchange, pages)];
  element.querySelector('.state')!.className = `state ${icon}`;
  element.querySelector<HTMLElement>('.actions button')!.hidden = exchange === undefined || !pages.opensExchanges;
}

export const rowId = (number: number): string => `list-row-${number}`;

/** Number of columns, that of the buttons included. */
export const COLUMN_COUNT = COLUMNS.length + 1;

/** Whether an exchange is the one that is being made. */
export function isNow(exchange: number, { progress }: Pages): boolean {
  return exchange === progress.done && progress.copies !== undefined;
}

function stageOf(exchange: number, pages: Pages): keyof typeof ICONS {
  if (isNow(exchange, pages)) return 'now';
  return exchange < pages.progress.done ? 'done' : 'waiting';
}

function state(exchange: number | undefined, { progress }: Pages): string {
  return exchange === undefined ? '' : stateOf(progress, exchange);
}

function kindOf({ kind, destination, source }: ListRow): string {
  if (kind?.isExchange && destination === source) return `${kind.name}, self`;
  return kind?.name ?? 'unknown';
}

/** What the page is that an entry names, and whose; the last entry names none. */
function pageOf({ kind, page }: ListRow, pages: Pages): string {
  if (!kind || page >= pages.count || (page === 0 && !kind.isExchange)) return '';
  return [hex(page), [pages.classOf(page)?.name, pages.ownerOf(page)?.name].filter(Boolean).join(', ')].join('  ');
}

const pfn = (value: number | undefined): string => (value === undefined ? '' : hex(value));

function cell(role: string, className: string, text = ''): HTMLElement {
  return make('div', { className, role }, text);
}
