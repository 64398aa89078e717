/** The guests of the lab: machines that differ in the kernel and in what it runs on, with one root file system for all. */

/** Names of the guests, the default one first. */
export const GUEST_NAMES = ['6.1', '6.1-smp', '6.1-pae', '6.1-acpi', '6.12'] as const;
export type GuestName = (typeof GUEST_NAMES)[number];
export const DEFAULT_GUEST: GuestName = '6.1';

/** What is particular about a guest. */
export interface Guest {
  name: GuestName;
  /** E.g. "Linux 6.1, two CPUs". */
  title: string;
  /** Series of the kernel: of its source package (linux-source-…) and of the patches (kernel/patches/series-…). */
  linux: '6.1' | '6.12';
  /** Kconfig fragments of the folder `kernel`, later ones on top of earlier ones. */
  fragments: readonly string[];
}

const COMMON = 'lab.config';

const GUESTS: Readonly<Record<GuestName, Omit<Guest, 'name'>>> = {
  '6.1': { title: 'Linux 6.1, one CPU', linux: '6.1', fragments: [COMMON] },
  '6.1-smp': { title: 'Linux 6.1, two CPUs', linux: '6.1', fragments: [COMMON, 'smp.config'] },
  '6.1-pae': {
    title: 'Linux 6.1 with PAE',
    linux: '6.1',
    fragments: [COMMON, 'pae.config'],
  },
  '6.1-acpi': { title: 'Linux 6.1 with ACPI', linux: '6.1', fragments: [COMMON, 'acpi.config'] },
  '6.12': { title: 'Linux 6.12, one CPU', linux: '6.12', fragments: [COMMON] },
};

export function guestOf(name: GuestName): Guest {
  return { name, ...GUESTS[name] };
}

export function isGuestName(name: unknown): name is GuestName {
  return GUEST_NAMES.some((known) => known === name);
}
