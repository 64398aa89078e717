/** A page of an image in hexadecimal and as text, by a physical address or by a virtual one and the way there. */
import { hex, notAnAddress, notInImage } from '../core/errors.ts';
import { hexText } from '../core/hexText.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import { contentPlace } from './contentPlace.ts';
import type { Explorer } from './explorer.ts';

const BYTES = 16;

/** Where a text leads: to a physical address, by what steps. */
interface Place {
  physical: number;
  steps: string[];
}

/** @param text `0x…` or a number: virtual of the kernel if it maps it, else physical; `pfn N`; `p:0x…`, `v:0x…` to say which. */
export function pageReport(explorer: Explorer, text: string): string[] {
  const { physical, steps } = placeOf(explorer, text);
  const page = physical - (physical % PAGE_SIZE);
  const bytes = explorer.image.read(page, PAGE_SIZE);
  if (!bytes) throw notInImage(page);
  const way = steps.length > 0 ? steps : wayTo(explorer, physical);
  return [...way, `Physical ${hex(physical)}, page frame ${hex(page / PAGE_SIZE)}`, '', ...dump(bytes, page)];
}

/** How its kernel gets to what is at a physical address, by the direct mapping. */
function wayTo(explorer: Explorer, physical: number): string[] {
  const { kernel, virtual } = contentPlace(explorer, physical);
  if (!kernel || virtual === undefined) return [];
  return kernel === explorer.kernel
    ? virtualPlace(explorer, virtual)!.steps
    : [`Virtual ${hex(virtual)} of the peer`, ...kernel.memory.translate(virtual)!.steps];
}

/** Finds the place of what a person typed. @throws MemoryError when it is no address, or leads nowhere. */
export function placeOf(explorer: Explorer, text: string): Place {
  const [, kind = '', name = ''] = /^\s*(p:|v:|pfn\s+)?\s*(.*?)\s*$/i.exec(text) ?? [];
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(name)) {
    const symbol = explorer.symbol(name);
    if (symbol === undefined) throw notAnAddress(text);
    return virtualPlace(explorer, symbol) ?? notThere(symbol);
  }
  const address = BigInt(name);
  switch (kind.trim().toLowerCase()) {
    case 'pfn':
      return { physical: Number(address) * PAGE_SIZE, steps: [] };
    case 'p:':
      return { physical: Number(address), steps: [] };
    case 'v:':
      return virtualPlace(explorer, address) ?? notThere(address);
    default:
      return virtualPlace(explorer, address) ?? { physical: Number(address), steps: [] };
  }
}

/** Through the kernel's page tables, and by the jump to where its page is now. */
function virtualPlace(explorer: Explorer, address: bigint): Place | undefined {
  const found = explorer.kernel?.memory.translate(address);
  if (!found) return undefined;
  const { physical } = found;
  const now = explorer.locate(Math.floor(physical / PAGE_SIZE)) * PAGE_SIZE + (physical % PAGE_SIZE);
  const moved = now === physical ? [] : [`The jump has moved that page: what was there is at physical ${hex(now)}`];
  return { physical: now, steps: [`Virtual ${hex(address)}`, ...found.steps, ...moved] };
}

const notThere = (address: bigint): never => {
  throw notInImage(address);
};

function dump(bytes: Buffer, base: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES) {
    const { digits, text } = hexText(bytes.subarray(at, at + BYTES), BYTES);
    lines.push(`${hex(base + at).padStart(10)}  ${digits}  ${text}`);
  }
  return lines;
}
