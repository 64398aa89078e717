/** Breakpoint modes: whose a breakpoint is, and whether it is kept in hardware. A function's name takes `A:` or `B:`. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';

/** What a mode asks for. */
export interface BreakpointMode {
  kernels: readonly KernelName[];
  hardware: boolean;
}

const OWNERS: readonly [id: string, label: string, kernels: readonly KernelName[]][] = [
  ['both', 'Both kernels', KERNEL_NAMES],
  ['A', 'Kernel A only', ['A']],
  ['B', 'Kernel B only', ['B']],
];
const HARDWARE = '-hardware';

/** The modes as a client offers them; the first is the default. */
export const BREAKPOINT_MODES: readonly DebugProtocol.BreakpointMode[] = [false, true].flatMap((hardware) =>
  OWNERS.map(([id, label]) => ({
    mode: hardware ? id + HARDWARE : id,
    label: hardware ? `${label}, hardware` : label,
    description: hardware
      ? 'A debug register. Under KVM there are four; under TCG as many as you like.'
      : 'Armed only while its kernel is on the CPU, also when both kernels run at the same addresses.',
    appliesTo: ['source', 'instruction'],
  })),
);

/** Reads a mode's id; none, or one that is not ours, means both kernels. */
export function parseMode(id: string | undefined): BreakpointMode {
  const hardware = id?.endsWith(HARDWARE) ?? false;
  const owner = hardware ? id?.slice(0, -HARDWARE.length) : id;
  return { kernels: OWNERS.find(([name]) => name === owner)?.[2] ?? KERNEL_NAMES, hardware };
}

/** Splits `A:vfs_read` into a mode's id and the function's name. */
export function parseFunctionName(name: string): { owner: string | undefined; name: string } {
  const [, owner, bare] = /^(?:([AB]):)?\s*(.*)$/s.exec(name) ?? [];
  return { owner, name: bare ?? name };
}
