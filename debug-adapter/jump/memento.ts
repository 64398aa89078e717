/** What is known of a jump at a moment, so that it can be known again when the machine goes back there. */
import { decodePageList } from '../../vmcore-viewer/core/pageList.ts';
import { snapshotUnusable } from '../errors.ts';
import type { RegisterLayout } from '../rsp/registers.ts';
import type { AuditRecord } from './audit.ts';
import { readSavedState, type SavedState } from '../../vmcore-viewer/core/controlPage.ts';
import { DormantKernel } from './dormantKernel.ts';
import type { MachineMemory } from './machineMemory.ts';
import type { SwapStart } from './swapWatch.ts';
import { KERNEL_NAMES, type BootKnowledge, type Kernel, type KernelName } from './kernel.ts';
import { isPhaseName, type PhaseName } from './phases.ts';
import type { Place } from './places.ts';

/** What those who watch a tracker's moments know; replaced, never changed. */
export interface Observed {
  readonly audit?: AuditRecord;
  readonly swap?: SwapStart | undefined;
}

/** What a tracker knows at a moment of its own session. */
export interface TrackerMemento {
  live: KernelName;
  phase: PhaseName | undefined;
  boots: Readonly<Record<KernelName, BootKnowledge>>;
  dormant: ReadonlyMap<KernelName, DormantKernel>;
  places: readonly Place[];
  /** Unknown for a moment of another session. */
  observed?: Observed;
}

type SavedBoot = Omit<BootKnowledge, 'departedList'> & { departed: boolean };

/** The same for another session, as JSON; what the machine's memory tells is left out. */
export interface SavedMoment {
  live: KernelName;
  phase: PhaseName;
  boots: Record<KernelName, SavedBoot>;
}

export function toSavedMoment({ live, phase, boots }: TrackerMemento): SavedMoment | undefined {
  if (!phase) return undefined;
  const save = ({ departedList, ...rest }: BootKnowledge): SavedBoot => ({ ...rest, departed: Boolean(departedList) });
  return { live, phase, boots: { A: save(boots.A), B: save(boots.B) } };
}

/** What was known when a machine was saved while a kernel ran its programs; the machine's memory is as it was. */
export async function fromSavedMoment(
  { live, phase, boots }: SavedMoment,
  memory: MachineMemory,
  layout: RegisterLayout,
  kernels: Readonly<Record<KernelName, Pick<Kernel, 'controlCode'>>>,
): Promise<Omit<TrackerMemento, 'places'>> {
  const peer = live === 'A' ? 'B' : 'A';
  const known: Record<KernelName, BootKnowledge> = { A: {}, B: {} };
  const saved = async (name: KernelName): Promise<SavedState | undefined> =>
    memory.settle(() => {
      const { controlPage } = boots[name];
      return controlPage && readSavedState(memory, controlPage.physical, kernels[name].controlCode);
    });
  for (const name of KERNEL_NAMES) {
    const { departed, ...rest } = boots[name];
    const head = departed ? (await saved(name))?.head : undefined;
    known[name] = {
      ...rest,
      ...(head === undefined ? {} : { departedList: await memory.settle(() => decodePageList(memory, head)) }),
    };
  }
  const dormant = new Map<KernelName, DormantKernel>();
  const state = await saved(peer);
  const ownList = known[peer].departedList;
  if (state && ownList) {
    const view = new DormantKernel(memory, layout, state, [ownList]);
    // The live kernel's list was swapped too, when it came back.
    if (known[live].departedList) view.swapped(known[live].departedList);
    dormant.set(peer, view);
  }
  return { live, phase, boots: known, dormant };
}

/**
 * Reads what another session has written; it may have been edited or cut.
 * @throws UserFacingError `snapshot-unusable` when it is broken, or of a moment in the middle of a jump.
 */
export function parseSavedMoment(moment: unknown): SavedMoment {
  const { live, phase, boots } = (moment ?? {}) as Partial<SavedMoment>;
  const isAddress = (value: unknown): boolean =>
    value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32);
  const isSound = (boot: SavedBoot | undefined): boolean =>
    typeof boot === 'object' &&
    [
      boot.offset,
      boot.resumesAt,
      boot.kernelKexecReturnsTo,
      boot.controlPage?.virtual,
      boot.controlPage?.physical,
    ].every(isAddress);
  const isWhole =
    (live === 'A' || live === 'B') && isPhaseName(String(phase)) && isSound(boots?.A) && isSound(boots?.B);
  if (!isWhole) throw snapshotUnusable('its description is broken');
  if (phase !== `${live} running`) {
    throw snapshotUnusable(
      `it was taken in the middle of a jump (${phase}), which only its own session can go back to`,
    );
  }
  return { live, phase, boots } as SavedMoment;
}
