/** Follows all ways that a step can take through a function, to find the few instructions at which something is decided. */
import { isDeepStrictEqual } from 'node:util';
import type { CodeMap, Instruction } from './codeMap.ts';
import { judge, type Step } from './rules.ts';

/**
 * What is to be done at an instruction. `end`: the step ends, with so many inlined functions not entered. `leave`: it is
 * stepped by itself, since it leads out of the function or a register tells where. `call`: it calls a function that a step
 * into it may stop in.
 */
export type Exit = { kind: 'end'; hidden: number } | { kind: 'leave'; step: Step } | { kind: 'call'; step: Step };

/** The exits of a step, by address; to run to them passes nothing by. */
export type Plan = ReadonlyMap<number, Exit>;

/**
 * Plans a step from an instruction on that belongs to it.
 * @returns `undefined` when two ways to an instruction would have to be told apart there.
 */
export function plan(map: CodeMap, pc: number, step: Step): Plan | undefined {
  const exits = new Map<number, Exit>();
  const passed = new Map<number, Step[]>();
  const ways: [number, Step][] = [[pc, step]];
  const isClear = (at: number, exit: Exit): boolean => {
    const known = exits.get(at);
    exits.set(at, exit);
    return !passed.has(at) && (known === undefined || isDeepStrictEqual(known, exit));
  };
  for (let way = ways.pop(); way; way = ways.pop()) {
    const [at, current] = way;
    const instruction = map.at(at);
    const kind = instruction ? decidedAt(map, instruction, current) : 'leave';
    if (!instruction || kind) {
      if (!isClear(at, { kind: kind ?? 'leave', step: current })) return undefined;
      continue;
    }
    const before = passed.get(at) ?? [];
    if (before.some((one) => isDeepStrictEqual(one, current))) continue;
    if (exits.has(at)) return undefined;
    passed.set(at, [...before, current]);
    for (const next of followers(instruction)) {
      const verdict = judge(map, next, current);
      if (!verdict.ends) ways.push([next, verdict.step]);
      else if (!isClear(next, { kind: 'end', hidden: verdict.hidden })) return undefined;
    }
  }
  return exits;
}

/** What has to be decided at an instruction itself. */
function decidedAt(map: CodeMap, instruction: Instruction, { how }: Step): 'leave' | 'call' | undefined {
  if (instruction.flow.kind === 'call' && how === 'into') return 'call';
  const { kind } = instruction.flow;
  const isLeft = kind === 'return' || (kind === 'jump' && instruction.flow.target === undefined);
  return isLeft || followers(instruction).some((next) => !map.at(next)) || followers(instruction).length === 0
    ? 'leave'
    : undefined;
}

function followers({ flow, next }: Instruction): number[] {
  const behind = next === undefined ? [] : [next];
  if (flow.kind === 'branch') return [flow.target, ...behind];
  if (flow.kind === 'jump') return flow.target === undefined ? [] : [flow.target];
  return flow.kind === 'return' ? [] : behind;
}
