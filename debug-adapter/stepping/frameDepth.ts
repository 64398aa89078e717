/**
 * How deep the stack is at each instruction of a function, so that a frame is told from another one of the same function:
 * a deeper call, another task. Followed through the instructions, since not every build has unwind information for them.
 */
import type { Instruction } from './codeMap.ts';

/** Bytes from the stack pointer, and from the frame pointer, up to the frame's base; undefined where it is not known. */
export interface FrameDepth {
  esp: number | undefined;
  ebp: number | undefined;
}

/** The base of a frame: the address above the return address. `undefined` where the code does not tell. */
export function frameBase(depth: FrameDepth | undefined, esp: number, ebp: number): number | undefined {
  if (depth?.esp !== undefined) return (esp + depth.esp) >>> 0;
  return depth?.ebp === undefined ? undefined : (ebp + depth.ebp) >>> 0;
}

const AT_ENTRY: FrameDepth = { esp: 4, ebp: undefined };

/**
 * The depths before each instruction that can be reached from the function's first one; those of a switch are as deep as
 * its jump, to which a register gives the target.
 */
export function frameDepths(
  instructions: ReadonlyMap<number, Instruction>,
  entry: number | undefined,
): ReadonlyMap<number, FrameDepth> {
  const depths = new Map<number, FrameDepth>();
  const reached: [number | undefined, FrameDepth][] = [[entry, AT_ENTRY]];
  let atSwitch: FrameDepth | undefined;
  const cases = instructions.keys();
  const nextCase = (): [number, FrameDepth] | undefined => {
    for (const pc of atSwitch ? cases : []) if (!depths.has(pc)) return [pc, atSwitch!];
    return undefined;
  };
  for (let item = reached.pop(); item; item = reached.pop() ?? nextCase()) {
    const [pc, depth] = item;
    const instruction = pc === undefined ? undefined : instructions.get(pc);
    if (!instruction || depths.has(instruction.pc)) continue;
    depths.set(instruction.pc, depth);
    const { flow, next } = instruction;
    const behind = after(instruction, depth);
    if (flow.kind === 'jump' && flow.target === undefined) atSwitch ??= depth;
    if (flow.kind === 'branch' || flow.kind === 'jump') reached.push([flow.target, behind]);
    if (flow.kind !== 'jump' && flow.kind !== 'return') reached.push([next, behind]);
  }
  return depths;
}

const WORD = 4;

function after({ mnemonic, operands }: Instruction, { esp, ebp }: FrameDepth): FrameDepth {
  const moved = (bytes: number): number | undefined => (esp === undefined ? undefined : esp + bytes);
  const [source = '', destination = ''] = operands.split(/,(?![^(]*\))/);
  if (/^push[fl]?$/.test(mnemonic)) return { esp: moved(WORD), ebp };
  if (/^pop[fl]?$/.test(mnemonic)) return { esp: moved(-WORD), ebp: source === '%ebp' ? undefined : ebp };
  if (mnemonic === 'leave') return { esp: ebp === undefined ? undefined : ebp - WORD, ebp: undefined };
  if (destination === '%ebp') return { esp, ebp: mnemonic === 'mov' && source === '%esp' ? esp : undefined };
  if (destination !== '%esp' && source !== '%esp') return { esp, ebp };
  if (destination !== '%esp') return { esp: mnemonic.startsWith('xchg') ? undefined : esp, ebp };
  const immediate = /^\$(-?0x[0-9a-f]+)$/.exec(source)?.[1];
  if (mnemonic === 'sub' && immediate !== undefined) return { esp: moved(signed(immediate)), ebp };
  if (mnemonic === 'add' && immediate !== undefined) return { esp: moved(-signed(immediate)), ebp };
  if (mnemonic === 'mov' && source === '%ebp') return { esp: ebp, ebp };
  const [, offset = '0x0', base] = /^(-?0x[0-9a-f]+)?\(%(e[sb]p)\)$/.exec(source) ?? [];
  if (mnemonic === 'lea' && base === 'esp') return { esp: moved(-signed(offset)), ebp };
  if (mnemonic === 'lea' && base === 'ebp') return { esp: ebp === undefined ? undefined : ebp - signed(offset), ebp };
  return { esp: undefined, ebp };
}

/** An immediate of 32 bits; a negative one is written with all its digits. */
function signed(text: string): number {
  return text.startsWith('-') ? -parseInt(text.slice(1), 16) : parseInt(text, 16) | 0;
}
