/**
 * Where a step by line ends: gdb's own rules for one instruction after the other.
 * Source: gdb/infrun.c, process_event_stop_test (from "stepping inside range" on); gdb/infcmd.c, prepare_one_step.
 */
import { enclosing, type CodeMap, type InlinedFunction, type Line } from './codeMap.ts';

/** A step on its way. */
export interface Step {
  how: 'into' | 'over';
  /** Addresses that belong to the line, `end` is exclusive. */
  start: number;
  end: number;
  /** The line that is being left. 0 is none: any line is another one. */
  file: string;
  line: number;
  /** The function in which it is: an inlined one, `undefined` for the function itself, `'caller'` when that was left. */
  inlined: InlinedFunction | undefined | 'caller';
}

/** What becomes of a step at an instruction: it ends, with so many inlined functions not entered yet, or goes on. */
export type Verdict = { ends: true; hidden: number } | { ends: false; step: Step };

/**
 * The step that begins at an instruction.
 * @param hidden how many of the inlined functions that begin there are not entered yet, to the user.
 * @returns `undefined` where there is no line to step through.
 */
export function beginStep(map: CodeMap, pc: number, how: Step['how'], hidden: number): Step | undefined {
  const instruction = map.at(pc);
  if (!instruction?.line) return undefined;
  const { start, end, file, number } = instruction.line;
  const called = hidden > 0 ? instruction.begins[hidden - 1] : undefined;
  return {
    ...{ how, start, inlined: called ? called.into : instruction.inlined },
    // Line table entries may be missing at the end of an inlined function (GCC PR 98780).
    end: called ? Math.min(end, called.end) : end,
    file: called?.file ?? file,
    line: called?.line ?? number,
  };
}

/** What a step that left its line does at an instruction. */
export function judge(map: CodeMap, pc: number, step: Step): Verdict {
  const goesOn: Verdict = { ends: false, step };
  if (pc >= step.start && pc < step.end) return goesOn;
  const instruction = map.at(pc);
  const line = instruction?.line;
  if (!instruction || !line) return { ends: true, hidden: 0 };
  const { begins } = instruction;
  const calledFirst = begins.at(-1);
  const current = calledFirst ? calledFirst.into : instruction.inlined;
  if (calledFirst && current === step.inlined) {
    const isSameLine = calledFirst.line === step.line && calledFirst.file === step.file;
    if (!isSameLine) return { ends: true, hidden: begins.length };
    return step.how === 'into' ? { ends: true, hidden: begins.length - 1 } : goesOn;
  }
  if (isInlinedInto(current, step.inlined)) {
    return step.how === 'over' ? goesOn : { ends: true, hidden: begins.length };
  }
  const isOtherLine = line.number !== step.line || line.file !== step.file;
  if (pc === line.start && isOtherLine) {
    if (line.isStatement) return { ends: true, hidden: begins.length };
    // No place to stop; the range moves on, and what line is being left only when the function changed.
    if (current === step.inlined) return { ends: false, step: { ...step, start: line.start, end: line.end } };
    return { ends: false, step: through(line, 0, step, current) };
  }
  return { ends: false, step: through(line, line.number, step, current) };
}

function through(line: Line, number: number, { how }: Step, inlined: InlinedFunction | undefined): Step {
  return { how, start: line.start, end: line.end, file: line.file, line: number, inlined };
}

/** Whether a function was inlined, over however many others, into another one, which may be the real one. */
function isInlinedInto(inlined: InlinedFunction | undefined, outer: Step['inlined']): boolean {
  if (!inlined || inlined === outer || outer === 'caller') return false;
  return outer === undefined || enclosing(inlined).includes(outer);
}
