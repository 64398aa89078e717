/** The pane with all that is known of the selected page. */
import type { DetailRow } from '../protocol.ts';
import { addressOf, hex } from './describe.ts';
import { byId, make } from './elements.ts';
import { stateOf } from './exchanges.ts';
import type { Pages } from './pages.ts';

/** A page that is arrowed over is not asked about; the host would read its memory for nothing. */
const ASK_AFTER_MS = 120;

export interface DetailsEvents {
  /** Asks the host for the rows of a page. */
  ask(pfn: number): void;
  /** A person wants to see a page. */
  goTo(pfn: number): void;
  /** A person wants to see an exchange in the page list, or its pages; by its number. */
  showInList(exchange: number): void;
  showExchange(exchange: number): void;
  /** A person wants to see what is in a page. */
  showPage(pfn: number): void;
}

/** A row that may be about an exchange, or say where the page is. */
interface OwnRow extends DetailRow {
  exchange?: number;
  isPlace?: boolean;
}

export class Details {
  private readonly pane = byId('details');
  private readonly list = this.pane.querySelector('dl')!;
  private pfn: number | undefined;
  private rows: readonly DetailRow[] = [];
  /** What is shown, row by row. */
  private words: readonly string[] = [];
  private asking: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly events: DetailsEvents) {}

  /** Shows a page: at once what the map knows, soon what the host knows. What the host said before stays until then. */
  show(pages: Pages, pfn: number): void {
    if (pfn !== this.pfn) {
      this.rows = [];
      clearTimeout(this.asking);
      this.asking = undefined;
    }
    this.pfn = pfn;
    byId('details-title').textContent = `Page frame ${hex(pfn)}`;
    this.fill(pages);
    // A page that changes all the time is asked about all the same.
    this.asking ??= setTimeout(() => {
      this.asking = undefined;
      this.events.ask(pfn);
    }, ASK_AFTER_MS);
  }

  /** The host's answer; one about another page comes too late. */
  answer(pages: Pages, pfn: number, rows: readonly DetailRow[]): void {
    if (pfn !== this.pfn) return;
    this.rows = rows;
    this.fill(pages);
  }

  focus(): void {
    this.pane.focus();
  }

  private fill(pages: Pages): void {
    const rows: OwnRow[] = [...ownRows(pages, this.pfn!), ...this.rows];
    const { opensPages, opensExchanges, list } = pages;
    const words = rows.map((row) => JSON.stringify([this.pfn, row, opensPages, opensExchanges, list !== undefined]));
    // What stays as it is is not drawn anew: a click at it would be lost.
    const firstOther = words.findIndex((row, index) => row !== this.words[index]);
    const kept = firstOther < 0 ? words.length : firstOther;
    this.words = words;
    const focused = [...this.list.querySelectorAll('button')].indexOf(document.activeElement as HTMLButtonElement);
    // Each row is a term and its description.
    [...this.list.children].slice(kept * 2).forEach((element) => {
      element.remove();
    });
    this.list.append(
      ...rows.slice(kept).flatMap(({ label, value, page, exchange, isPlace }) => [
        make('dt', {}, label),
        make(
          'dd',
          {},
          page === undefined ? value : this.link(value, page),
          ...(exchange === undefined ? [] : this.buttons(pages, exchange)),
          ...(isPlace && pages.opensPages
            ? [
                button('codicon-file-binary', 'Show Page', () => {
                  this.events.showPage(this.pfn!);
                }),
              ]
            : []),
        ),
      ]),
    );
    // A refresh while the guest runs does not take the focus away.
    if (focused >= 0) this.list.querySelectorAll('button')[focused]?.focus();
  }

  /** The ways from an exchange to the page list and to its pages, where there are such. */
  private buttons(pages: Pages, exchange: number): HTMLElement[] {
    return [
      ...(pages.list
        ? [
            button('codicon-list-ordered', `Exchange ${exchange} in the Page List`, () => {
              this.events.showInList(exchange);
            }),
          ]
        : []),
      ...(pages.opensExchanges
        ? [
            button('codicon-open-preview', `Show Exchange ${exchange}`, () => {
              this.events.showExchange(exchange);
            }),
          ]
        : []),
    ];
  }

  private link(text: string, pfn: number): HTMLElement {
    const button = make('button', { type: 'button', className: 'link', title: `Go to page frame ${hex(pfn)}` }, text);
    button.addEventListener('click', () => {
      this.events.goTo(pfn);
    });
    return button;
  }
}

function button(icon: string, title: string, act: () => void): HTMLElement {
  const element = make('button', { type: 'button', className: `icon codicon ${icon}`, title, ariaLabel: title });
  element.addEventListener('click', act);
  return element;
}

/** What the map itself knows of a page. */
function ownRows(pages: Pages, pfn: number): OwnRow[] {
  const pageClass = pages.classOf(pfn);
  const owner = pages.ownerOf(pfn);
  const rows: OwnRow[] = [
    { label: 'Number', value: `${pfn}` },
    {
      label: 'Physical',
      value: `${addressOf(pages, pfn)} – ${addressOf(pages, pfn, pages.pageSize - 1)}`,
      isPlace: true,
    },
    { label: pages.layer.name, value: pageClass ? `${pageClass.name}. ${pageClass.description}` : 'Unknown' },
  ];
  if (owner) rows.push({ label: 'Whose content', value: `${owner.name}. ${owner.description}` });
  for (const { name } of pages.regionsOf(pfn)) rows.push({ label: 'In', value: name });
  for (const { number, destination, source } of pages.exchanges.of(pfn)) {
    const label = `Exchange ${number}`;
    const state = stateOf(pages.progress, number);
    const [role, partner] = pfn === destination ? ['source', source] : ['destination', destination];
    if (destination === source) rows.push({ label, value: 'destination and source in one', exchange: number });
    else rows.push({ label, value: `${state}, ${role} ${hex(partner)}`, page: partner, exchange: number });
  }
  return rows;
}
