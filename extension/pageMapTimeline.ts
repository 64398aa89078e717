/** The phases of a jump as the timeline of its page map. */
import { PHASE_MEANING, type KernelName, type KexecCallEvent, type LoggedPhase } from '../debug-adapter/protocol.ts';
import type { TimelineSpan } from '../vmcore-viewer/protocol.ts';
import { OWNER_KINDS } from './pageMapLegend.ts';

/** As in the terminal's timeline, cyan and magenta. Not `charts.orange`, which themes make transparent. */
const COLORS: Readonly<Record<KernelName, string>> = { A: 'charts.blue', B: 'charts.purple' };

/** @param phases those that have begun, in their order: each lasts until the next one begins. */
export function timelineOf(phases: readonly LoggedPhase[]): TimelineSpan[] {
  return phases.map(({ phase, kernel, seconds, calls }, index) => {
    const next = phases[index + 1];
    return {
      label: phase,
      detail: [sentence(PHASE_MEANING[phase]), ...calls.map(callText)].join('\n'),
      group: `Kernel ${kernel}`,
      color: COLORS[kernel],
      mark: OWNER_KINDS.find(({ id }) => id === kernel)?.mark ?? 'plain',
      begin: seconds,
      ...(next ? { end: next.seconds } : {}),
    };
  });
}

/** A call of kernel_kexec() as a line. */
function callText({ function: name, began, returned, error }: KexecCallEvent): string {
  if (returned === undefined) return `${name}() is under way`;
  return `${name}() ${error === undefined ? `${(returned - began).toFixed(2)} s` : `failed: ${error}`}`;
}

/** A name of the kernel's own, such as a function's, keeps its first letter. */
function sentence(text: string): string {
  return /^[\w-]*[_(-]/.test(text) ? text : `${text[0]!.toUpperCase()}${text.slice(1)}`;
}
