/** The structures of a kernel by its vmlinux: gdb reads the debug information. */
import { spawnSync } from 'node:child_process';
import { layoutUnknown } from '../core/errors.ts';
import type { Field, KernelStructs } from '../core/kernelStructs.ts';
import { SLAB_FIELDS } from '../core/slabCache.ts';
import { TASK_FIELDS } from '../core/tasks.ts';

const GDB_SECONDS = 60;
/** What makes gdb run nothing that the file or a folder of it names. */
const QUIET = ['-nx', '-batch', '-iex', 'set auto-load off', '-iex', 'set debuginfod enabled off'];

export class VmlinuxStructs implements KernelStructs {
  private readonly told: ReadonlyMap<string, string>;

  /** Asks all at once: most of the time goes into reading the file. @throws MemoryError when gdb is not there, or knows nothing. */
  constructor(readonly from: string) {
    const asked = [...TASK_FIELDS, ...SLAB_FIELDS].flatMap((field) => {
      const member = `(long)&((struct ${field.replace('.', ' *)0)->')}`;
      return ['-ex', `printf "${field} %lu\\n", ${member}`];
    });
    const { stdout, stderr, error } = spawnSync('gdb', [...QUIET, ...asked, from], {
      ...{ encoding: 'utf8', timeout: GDB_SECONDS * 1000, killSignal: 'SIGKILL' },
    });
    if (error) throw layoutUnknown(from, error.message);
    this.told = new Map(stdout.split('\n').map((line) => line.split(' ') as [string, string]));
    if (!this.told.has(TASK_FIELDS[0])) throw layoutUnknown(from, stderr.trim());
  }

  offsetOf(field: Field): number | undefined {
    const value = this.told.get(field);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  }
}
