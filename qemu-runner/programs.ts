/** Programs of the user's machine: found as a shell finds them, and new enough. */
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { toolTooOld, type UserFacingError } from './errors.ts';

const VERSION_SECONDS = 10;

/** Finds a program by path or in PATH. Returns its path, or `undefined`. */
export function findProgram(name: string): string | undefined {
  const candidates = name.includes('/')
    ? [name]
    : (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}

/** A program that is needed in a version. */
export interface Requirement {
  /** What people call it. */
  name: string;
  /** Name or path of the program. */
  program: string;
  /** Oldest version that works, as "major.minor". */
  oldest: string;
  missing: (program: string) => UserFacingError;
}

/**
 * Checks that a program is there and new enough.
 * @returns its version.
 * @throws UserFacingError what `missing` makes, or `tool-too-old`.
 */
export async function requireProgram({ name, program, oldest, missing }: Requirement): Promise<string> {
  const path = findProgram(program);
  if (path === undefined) throw missing(program);
  const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: VERSION_SECONDS * 1000 }).catch(() => {
    throw missing(program);
  });
  const version = /(\d+)\.(\d+)/.exec(stdout.split('\n')[0] ?? '')?.[0] ?? '0.0';
  if (compareVersions(version, oldest) < 0) throw toolTooOld(name, version, oldest);
  return version;
}

/** Negative when a is older than b. */
export function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}
