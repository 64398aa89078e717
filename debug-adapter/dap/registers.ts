/** Registers as variables, in groups. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { list, text, tuple } from '../gdb/mi.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import type { DescriptorTable, SystemRegisters } from '../jump/systemRegisters.ts';
import { withBitNames } from './registerBits.ts';
import { miFrame, type FrameAddress } from './threads.ts';

/** The groups, by the names that Intel's manual gives them. */
export const REGISTER_GROUPS = ['General', 'Segments', 'Control', 'Descriptor tables', 'FPU', 'SSE'] as const;
export type RegisterGroup = (typeof REGISTER_GROUPS)[number];

/** What gdb knows; the descriptor tables are not among it. */
type GdbGroup = Exclude<RegisterGroup, 'Descriptor tables'>;

const MEMBERS: Record<GdbGroup, RegExp> = {
  General: /^(e[abcd]x|e[sd]i|e[sb]p|eip|eflags)$/,
  Segments: /^([csdefg]s|[fg]s_base|k_gs_base)$/,
  Control: /^(cr\d|efer)$/,
  FPU: /^(st\d|f(ctrl|stat|tag|iseg|ioff|oseg|ooff|op))$/,
  SSE: /^(xmm\d|mxcsr)$/,
};

/** The registers of a group in a frame, in the target description's order. */
export async function registerGroup(
  gdb: KernelGdb,
  frame: FrameAddress,
  group: GdbGroup,
): Promise<DebugProtocol.Variable[]> {
  const names = list((await gdb.command('-data-list-register-names'))['register-names']).map(text);
  const numbers = names.flatMap((name, number) => (MEMBERS[group].test(name) ? [number] : []));
  if (numbers.length === 0) return [];
  // "N" is gdb's natural format: flags by name, vectors as unions.
  const format = group === 'FPU' || group === 'SSE' ? 'N' : 'x';
  const results = await gdb.command(`-data-list-register-values ${miFrame(frame)} ${format} ${numbers.join(' ')}`);
  return list(results['register-values']).map((item) => {
    const { number, value } = tuple(item);
    const name = names[Number(text(number))] ?? '';
    return { name, value: withBitNames(name, text(value)), evaluateName: `$${name}`, variablesReference: 0 };
  });
}

/** GDTR and IDTR, which only QEMU's monitor shows. */
export function descriptorTables(registers: SystemRegisters | undefined): DebugProtocol.Variable[] {
  return Object.entries(registers ?? {}).map(([name, { base, limit }]: [string, DescriptorTable]) => ({
    name: `${name}r`,
    value: `base ${hex(base)}, limit ${hex(limit)}${limit === 0 ? ' (empty)' : ''}`,
    variablesReference: 0,
  }));
}
