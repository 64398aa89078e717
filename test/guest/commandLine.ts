/** The command-line tool, as a person runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.cjs');

/** Runs a command of it. @returns its exit status and all that it writes. */
export async function kexecJump(...args: string[]): Promise<{ status: number; output: string }> {
  const command = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, complaint, [status]] = await Promise.all([
    text(command.stdout),
    text(command.stderr),
    once(command, 'exit') as Promise<[number]>,
  ]);
  return { status, output: output + complaint };
}
