/** Where the structures of a kernel have their fields: its gdb knows from the debug information. */
import { TASK_FIELDS, type TaskField, type TaskOffsets } from '../../vmcore-viewer/core/tasks.ts';
import { GdbCommandError } from '../errors.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { FUNCTIONS_WITH_PHASES, type KexecLayout } from './kernel.ts';

/** @throws GdbCommandError for a kernel without kexec. */
export async function readKexecLayout(gdb: KernelGdb): Promise<KexecLayout> {
  const bodies = new Map<string, number>();
  for (const name of FUNCTIONS_WITH_PHASES) {
    const address = await gdb.bodyOf(name);
    if (address !== undefined) bodies.set(name, address);
  }
  return {
    controlCodePage: await gdb.offsetOf('kimage', 'control_code_page'),
    start: await gdb.offsetOf('kimage', 'start'),
    segmentCount: await gdb.offsetOf('kimage', 'nr_segments'),
    segments: await gdb.offsetOf('kimage', 'segment'),
    pageSize: Number(await gdb.evaluate('sizeof(struct page)')),
    bodies,
  };
}

/** Nothing but the class of stacks depends on it: of a kernel whose structures are others it is `undefined`. */
export async function readTaskOffsets(gdb: KernelGdb): Promise<TaskOffsets | undefined> {
  try {
    const offsets: [TaskField, number][] = [];
    for (const field of TASK_FIELDS) {
      const [struct, ...members] = field.split('.');
      offsets.push([field, await gdb.offsetOf(struct!, members.join('.'))]);
    }
    return Object.fromEntries(offsets) as TaskOffsets;
  } catch (error) {
    if (!(error instanceof GdbCommandError)) throw error;
    return undefined;
  }
}
