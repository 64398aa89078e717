/** Builds a kernel in its tree with make, and gives its messages the paths that an editor can open. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { programMissing } from './errors.ts';
import type { KernelTree } from './kernelTree.ts';

/** What a session boots and reads the symbols of. */
const TARGETS = ['vmlinux', 'bzImage'];

/** The command that builds a kernel, as words. @param jobs how many compilers may run at once */
export function makeCommand({ build, variables }: KernelTree, jobs = availableParallelism()): string[] {
  return ['make', '-C', build, ...variables, `-j${jobs}`, ...TARGETS];
}

/**
 * Runs make to its end; what has not changed is not built again. Make ends with us.
 * @param write takes the command itself and then each line, with its line break
 * @returns make's exit status: 0, or 2 where something did not compile
 * @throws UserFacingError `kernel-program-missing`
 */
export async function makeKernel(tree: KernelTree, write: (line: string) => void): Promise<number> {
  const command = makeCommand(tree);
  write(`${command.join(' ')}\n`);
  const make = spawn('setpriv', ['--pdeathsig', 'TERM', '--', ...command], {
    // In other languages the messages of gcc and as are not the ones that a problem matcher knows. The kernel's Makefile
    // takes LC_ALL away.
    env: { ...process.env, LANG: 'C', LANGUAGE: '', LC_MESSAGES: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [make.stdout, make.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      write(`${forEditors(line, tree)}\n`);
    });
  }
  try {
    const [status] = (await once(make, 'close')) as [number | null];
    return status ?? 1;
  } catch (error) {
    throw programMissing('make', (error as Error).message);
  }
}

/** What a compiler, an assembler, ld or Kconfig says of a line begins with its file, sometimes behind one of these. */
const PLACE = /^((?:In file included from|\s+from|\S*ld:)\s+)?([^\s:]+):(\d+)(?::(\d+))?(?=[:,])/;
const TAB = 8;

/**
 * A message about a line of a file as editors take it: with the file's absolute path, and with the column in characters.
 * Kbuild compiles in the build folder and names files from there ("../kernel/kexec_core.c", "kernel/kexec_core.c"), which
 * only make itself would understand.
 */
export function forEditors(message: string, { build, countsTabs }: Pick<KernelTree, 'build' | 'countsTabs'>): string {
  return message.replace(PLACE, (whole, before: string | undefined, file: string, line: string, column?: string) => {
    const path = resolve(build, file);
    if (!existsSync(path)) return whole;
    const number = column === undefined ? undefined : Number(column);
    const counted = number !== undefined && countsTabs ? inCharacters(path, Number(line), number) : number;
    return `${before ?? ''}${path}:${line}${counted === undefined ? '' : `:${counted}`}`;
  });
}

/** The character, from 1, that is shown in a column of a terminal, from 1. */
function inCharacters(path: string, line: number, column: number): number {
  const text = readFileSync(path, 'utf8').split('\n')[line - 1] ?? '';
  let shown = 0;
  let index = 0;
  for (; index < text.length && shown < column - 1; index++) shown += text[index] === '\t' ? TAB - (shown % TAB) : 1;
  return index + 1;
}
