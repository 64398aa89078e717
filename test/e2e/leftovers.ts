/** What a debug session has on this machine: its processes and its private folder. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { waitFor } from '../vscode/waiting.ts';

/** The programs of a session by the words of their command lines. */
const PROGRAMS = {
  adapter: /\/dist\/adapter\.cjs$/,
  janitor: /kexec-jump-janitor/,
  qemu: /qemu-system-i386/,
  gdb: /(^|\/)gdb /,
} as const;

/** How many there are of each, and the names of the private folders. */
interface Leftovers {
  adapter: number;
  janitor: number;
  qemu: number;
  gdb: number;
  folders: string[];
}

/** What is there while one session runs, and what has to be there when it is over. */
const ONE_SESSION = { adapter: 1, janitor: 1, qemu: 1, gdb: 2 } as const;
const NOTHING: Leftovers = { adapter: 0, janitor: 0, qemu: 0, gdb: 0, folders: [] };

/**
 * Looks for the sessions of a VS Code that was started with `TMPDIR` set to `temporaryFolder`: the variable marks all its
 * descendants, also those that have lost their parents, and a private folder is made in it.
 */
function leftovers(temporaryFolder: string): Leftovers {
  const commands = commandsWith(`TMPDIR=${temporaryFolder}`);
  const count = (program: RegExp): number => commands.filter((command) => program.test(command)).length;
  return {
    adapter: count(PROGRAMS.adapter),
    janitor: count(PROGRAMS.janitor),
    qemu: count(PROGRAMS.qemu),
    gdb: count(PROGRAMS.gdb),
    folders: readdirSync(temporaryFolder).filter((name) => name.startsWith('kexec-jump-')),
  };
}

/** Whether everything of one session is there, and nothing else. */
export function isWholeSession(temporaryFolder: string): boolean {
  const { folders, ...programs } = leftovers(temporaryFolder);
  return isDeepStrictEqual(programs, ONE_SESSION) && folders.length === 1;
}

/** Waits until one session is there, whole. Between fork and exec a program is called what its parent is. */
export async function waitForOneSession(temporaryFolder: string): Promise<void> {
  await waitFor(
    'One session with all of its programs',
    () => isWholeSession(temporaryFolder),
    () => leftovers(temporaryFolder),
  );
}

/** Waits until nothing of any session is there any more. */
export async function waitForNothing(temporaryFolder: string, withinMs?: number): Promise<void> {
  const present = (): Leftovers => leftovers(temporaryFolder);
  await waitFor(
    'The end of every process and folder of the session',
    () => isDeepStrictEqual(present(), NOTHING),
    present,
    withinMs,
  );
}

/** Ids of the living processes with this variable whose command line has these words. */
export function processesWith(temporaryFolder: string, words: string): number[] {
  return processIds().filter(
    (pid) => hasVariable(pid, `TMPDIR=${temporaryFolder}`) && commandOf(pid)?.includes(words) === true,
  );
}

function commandsWith(variable: string): string[] {
  return processIds().flatMap((pid) => (hasVariable(pid, variable) ? [commandOf(pid) ?? ''] : []));
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** A process that is gone, or only waits to be reaped, has no environment. */
function hasVariable(pid: number, variable: string): boolean {
  return (fileOf(pid, 'environ') ?? '').split('\0').includes(variable);
}

function commandOf(pid: number): string | undefined {
  return fileOf(pid, 'cmdline')?.replaceAll('\0', ' ').trim();
}

function fileOf(pid: number, name: string): string | undefined {
  try {
    return readFileSync(join('/proc', String(pid), name), 'utf8');
  } catch {
    return undefined; // it ended between the two looks, or is somebody else's
  }
}
