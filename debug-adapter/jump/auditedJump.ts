/** A jump at the first of its moments that is seen: what a kernel leaves by, whose its pages are, and what is not known. */
import type { AuditedJump } from '../../vmcore-viewer/core/auditReport.ts';
import type { AuditMoment } from '../../vmcore-viewer/core/auditStages.ts';
import { JumpPages, type Departure } from '../../vmcore-viewer/core/jumpPages.ts';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { walkPageList, type BrokenEntry, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE, readWord, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { readSavedState, type ControlCode } from '../../vmcore-viewer/core/controlPage.ts';
import type { Kernel } from './kernel.ts';
import { KernelOwners } from './pageOwners.ts';

/** Moments at which a kernel's pages are where its list takes them. */
const IS_SWAPPED: Readonly<Record<AuditMoment, boolean>> = {
  swapBegins: false,
  departed: true,
  swapsBack: true,
  swappedBack: false,
};

/**
 * @param kernel the one that leaves, or comes back.
 * @param peer the one that runs meanwhile; what it has left by gave the kernel its memory, if it exchanged anything.
 * @param unseen why moments before this one were not.
 */
export function beginAuditedJump(
  memory: PhysicalMemory,
  moment: AuditMoment,
  { kernel, peer, number, unseen }: { kernel: Kernel; peer: Kernel; number: number; unseen: string },
): AuditedJump {
  const controlPage = kernel.boot.controlPage!.physical;
  const { list, swapPage, broken } = leavesBy(memory, controlPage, kernel.controlCode);
  const asItKnows = IS_SWAPPED[moment] ? new Overlay(memory, [list]) : memory;
  const owners = new KernelOwners(asItKnows, kernel);
  const { segments } = kernel.boot;
  const pages = new JumpPages(Math.floor(memory.size / PAGE_SIZE), {
    ...{ list, controlPage, swapPage, segments },
    received: peer.boot.departedList,
    realMode: realModeOf(asItKnows, kernel),
    low: lowPages().filter((pfn) => owners.isKexecs?.(pfn)),
    isKexecs: owners.isKexecs,
  });
  return {
    ...{ number, kernel: kernel.name, peer: peer.name, pages, hashes: {}, unseen },
    owners: {
      ownerOf: (pfn) => pages.nameOf(pfn) ?? owners.ownerOf(pfn),
      symbolsIn: (pfn, count) => owners.symbolsIn(pfn, count),
    },
    remarks: [
      `Kernel ${kernel.name}: ${kernel.file.banner ?? kernel.file.path}`,
      ...(owners.problem === undefined ? [] : [`Classes of pages are not known: ${owners.problem}`]),
    ],
    unknown: [
      ...(segments ? [] : ['what kexec loaded was not seen, so destinations cannot be held against it']),
      ...(owners.isKexecs ? [] : ['the classes of pages are not known, so neither is whether sources are kexec’s own']),
    ],
    ...(broken && { brokenEntry: broken }),
  };
}

function leavesBy(
  memory: PhysicalMemory,
  controlPage: number,
  code: ControlCode,
): { list: PageList; swapPage: number; broken?: BrokenEntry } {
  const saved = readSavedState(memory, controlPage, code);
  if (saved) return { ...walkPageList(memory, saved.head), swapPage: saved.swapPage };
  const nothing = { entries: [], exchanges: [], indirectionPages: [] };
  const broken = { address: controlPage + code.slots.head, value: 0, why: 'is not in memory' };
  return { list: nothing, swapPage: controlPage, broken };
}

/** Page frames that every kernel of a PC gets, and reserves: of memory below 640 KiB, without the firmware's first. */
const lowPages = (): number[] => Array.from({ length: 0xa0 - 1 }, (_, index) => index + 1);

/**
 * Source: arch/x86/realmode/init.c, real_mode_header: the trampoline's virtual address, in the linear mapping;
 * kernel/cpu.c, __cpu_present_mask: all others than CPU 0 are started through it again on the return.
 */
function realModeOf(memory: PhysicalMemory, { file, boot, pageOffset }: Kernel): Departure['realMode'] {
  const variable = (name: string): number => {
    const symbol = file.symbol(name);
    return (symbol && readWord(memory, symbol.address + (boot.offset ?? 0) - pageOffset)) ?? 0;
  };
  const [start, end] = [file.symbol('real_mode_blob'), file.symbol('real_mode_blob_end')];
  const virtual = variable('real_mode_header');
  if (!start || !end || virtual === 0) return undefined;
  const isNeeded = (variable('__cpu_present_mask') & ~1) !== 0;
  return { address: virtual - pageOffset, size: end.address - start.address, isNeeded };
}
