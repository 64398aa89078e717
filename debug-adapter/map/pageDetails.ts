/** What is known of one page of the machine's memory, in words. */
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { describePage } from '../../vmcore-viewer/core/pageDescription.ts';
import { pageRows, type PageRow } from '../../vmcore-viewer/core/pageRows.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import { isSwapped } from './jumpNow.ts';
import { memoryPicture, OWNERS, type MemoryPicture } from './memoryPicture.ts';

/** Says of the page at a page frame why it has its class: as the kernel knows it whose content it holds. */
export async function pageDetails(session: JumpSession, pfn: number): Promise<PageRow[]> {
  const picture = await memoryPicture(session);
  if (pfn < 0 || pfn >= picture.pageCount) return [];
  const owner: KernelName = OWNERS[picture.owners[pfn]!] === 'B' ? 'B' : 'A';
  const known = picture.views[owner]?.known;
  const own = ownPfn(picture, owner, pfn);
  const rows: PageRow[] = [];
  if (own !== pfn) {
    rows.push({ label: `For kernel ${owner} it is`, value: `page frame ${hex(own)}`, page: own });
  }
  if (!known) return rows;
  const description = describePage(known.pages, known.classes, own, known.knowledge);
  return [...rows, ...pageRows(description)];
}

/** The page frame at which a kernel knows what a page holds now. */
function ownPfn({ exchanges, progress }: MemoryPicture, owner: KernelName, pfn: number): number {
  const address = pfn * PAGE_SIZE;
  const number = exchanges.findIndex(({ source, destination }) => source === address && destination !== address);
  const exchange = exchanges[number];
  if (!exchange) return pfn;
  // A source holds kernel A's page once it is exchanged, and kernel B's before.
  return isSwapped(progress, number) === (owner === 'A') ? exchange.destination / PAGE_SIZE : pfn;
}
