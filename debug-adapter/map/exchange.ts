/** One exchange of the page list: its pages as they are now, and whose content each holds. */
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { noSuchPage, notNow } from '../errors.ts';
import type { JumpSession } from '../jump/session.ts';
import type { ExchangeBody, SwapProgress } from '../protocol.ts';
import { jumpNow } from './jumpNow.ts';

/** What a page holds: what was in the source or in the destination before, or what the exchange before left. */
type Content = 'source' | 'destination' | 'before';

/** What source, destination and swap page hold after so many copies. Source: relocate_kernel_32.S, swap_pages. */
const HOLDS: readonly (readonly [Content, Content, Content])[] = [
  ['source', 'destination', 'before'],
  ['source', 'destination', 'source'],
  ['destination', 'destination', 'source'],
  ['destination', 'source', 'source'],
];
const OF_B = "kernel B's page";
const OF_ANOTHER = 'what another exchange left';
const ALL_COPIES = HOLDS.length - 1;

/**
 * Describes an exchange by its number in the page list, else the one that is being made or comes next.
 * @throws UserFacingError `not-now` without a page list, `no-such-page`.
 */
export async function describeExchange(session: JumpSession, wanted: number | undefined): Promise<ExchangeBody> {
  const jump = await jumpNow(session);
  if (!jump) throw notNow('Looking at an exchange', 'no kernel is loaded to jump into', 'Wait for "Kexec Jump".');
  const { list, progress, swapPage } = jump;
  const count = list.exchanges.length;
  const number = wanted ?? Math.min(progress.done, count - 1);
  const exchange = list.exchanges[number];
  if (!exchange) throw noSuchPage(number, count);
  const copiesDone = copiesOf(progress, number);
  const [source, destination, inSwapPage] = HOLDS[copiesDone]!;
  const isSwapPageInUse = number === progress.done || number === progress.done - 1;
  const page = async (name: string, address: number, content: Content): Promise<ExchangeBody['pages'][number]> => {
    const { physical } = session;
    const bytes = await physical.settle(() => physical.read(address, PAGE_SIZE));
    const holds = exchange.source === exchange.destination ? ofSelf(content) : whose(content, progress.isReturn);
    return { name, pfn: address / PAGE_SIZE, holds, bytes: bytes?.toString('base64') ?? '' };
  };
  return {
    ...{ number, count, copiesDone, entryAddress: exchange.entryAddress },
    pages: [
      await page('Source', exchange.source, source),
      await page('Destination', exchange.destination, destination),
      ...(swapPage === undefined ? [] : [await page('Swap page', swapPage, isSwapPageInUse ? inSwapPage : 'before')]),
    ],
  };
}

function copiesOf({ done, copies = 0 }: SwapProgress, number: number): number {
  if (number < done) return ALL_COPIES;
  return number === done ? copies : 0;
}

/** A page that is source and destination in one has kernel B's content all the time. */
function ofSelf(content: Content): string {
  return content === 'before' ? OF_ANOTHER : OF_B;
}

/** On the way out kernel A's pages are in the destinations, on the way back in the sources. */
function whose(content: Content, isReturn: boolean): string {
  if (content === 'before') return OF_ANOTHER;
  const isOfA = (content === 'destination') !== isReturn;
  return isOfA ? "kernel A's page" : OF_B;
}
