/** The page list as rows of a table: what each word says, and which rows a person looks for. */
import type { ListWordKind, PageListModel } from '../protocol.ts';
import type { Exchanges } from './exchanges.ts';

/** A word of the list. Page frames are of its pages, addresses are physical. */
export interface ListRow {
  /** Where the word is. */
  address: number;
  word: number;
  /** `undefined` for flags that no word should have. */
  kind: ListWordKind | undefined;
  /** pfn of the page that the word names. */
  page: number;
  /** Number of the exchange that the word makes, and its pages. */
  exchange?: number;
  destination?: number;
  source?: number;
}

/** What a person looks for: an exchange by its number, a page frame, or an address that may also be a page frame. */
export type ListQuery = { exchange: number } | { pfn: number } | { hex: number };

/** `12`, `#12`, `exchange 12`: an exchange; `pfn 8192`: a page frame; `0x2000`: a page frame or an address. */
export function parseQuery(text: string): ListQuery | undefined {
  const match = /^(#|exchange|pfn)?\s*(0x[0-9a-f]+|[0-9]+)$/i.exec(text.trim());
  if (!match) return undefined;
  const value = Number(match[2]);
  if (!Number.isSafeInteger(value)) return undefined;
  if (match[1]?.toLowerCase() === 'pfn') return { pfn: value };
  return match[1] === undefined && /^0x/i.test(match[2]!) ? { hex: value } : { exchange: value };
}

export class ListRows {
  private readonly kinds: ReadonlyMap<number, ListWordKind>;
  /** By row, the number of its exchange, -1 without one; and by number, the row. */
  private readonly exchangeOf: Int32Array;
  private readonly rowOf: Uint32Array;

  /** @param pageSize bytes. */
  constructor(
    private readonly list: PageListModel,
    private readonly exchanges: Exchanges,
    private readonly pageSize: number,
  ) {
    this.kinds = new Map(list.kinds.map((kind) => [kind.flags, kind]));
    this.exchangeOf = new Int32Array(this.count).fill(-1);
    const rows: number[] = [];
    for (let row = 0; row < this.count && rows.length < exchanges.count; row++) {
      if (!this.kinds.get(list.words[row * 2 + 1]! % pageSize)?.isExchange) continue;
      this.exchangeOf[row] = rows.length;
      rows.push(row);
    }
    this.rowOf = Uint32Array.from(rows);
  }

  get count(): number {
    return this.list.words.length >> 1;
  }

  at(row: number): ListRow {
    const address = this.list.words[row * 2]!;
    const word = this.list.words[row * 2 + 1]!;
    const exchange = this.exchangeOf[row]!;
    return {
      ...{ address, word, kind: this.kinds.get(word % this.pageSize), page: Math.floor(word / this.pageSize) },
      ...(exchange < 0 ? {} : { exchange, ...pagesOf(this.exchanges, exchange) }),
    };
  }

  /** The row of the word that makes an exchange. */
  rowOfExchange(number: number): number | undefined {
    return this.rowOf[number];
  }

  /** The rows that a query fits, in their order. */
  find(query: ListQuery): number[] {
    if ('exchange' in query) {
      const row = this.rowOfExchange(query.exchange);
      return row === undefined ? [] : [row];
    }
    const found: number[] = [];
    for (let row = 0; row < this.count; row++) if (this.fits(row, query)) found.push(row);
    return found;
  }

  private fits(row: number, query: { pfn: number } | { hex: number }): boolean {
    if ('pfn' in query) return this.names(row, query.pfn);
    const { words } = this.list;
    if (words[row * 2] === query.hex || words[row * 2 + 1] === query.hex || this.names(row, query.hex)) return true;
    return query.hex >= this.pageSize && this.names(row, Math.floor(query.hex / this.pageSize));
  }

  /** Whether a row is about a page frame. */
  private names(row: number, pfn: number): boolean {
    const word = this.list.words[row * 2 + 1]!;
    // Behind the last word there is no page.
    if (word >= this.pageSize && Math.floor(word / this.pageSize) === pfn) return true;
    const exchange = this.exchangeOf[row]!;
    return exchange >= 0 && this.exchanges.at(exchange).destination === pfn;
  }
}

function pagesOf(exchanges: Exchanges, number: number): { destination: number; source: number } {
  const { destination, source } = exchanges.at(number);
  return { destination, source };
}
