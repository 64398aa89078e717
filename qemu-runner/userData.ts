/** What the user keeps by name from one session to the next: beside the lab's cache, which can be removed without loss. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A name that a person gives; it leads out of no folder. */
export const KEPT_NAME = /^[\w][\w. -]{0,59}$/;

/** @param variable of the environment that names another folder. */
export function userDataFolder(kind: 'snapshots' | 'images', variable: string): string {
  const base = process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  return process.env[variable] ?? join(base, 'kexec-jump', kind);
}
