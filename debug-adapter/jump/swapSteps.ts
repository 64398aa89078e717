/**
 * Steps through the swap of pages: by copy, page, entry, indirection page, to a page, to the end, and back. The copy itself
 * always runs at full speed, to a breakpoint or to the access to an entry of the list.
 */
import { IND_INDIRECTION, decodePageList, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { noSuchPage, notNow } from '../errors.ts';
import type { SwapStep } from '../protocol.ts';
import type { RunEnd } from '../rsp/runState.ts';
import { readSavedState, type SavedState } from '../../vmcore-viewer/core/controlPage.ts';
import type { Kernel } from './kernel.ts';
import type { JumpSession } from './session.ts';
import { swapPlace, type SwapPlace } from './swapPlace.ts';

/** A kernel that swaps its pages, and where it stands. */
export interface Swap {
  kernel: Kernel;
  /** Physical address of the control page. */
  controlPage: number;
  saved: SavedState;
  list: PageList;
  place: SwapPlace;
}

/** The swap that the stopped machine is in; `undefined` outside of swap_pages. */
export async function currentSwap(session: JumpSession): Promise<Swap | undefined> {
  const kernel = session.kernels[session.live];
  const controlPage = kernel.boot.controlPage?.physical;
  if (!session.run.isStopped || session.router.isRunning || controlPage === undefined) return undefined;
  const { swap, swapPages } = kernel.controlCode;
  const { layout } = session.router;
  const registers = await session.router.registers();
  const [eip, ebx] = [layout.get(registers, 'eip'), layout.get(registers, 'ebx')];
  if (eip < controlPage + swapPages || eip > controlPage + swap.done) return undefined;
  const saved = await session.physical.settle(() => readSavedState(session.physical, controlPage, kernel.controlCode));
  if (!saved) return undefined;
  const list = await session.physical.settle(() => decodePageList(session.physical, saved.head));
  const place = swapPlace(swap, swapPages, controlPage, list, { eip, ebx });
  return place && { kernel, controlPage, saved, list, place };
}

const KINDS: readonly string[] = ['copy', 'page', 'entry', 'indirection', 'end', 'pageBack', 'start'];

/** Checks what a client sent. @throws UserFacingError `not-now`. */
export function parseSwapStep({ kind, number }: { kind?: unknown; number?: unknown }): SwapStep {
  if (KINDS.includes(String(kind))) return { kind } as SwapStep;
  const isTo = kind === 'toPage' || kind === 'toPfn';
  if (isTo && Number.isSafeInteger(number) && Number(number) >= 0) return { kind, number: Number(number) };
  throw notNow(
    `A step "${String(kind)}" through the swap`,
    'there is none of that name, or its number is missing',
    'Choose another.',
  );
}

/** Makes a step. @throws UserFacingError `not-now` outside of the swap, `no-such-page`. */
export async function swapStep(session: JumpSession, step: SwapStep): Promise<void> {
  const swap = await currentSwap(session);
  if (!swap) {
    throw notNow(
      'A step through the swap',
      'no kernel swaps its pages here',
      'Stop at the phase "swapping pages" first.',
    );
  }
  // From where the swap begins on there is a way back.
  const { entriesRead, exchangesDone, isExchanging } = swap.place;
  if (entriesRead === 0) await session.snapshots.keep('swap');
  switch (step.kind) {
    case 'copy':
      await session.run.stepTo(at(swap, ...swap.kernel.controlCode.swap.copied));
      break;
    case 'page':
      await session.run.stepTo(at(swap, swap.kernel.controlCode.swap.exchange));
      break;
    case 'entry':
      await session.run.stepTo(at(swap, swap.kernel.controlCode.swap.readEntry));
      break;
    case 'indirection':
      await toNextIndirection(session, swap);
      break;
    case 'end':
      await session.run.stepTo(at(swap));
      break;
    case 'start':
      await back(session);
      await session.run.standStill('Start of the swap');
      break;
    case 'pageBack':
      await toPage(session, swap, isExchanging && swap.place.copiesDone > 0 ? exchangesDone : exchangesDone - 1);
      break;
    case 'toPage':
      await toPage(session, swap, step.number);
      break;
    case 'toPfn':
      await toPage(session, swap, pageOf(swap.list, step.number));
  }
}

/** Ends at offsets of the control page, or at the end of the swap. */
function at({ controlPage, kernel }: Swap, ...offsets: number[]): RunEnd {
  const addresses = [...offsets, kernel.controlCode.swap.done].map((offset) => controlPage + offset);
  return { addresses, isThere: () => true };
}

async function toNextIndirection(session: JumpSession, swap: Swap): Promise<void> {
  const ahead = swap.list.entries.slice(swap.place.entriesRead);
  const watched = ahead.find(({ value }) => value & IND_INDIRECTION)?.address;
  await session.run.stepTo({ ...at(swap), ...(watched === undefined ? {} : { watched }) });
}

/** To the moment before an exchange, forward or from the start of the swap. */
async function toPage(session: JumpSession, swap: Swap, number: number): Promise<void> {
  const exchange = swap.list.exchanges[number];
  if (!exchange) throw noSuchPage(number, swap.list.exchanges.length);
  const { exchangesDone, isExchanging } = swap.place;
  if (number < exchangesDone || (number === exchangesDone && isExchanging)) await back(session);
  // Where its entry is read, so many exchanges are done; the exchange begins a few instructions on.
  const entryRead = { ...at(swap), watched: exchange.entryAddress };
  await session.run.stepTo(entryRead, at(swap, swap.kernel.controlCode.swap.exchange));
}

function pageOf({ exchanges }: PageList, pfn: number): number {
  const address = pfn * PAGE_SIZE;
  const number = exchanges.findIndex(({ destination, source }) => destination === address || source === address);
  if (number < 0)
    throw notNow(
      `Running to page frame 0x${pfn.toString(16)}`,
      'no exchange of this jump has it',
      'Look at the page list.',
    );
  return number;
}

/** Interrupts are off and no device is at work: the way from the start on is always the same. */
async function back(session: JumpSession): Promise<void> {
  await session.run.goBack(async () => session.snapshots.goTo('swap'));
}
