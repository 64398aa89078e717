/** The picture of an image: each page as the kernel knows it whose content it holds, and what the image has of it. */
import { isWorkplace, KEXEC_ROLES, kexecRoles } from '../core/kexecRoles.ts';
import { PAGE_CLASSES } from '../core/pageClassNames.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import type { Explorer, KnownPages } from './explorer.ts';
import type { ImageMap } from './protocol.ts';

/** As in the live page map: kernel A is the one that left. */
export const OWNER = { left: 0, peer: 1, both: 2 } as const;

/** An owner in words. */
export function ownerName({ jump }: Explorer, owner: number): string {
  if (!jump) return 'kernel';
  return { [OWNER.left]: 'kernel that left', [OWNER.peer]: 'its peer', [OWNER.both]: 'the jump' }[owner] ?? '';
}

const UNKNOWN = PAGE_CLASSES.findIndex(({ name }) => name === 'unreadable');

export function imagePicture(explorer: Explorer): ImageMap {
  const { image, jump, pages, pageCount } = explorer;
  const classes = new Uint8Array(pageCount).fill(UNKNOWN);
  const owners = new Uint8Array(pageCount);
  const exchanges = jump?.list.exchanges ?? [];
  // A peer's memory lies where the jump has put it; the rest is that of the kernel that left.
  for (const known of [...pages].reverse()) paint(known, classes, explorer);
  for (const { destination } of exchanges) owners[destination / PAGE_SIZE] = OWNER.peer;
  const roles = kexecRoles(pageCount, jump && { ...jump, swapPage: jump.saved.swapPage });
  roles.forEach((role, pfn) => {
    if (isWorkplace(role)) owners[pfn] = OWNER.both;
  });
  return {
    pageCount,
    classNames: PAGE_CLASSES.map(({ name, description }) => ({ name, description })),
    classes,
    presence: image.presence(0, pageCount),
    roleNames: [...KEXEC_ROLES],
    roles,
    owners,
    exchanges: Uint32Array.from(
      exchanges.flatMap(({ destination, source }) => [destination / PAGE_SIZE, source / PAGE_SIZE]),
    ),
    listWords: Uint32Array.from(jump?.list.entries.flatMap(({ address, value }) => [address, value]) ?? []),
    regions: regionsOf(explorer),
  };
}

function paint({ kernel, classes }: KnownPages, picture: Uint8Array, { jump }: Explorer): void {
  if (kernel.view === 'asItIs' && jump) {
    // Of a peer: its own memory, the destinations.
    for (const { destination } of jump.list.exchanges) {
      const pfn = destination / PAGE_SIZE;
      picture[pfn] = classes[pfn] ?? UNKNOWN;
    }
    return;
  }
  // What kexec has taken for itself holds nothing of the kernel's, wherever it is.
  const kexecs = new Set(jump?.list.exchanges.map(({ source }) => source / PAGE_SIZE));
  classes.forEach((found, pfn) => {
    if (kexecs.has(pfn)) return;
    const now = (jump?.asItLeft.locate(pfn * PAGE_SIZE) ?? pfn * PAGE_SIZE) / PAGE_SIZE;
    if (now < picture.length) picture[now] = found;
  });
}

function regionsOf({ image, jump, pageCount }: Explorer): ImageMap['regions'] {
  const control = jump ? [{ name: 'control page', first: jump.controlPage / PAGE_SIZE, count: 1 }] : [];
  return [
    ...control,
    ...image.regions
      .map(({ name, address, length }) => ({
        name,
        first: Math.floor(address / PAGE_SIZE),
        count: Math.max(1, Math.ceil(length / PAGE_SIZE)),
      }))
      .filter(({ first }) => first < pageCount),
  ];
}
