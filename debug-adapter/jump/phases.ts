/** The phases of a jump, by the names that launch configurations, events and views use. */

/** All phase names, in the order of a jump from A to a fresh B and back. */
export const PHASES = [
  'A starting',
  'A running',
  'A quiescing',
  'leaving A',
  'swapping pages',
  'purgatory',
  'B starting',
  'B running',
  'B quiescing',
  'leaving B',
  'swapping back',
  'A resuming',
  'B resuming',
] as const;

export type PhaseName = (typeof PHASES)[number];

/** Phases at which a launch stops unless its `stopAt` says otherwise. */
export const DEFAULT_STOPS: readonly PhaseName[] = [
  'A quiescing',
  'leaving A',
  'swapping pages',
  'B starting',
  'B running',
  'leaving B',
  'A resuming',
];

/** What each phase means, shown beside its name. */
export const PHASE_MEANING: Readonly<Record<PhaseName, string>> = {
  'A starting': 'kernel A begins start_kernel()',
  'A running': 'kernel A runs its programs',
  'A quiescing': 'kernel_kexec() freezes programs and suspends devices',
  'leaving A': 'machine_kexec() prepares the control page',
  'swapping pages': 'relocate_kernel exchanges destination and source pages',
  purgatory: 'kexec-tools checks the segments and enters the new kernel',
  'B starting': 'kernel B begins start_kernel()',
  'B running': 'kernel B runs its programs',
  'B quiescing': 'kernel_kexec() freezes programs and suspends devices',
  'leaving B': 'machine_kexec() prepares the control page',
  'swapping back': 'the re-entry code gives the kernel its pages back',
  'A resuming': 'machine_kexec() goes on where it left',
  'B resuming': 'machine_kexec() goes on where it left',
};

export const isPhaseName = (name: string): name is PhaseName => (PHASES as readonly string[]).includes(name);
