/** What each page of the machine's memory is, and whose content it holds: both kernels and the jump in one picture. */
import { isWorkplace, kexecRoles } from '../../vmcore-viewer/core/kexecRoles.ts';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { PAGE_CLASSES } from '../../vmcore-viewer/core/pageClassNames.ts';
import type { PageExchange } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { mapNeedsRam } from '../errors.ts';
import type { KernelName } from '../jump/kernel.ts';
import { kernelPages, type KernelPages } from '../jump/kernelPages.ts';
import { RamFileMemory } from '../jump/machineMemory.ts';
import type { JumpSession } from '../jump/session.ts';
import type { SwapProgress } from '../protocol.ts';
import { isSwapped, jumpNow, movesOf, type JumpNow } from './jumpNow.ts';

/** Whose content a page holds; both: what the jump itself works with. */
export const OWNERS = ['A', 'B', 'both'] as const;
const OWNER = { A: 0, B: 1, both: 2 } as const;

const UNKNOWN_CLASS = PAGE_CLASSES.findIndex(({ name }) => name === 'other');

/** Before them there are none, and behind them kernel B makes of its memory what it likes. */
const HAVE_SEGMENTS: ReadonlySet<string> = new Set(['leaving A', 'swapping pages', 'purgatory', 'B starting']);

export interface MemoryPicture {
  pageCount: number;
  /** A byte a page: index into `PAGE_CLASSES`, of the page as the kernel knows it whose content it holds. */
  classes: Uint8Array;
  /** Index into `KEXEC_ROLES`. */
  roles: Uint8Array;
  /** Index into `OWNERS`. */
  owners: Uint8Array;
  /** In the order of the page list. */
  exchanges: readonly PageExchange[];
  progress: SwapProgress;
  /** Named pieces: pfn of the first page, number of pages. */
  regions: { name: string; first: number; count: number }[];
  /** Where the content of each kernel's pages is now. */
  views: Readonly<Partial<Record<KernelName, View>>>;
}

/** A kernel's pages, and the memory as it knew it. */
interface View {
  memory: Overlay;
  known: KernelPages | undefined;
}

/** Takes the picture; the machine may run meanwhile. @throws UserFacingError `map-needs-ram`, MemoryError. */
export async function memoryPicture(session: JumpSession): Promise<MemoryPicture> {
  const memory = session.physical;
  if (!(memory instanceof RamFileMemory)) throw mapNeedsRam();
  const jump = await jumpNow(session);
  const moves = (kernel: KernelName): Overlay =>
    new Overlay(memory, jump ? [{ exchanges: movesOf(jump, kernel) }] : []);
  const views = { A: view(session, 'A', moves('A')), B: view(session, 'B', moves('B')) };

  const pageCount = Math.ceil(memory.size / PAGE_SIZE);
  const picture: MemoryPicture = {
    ...{ pageCount, views },
    exchanges: jump?.list.exchanges ?? [],
    progress: jump?.progress ?? { done: 0, isReturn: false },
    classes: new Uint8Array(pageCount).fill(UNKNOWN_CLASS),
    roles: kexecRoles(pageCount, jump),
    owners: new Uint8Array(pageCount).fill(OWNER.A),
    regions: regionsOf(session, jump),
  };
  paintKernelA(picture, views.A);
  paintExchanges(picture, views);
  paintWorkplace(picture);
  return picture;
}

function view(session: JumpSession, name: KernelName, memory: Overlay): View {
  const kernel = session.kernels[name];
  const hasRun = name === 'A' || session.live === 'B' || session.isDormant('B');
  return { memory, known: hasRun ? kernelPages(kernel, memory) : undefined };
}

function paintKernelA({ classes }: MemoryPicture, { known }: View): void {
  if (known) classes.set(known.classes.subarray(0, classes.length));
}

/** Of each pair one page holds what kernel A had in the destination, the other what is kernel B's. */
function paintExchanges(picture: MemoryPicture, views: { A: View; B: View }): void {
  const { classes, owners, exchanges, progress } = picture;
  exchanges.forEach(({ destination, source }, number) => {
    const [to, from] = [destination / PAGE_SIZE, source / PAGE_SIZE];
    const isDone = isSwapped(progress, number);
    const ofB = isDone ? to : from;
    const classOfB = views.B.known?.classes[to] ?? UNKNOWN_CLASS;
    const classOfA = views.A.known?.classes[to] ?? UNKNOWN_CLASS;
    if (isDone) classes[from] = classOfA;
    classes[ofB] = classOfB;
    owners[ofB] = OWNER.B;
  });
}

function paintWorkplace({ roles, owners }: MemoryPicture): void {
  roles.forEach((role, pfn) => {
    if (isWorkplace(role)) owners[pfn] = OWNER.both;
  });
}

function regionsOf(session: JumpSession, jump: JumpNow | undefined): MemoryPicture['regions'] {
  const { machine } = session.configuration;
  const region = (name: string, address: number, size: number): MemoryPicture['regions'][number] => ({
    name,
    first: Math.floor(address / PAGE_SIZE),
    count: Math.max(1, Math.ceil(size / PAGE_SIZE)),
  });
  const window =
    machine.kind === 'launch'
      ? [region('window', machine.window.min, machine.window.max + 1 - machine.window.min)]
      : [];
  const control = jump?.controlPage === undefined ? [] : [region('control page', jump.controlPage, PAGE_SIZE)];
  const segments = HAVE_SEGMENTS.has(session.state.phase) ? (session.kernels.A.boot.segments ?? []) : [];
  return [...control, ...segments.map(({ address, size, kind }) => region(kind, address, size)), ...window];
}
