/** Request family: the page map. */
import { KEXEC_ROLES } from '../../vmcore-viewer/core/kexecRoles.ts';
import { PAGE_CLASSES } from '../../vmcore-viewer/core/pageClassNames.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { mapNeedsRam } from '../errors.ts';
import { RamFileMemory } from '../jump/machineMemory.ts';
import type { JumpSession } from '../jump/session.ts';
import { jumpNow } from '../map/jumpNow.ts';
import { memoryPicture, OWNERS } from '../map/memoryPicture.ts';
import type { PageListBody, PageMapBody, SwapProgressBody } from '../protocol.ts';

export async function pageMap(session: JumpSession): Promise<PageMapBody> {
  const { pageCount, classes, roles, owners, exchanges, progress, regions } = await memoryPicture(session);
  const pairs = new Uint32Array(exchanges.length * 2);
  exchanges.forEach(({ destination, source }, number) => {
    pairs.set([destination / PAGE_SIZE, source / PAGE_SIZE], number * 2);
  });
  return {
    ...{ pageCount, progress, regions, phases: session.log.phases },
    kinds: PAGE_CLASSES.map(({ name, description }) => ({ name, description })),
    classes: base64(classes),
    roleNames: KEXEC_ROLES,
    roles: base64(roles),
    ownerNames: OWNERS,
    owners: base64(owners),
    exchanges: base64(pairs),
  };
}

/** The page list behind the exchanges of the page map; empty when there is none. */
export async function pageListWords(session: JumpSession): Promise<PageListBody> {
  const { entries = [] } = (await jumpNow(session))?.list ?? {};
  return { words: base64(Uint32Array.from(entries.flatMap(({ address, value }) => [address, value]))) };
}

/** Where the memory of the machine can be read. @throws UserFacingError `map-needs-ram` when there is no such file. */
export async function machineMemory(session: JumpSession): Promise<{ path: string; entry?: number }> {
  const { physical, live, kernels } = session;
  if (!(physical instanceof RamFileMemory)) throw mapNeedsRam();
  const jump = live === 'B' ? await jumpNow(session) : undefined;
  const isDormant = jump && !jump.progress.isReturn && jump.progress.done === jump.list.exchanges.length;
  const { reentry } = kernels.A;
  return { path: physical.path, ...(isDormant && reentry !== undefined ? { entry: reentry } : {}) };
}

/** Of the swap that is under way. @throws UserFacingError `map-needs-ram` where pages cannot be looked at as it runs. */
export function swapProgress({ physical, swap }: JumpSession): { swap?: SwapProgressBody } {
  if (!(physical instanceof RamFileMemory)) throw mapNeedsRam();
  const { now } = swap;
  if (!now) return {};
  const { kernel, isReturn, exchanged, atMost, list } = now;
  return { swap: { kernel, isReturn, done: exchanged, atMost, count: list.exchanges.length } };
}

/** The page in which a symbol of the live kernel lies. */
export function findPage(session: JumpSession, text: string): { pfn?: number } {
  const kernel = session.kernels[session.live];
  if (!kernel.file.symbol(text) || kernel.boot.offset === undefined) return {};
  return { pfn: Math.floor((kernel.address(text) - kernel.pageOffset) / PAGE_SIZE) };
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array | Uint32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
