/** What the kernels of an image know of a page: of one that the jump has moved, as the kernel knows it that had it elsewhere. */
import { hex, MemoryError } from '../core/errors.ts';
import { offsetsOf } from '../core/kernelStructs.ts';
import { describePage, type PageDescription } from '../core/pageDescription.ts';
import { pageRows } from '../core/pageRows.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import { SLAB_FIELDS, slabCacheOf } from '../core/slabCache.ts';
import type { DetailRow } from '../protocol.ts';
import { contentPlace, symbolAt } from './contentPlace.ts';
import type { Explorer, KnownPages } from './explorer.ts';

/** Lines of a table; none where no kernel can be read. */
export function pageFacts(explorer: Explorer, pfn: number): DetailRow[] {
  const place = contentPlace(explorer, pfn * PAGE_SIZE);
  // Of a peer that is not in the image: the frame, as the kernel that left knew it.
  const known = place.known ?? explorer.pages[0];
  if (!known) return [];
  const own = place.known ? place.own / PAGE_SIZE : pfn;
  const symbol = symbolAt(place);
  const page = describePage(known.pages, known.classes, own, known.knowledge);
  return [
    ...(own === pfn ? [] : [{ label: 'For the kernel it is', value: `page frame ${hex(own)}`, page: own }]),
    ...(place.virtual === undefined ? [] : [{ label: 'Virtual', value: hex(place.virtual) }]),
    ...(symbol === undefined ? [] : [{ label: 'Begins in', value: symbol }]),
    ...slabRow(explorer, known, page),
    ...pageRows(page),
  ];
}

function slabRow(explorer: Explorer, { kernel, pages }: KnownPages, page: PageDescription): DetailRow[] {
  if (page.class !== 'slab') return [];
  try {
    const structs = explorer.structsOf(kernel);
    const name = structs && slabCacheOf(kernel.memory, pages, page, offsetsOf(structs, SLAB_FIELDS));
    return name === undefined ? [] : [{ label: 'Slab cache', value: name }];
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    return [{ label: 'Slab cache', value: error.message }];
  }
}
