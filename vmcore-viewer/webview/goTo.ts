/** What a person types to get to a page. */
import type { Pages } from './pages.ts';

/**
 * The page that a text names: a pfn in decimal (`4096`) or after "pfn" (`pfn 0x1000`), a physical address (`0x1000000`), or
 * the name of a region. Otherwise `outside` when there is no such page, or `unknown` when the text is none of these: a
 * symbol maybe, or a virtual address, which is beyond all memory.
 */
export function parsePlace(text: string, pages: Pages): number | 'outside' | 'unknown' {
  const trimmed = text.trim().toLowerCase();
  const match = /^(pfn\s*)?(0x[0-9a-f]+|[0-9]+)$/.exec(trimmed);
  if (match) {
    const value = Number(match[2]);
    const isAddress = match[1] === undefined && match[2]!.startsWith('0x');
    const pfn = isAddress ? Math.floor(value / pages.pageSize) : value;
    if (pfn < pages.count) return pfn;
    return isAddress ? 'unknown' : 'outside';
  }
  return pages.regions.find(({ name }) => name.toLowerCase() === trimmed)?.first ?? 'unknown';
}
