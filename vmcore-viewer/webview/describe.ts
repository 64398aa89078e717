/** A page and a memory in words. */
import { isSwapped } from './exchanges.ts';
import type { Pages } from './pages.ts';

/** A number of pages with separators: 1,048,576. */
export function counted(count: number): string {
  return count.toLocaleString('en-US');
}

/** A number of bytes in the largest binary unit that leaves no more than four digits: 40 KiB, 4 GiB, 1.5 MiB. */
export function sizeOf(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10)) : 0;
  return `${Number((bytes / 1024 ** step).toFixed(1))} ${units[step]!}`;
}

export function hex(value: number): string {
  return '0x' + value.toString(16);
}

/** Physical address of a byte of a page, with leading zeros: addresses in a column align. */
export function addressOf(pages: Pages, pfn: number, byte = 0): string {
  const digits = Math.max(8, (pages.count * pages.pageSize - 1).toString(16).length);
  return '0x' + (pfn * pages.pageSize + byte).toString(16).padStart(digits, '0');
}

/** A page in lines: its number and addresses, what it is, whose it is, where it goes. Empty for no page. */
export function describePage(pages: Pages, pfn: number): string[] {
  const pageClass = pages.classOf(pfn);
  const owner = pages.ownerOf(pfn);
  const lines = [
    `Page frame ${hex(pfn)}, physical ${addressOf(pages, pfn)}`,
    [pageClass?.name ?? 'Unknown', owner?.name].filter(Boolean).join(', '),
    ...pages.regionsOf(pfn).map(({ name }) => `In: ${name}`),
  ];
  for (const { number, destination, source } of pages.exchanges.of(pfn)) {
    const done = isSwapped(pages.progress, number) ? 'exchanged' : 'to be exchanged';
    if (destination === source) lines.push('Destination and source in one: stays where it is');
    else if (pfn === destination) lines.push(`Destination: ${done} with source ${hex(source)}`);
    else lines.push(`Source: ${done} with destination ${hex(destination)}`);
  }
  return lines;
}
