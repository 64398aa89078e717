/** git, run to its end. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { gitFailed, programMissing } from './errors.ts';

/** A kernel tree has 80,000 files. */
const LIMIT_MS = 10 * 60_000;
const LONGEST_OUTPUT = 256 * 1024 * 1024;

/**
 * Runs git in a folder. The user's settings that change the form of its output are overruled by its arguments only.
 * @returns its standard output
 * @throws UserFacingError `kernel-git-failed`, `kernel-program-missing`
 */
export async function git(
  folder: string,
  args: readonly string[],
  environment: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', folder, ...args], {
      env: { ...process.env, LC_ALL: 'C', ...environment },
      ...{ timeout: LIMIT_MS, maxBuffer: LONGEST_OUTPUT, ...(signal && { signal }) },
    });
    return stdout;
  } catch (error) {
    const { code, stderr = '', message } = error as Error & { code?: unknown; stderr?: string };
    if (code === 'ENOENT') throw programMissing('git', message);
    throw gitFailed(args.join(' '), stderr || message);
  }
}
