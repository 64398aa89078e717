/** The search box of the page list: how many rows fit, and which of them is shown. */
import { counted } from './describe.ts';
import { byId } from './elements.ts';
import { parseQuery, type ListRows } from './listRows.ts';

export interface SearchEvents {
  /** A row is to be shown. */
  show(row: number): void;
  /** A person wants back to the rows. */
  leave(): void;
}

export class ListSearch {
  private readonly field = byId('list-search').querySelector('vscode-textfield')!;
  private readonly answer = byId('list-matches');
  private rows: ListRows | undefined;
  private matches: readonly number[] = [];
  /** Place in `matches` of the one that is shown. */
  private at = 0;

  constructor(private readonly events: SearchEvents) {
    byId('list-search').addEventListener('submit', (event) => {
      event.preventDefault();
    });
    this.field.addEventListener('input', () => {
      this.search();
      this.step(0);
    });
    this.field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.step(event.shiftKey ? -1 : 1);
      else if (event.key === 'Escape') events.leave();
    });
    byId('list-next').addEventListener('click', () => {
      this.step(1);
    });
    byId('list-previous').addEventListener('click', () => {
      this.step(-1);
    });
  }

  focus(): void {
    this.field.focus();
  }

  /** Other rows are there: what was looked for is looked for in them. */
  renew(rows: ListRows): void {
    this.rows = rows;
    this.search();
  }

  /** Shows the next match or the one before, going around; 0 shows the one of now again. */
  step(by: 1 | 0 | -1): void {
    const { length } = this.matches;
    if (length === 0) return;
    this.at = (this.at + by + length) % length;
    this.tell();
    this.events.show(this.matches[this.at]!);
  }

  private search(): void {
    const text = this.field.value.trim();
    const query = parseQuery(text);
    this.matches = query && this.rows ? this.rows.find(query) : [];
    this.at = 0;
    if (!text) this.answer.textContent = '';
    else if (query) this.tell();
    else this.answer.textContent = 'No number';
  }

  private tell(): void {
    const { length } = this.matches;
    this.answer.textContent = length === 0 ? 'No results' : `${counted(this.at + 1)} of ${counted(length)}`;
  }
}
