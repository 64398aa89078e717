/** A described page as lines of a table. */
import { hex } from './errors.ts';
import type { PageDescription } from './pageDescription.ts';
import { taskName } from './tasks.ts';

/** A line: a label, a value, and the page frame that the value names, if it does. */
export interface PageRow {
  label: string;
  value: string;
  page?: number;
}

export function pageRows(page: PageDescription): PageRow[] {
  const rows: PageRow[] = [{ label: 'Why', value: page.why }];
  if (page.stackOf) rows.push({ label: 'Stack of', value: `${taskName(page.stackOf)}, PID ${page.stackOf.pid}` });
  const add = (label: string, value: number | bigint | undefined): void => {
    if (value !== undefined) rows.push({ label, value: typeof value === 'bigint' ? hex(value) : String(value) });
  };
  add('struct page', page.address);
  if (page.flags !== undefined) {
    rows.push({ label: 'Flags', value: `${page.flagNames?.join(' ') || 'none by name'} (${hex(page.flags)})` });
  }
  add('_refcount', page.refcount);
  add('_mapcount', page.mapcount);
  add('mapping', page.mapping);
  add('private', page.private);
  if (page.lru) rows.push({ label: 'lru', value: `${hex(page.lru.next)}, ${hex(page.lru.prev)}` });
  if (page.head !== undefined) {
    rows.push({ label: 'Compound head', value: `page frame ${hex(page.head)}`, page: page.head });
  }
  return rows;
}
