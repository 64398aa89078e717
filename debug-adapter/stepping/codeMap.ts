/** What gdb knows of the code of a function, one instruction after the other: read once, asked at every step by line. */
import { frameDepths, type FrameDepth } from './frameDepth.ts';

/** An entry of the line table. Addresses are virtual, `end` is exclusive. */
export interface Line {
  start: number;
  end: number;
  file: string;
  number: number;
  /** Whether its start is recommended for a breakpoint (DWARF's is_stmt). */
  isStatement: boolean;
}

/** A function that was inlined, at one place. */
export interface InlinedFunction {
  name: string;
  /** What it was inlined into, if that was inlined too. */
  into: InlinedFunction | undefined;
  /** Exclusive. */
  end: number;
  /** The line that calls it. */
  file: string;
  line: number;
}

/** Where an instruction leads to beside the next one. `target` is undefined when a register tells it. */
export type Flow =
  | { kind: 'next' }
  | { kind: 'call'; target: number | undefined }
  | { kind: 'branch'; target: number }
  | { kind: 'jump'; target: number | undefined }
  | { kind: 'return' };

export interface Instruction {
  pc: number;
  /** AT&T syntax, without prefixes. */
  mnemonic: string;
  operands: string;
  flow: Flow;
  /** The instruction behind it, where the function has one. */
  next: number | undefined;
  line: Line | undefined;
  /** The innermost inlined function that it belongs to. */
  inlined: InlinedFunction | undefined;
  /** Inlined functions that begin at it, innermost first, up to one that does not. */
  begins: readonly InlinedFunction[];
}

/** A label that something goes to. */
export interface Label {
  name: string;
  line: number;
  pc: number;
}

/** JSON of gdb/codeMap.py. */
interface CodeMapJson {
  name: string;
  files: string[];
  /** start, end, file, line, is_stmt. */
  lines: [number, number, number, number, number][];
  /** name, number of what it was inlined into or -1, end, file, line. */
  inlined: [string, number, number, number, number][];
  /** address, text, line or -1, inlined function or -1. */
  instructions: [number, string, number, number][];
  /** name, line, address. */
  labels: [string, number, number][];
}

const LONGEST_INSTRUCTION = 15;

export class CodeMap {
  private readonly instructions = new Map<number, Instruction>();
  private readonly depths: ReadonlyMap<number, FrameDepth>;
  /** Name of the function that nothing else was inlined into. */
  readonly name: string;

  private constructor(
    name: string,
    instructions: readonly Instruction[],
    readonly labels: readonly Label[],
  ) {
    this.name = name;
    for (const instruction of instructions) this.instructions.set(instruction.pc, instruction);
    this.depths = frameDepths(this.instructions, instructions[0]?.pc);
  }

  /** Reads what gdb/codeMap.py prints. @throws SyntaxError when it is something else. */
  static parse(text: string): CodeMap {
    const json = JSON.parse(text) as CodeMapJson;
    const lines = json.lines.map(([start, end, file, number, isStatement]) => ({
      ...{ start, end, number, file: json.files[file] ?? '' },
      isStatement: isStatement !== 0,
    }));
    const inlined: InlinedFunction[] = [];
    for (const [name, into, end, file, line] of json.inlined) {
      inlined.push({ name, into: inlined[into], end, file: json.files[file] ?? '', line });
    }
    const instructions = json.instructions.map(([pc, code, line, block], index): Instruction => {
      const follower = json.instructions[index + 1]?.[0];
      const [before, , , blockBefore = -1] = json.instructions[index - 1] ?? [];
      const { mnemonic, operands } = parseInstruction(code);
      return {
        ...{ pc, mnemonic, operands, flow: flowOf(mnemonic, operands), line: lines[line], inlined: inlined[block] },
        next: follower !== undefined && isBehind(pc, follower) ? follower : undefined,
        begins: beginning(
          inlined[block],
          before !== undefined && isBehind(before, pc) ? inlined[blockBefore] : undefined,
        ),
      };
    });
    const labels = json.labels.map(([name, line, pc]) => ({ name, line, pc }));
    return new CodeMap(json.name, instructions, labels);
  }

  /** The instruction that begins at an address, if this is the function's. */
  at(pc: number): Instruction | undefined {
    return this.instructions.get(pc);
  }

  /** All addresses of instructions. */
  addresses(): IterableIterator<number> {
    return this.instructions.keys();
  }

  /** All instructions, by their addresses. */
  all(): IterableIterator<Instruction> {
    return this.instructions.values();
  }

  /** Where its code lies: a function has another piece where its unlikely code is kept. `end` is where the last begins. */
  spans(): { start: number; end: number }[] {
    const spans: { start: number; end: number }[] = [];
    let isNew = true;
    for (const { pc, next } of this.instructions.values()) {
      if (isNew) spans.push({ start: pc, end: pc });
      spans.at(-1)!.end = pc;
      isNew = next === undefined;
    }
    return spans;
  }

  /** How to find the frame's base (the CFA of DWARF) from the stack and frame pointers before an instruction. */
  depth(pc: number): FrameDepth | undefined {
    return this.depths.get(pc);
  }

  isDepthKnown(pc: number): boolean {
    const { esp, ebp } = this.depths.get(pc) ?? {};
    return esp !== undefined || ebp !== undefined;
  }
}

const isBehind = (pc: number, follower: number): boolean => follower > pc && follower - pc <= LONGEST_INSTRUCTION;

/** The inlined functions around an instruction, innermost first. */
export function enclosing(inlined: InlinedFunction | undefined): InlinedFunction[] {
  const all: InlinedFunction[] = [];
  for (let at = inlined; at; at = at.into) all.push(at);
  return all;
}

/** Those of the inlined functions that the instruction before was not in. Source: gdb/inline-frame.c, skip_inline_frames. */
function beginning(here: InlinedFunction | undefined, before: InlinedFunction | undefined): InlinedFunction[] {
  const already = new Set(enclosing(before));
  const all = enclosing(here);
  const first = all.findIndex((one) => already.has(one));
  return first < 0 ? all : all.slice(0, first);
}

const PREFIX = /^(?:rep[nz]?z?|repe|lock|bnd|notrack|data16|addr16|[c-gs]s)\s+/;

function parseInstruction(code: string): { mnemonic: string; operands: string } {
  let text = code;
  while (PREFIX.test(text)) text = text.replace(PREFIX, '');
  const [, mnemonic = '', operands = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
  return { mnemonic, operands };
}

function flowOf(mnemonic: string, operands: string): Flow {
  const [, digits] = /^0x([0-9a-f]+)\b/.exec(operands) ?? [];
  const target = digits === undefined ? undefined : parseInt(digits, 16);
  if (/^l?call/.test(mnemonic)) return { kind: 'call', target };
  if (/^l?jmp/.test(mnemonic)) return { kind: 'jump', target };
  if (/^(?:j|loop)/.test(mnemonic) && target !== undefined) return { kind: 'branch', target };
  if (/^(?:l?ret|iret|sysexit|sysret)/.test(mnemonic)) return { kind: 'return' };
  return { kind: 'next' };
}
