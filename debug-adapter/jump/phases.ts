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

/** What comes next, in a sentence. */
export const NEXT: Readonly<Record<PhaseName, string>> = {
  'A starting': 'Kernel A goes through its initialization and starts its programs.',
  'A running': 'Kernel A loads kernel B and jumps when it is told to: "Kexec Jump", or kexec -e in its console.',
  'A quiescing': 'Programs are frozen, devices suspended, interrupts switched off; then machine_kexec() is called.',
  'leaving A':
    'The page tables of the jump are made and relocate_kernel is copied into the control page, which takes over.',
  'swapping pages':
    'Each destination changes places with its source, in three copies over the swap page; then the next kernel is entered.',
  purgatory: 'Purgatory checks the segments by their SHA-256 and enters kernel B.',
  'B starting': 'Kernel B goes through its initialization and starts its programs.',
  'B running': 'Kernel B can save kernel A\'s memory, and jumps back when it is told to: "Kexec Jump Back".',
  'B quiescing': 'Programs are frozen, devices suspended, interrupts switched off; then machine_kexec() is called.',
  'leaving B': 'relocate_kernel of kernel B saves its state and calls kernel A at its re-entry point.',
  'swapping back':
    "Kernel A's pages come back from where they waited; then its registers and page tables are restored.",
  'A resuming': 'Devices are resumed and programs thawed; kernel A goes on as if nothing had happened.',
  'B resuming': 'Devices are resumed and programs thawed; kernel B goes on as if nothing had happened.',
};

/** A phase's name, or a sentence about it, where another kernel is in kernel B's place. */
export const nameKernels = (text: string, peer: string): string => text.replaceAll(/\bB\b/g, peer);
