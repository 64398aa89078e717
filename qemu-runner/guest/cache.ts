/** The cache folder: downloads, work trees, logs and finished lab entries. */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** Folders of one cache. All paths absolute. */
export interface CacheFolders {
  root: string;
  /** Fetched packages and the records of their versions, a folder a set. */
  downloads: string;
  /** Kernel sources, their O= trees, unpacked packages: kept for incremental builds. */
  work: string;
  /** Finished entries, one folder a hash. */
  lab: string;
  logs: string;
  lockFile: string;
}

/** What a finished entry says about itself; the file is written last, so an entry without it is not one. */
export interface Manifest {
  guest: string;
  release: string;
  version: string;
  /** Source tree of the kernel, relative to the cache folder. */
  sourceDirectory: string;
  /** Hash over the kernel patches the entry was built with. */
  patches: string;
  /** Size in bytes of every file of the entry. */
  files: Record<string, number>;
}

const MANIFEST = 'manifest.json';

/** The cache at `directory`, else $KEXEC_JUMP_CACHE, else $XDG_CACHE_HOME/kexec-jump, else ~/.cache/kexec-jump. */
export function cacheFolders(directory?: string, environment: NodeJS.ProcessEnv = process.env): CacheFolders {
  const base = environment['XDG_CACHE_HOME'] || path.join(homedir(), '.cache');
  const root = path.resolve(directory || environment['KEXEC_JUMP_CACHE'] || path.join(base, 'kexec-jump'));
  return {
    root,
    downloads: path.join(root, 'downloads'),
    work: path.join(root, 'work'),
    lab: path.join(root, 'lab'),
    logs: path.join(root, 'logs'),
    lockFile: path.join(root, 'lock'),
  };
}

/** The manifest of the entry in `directory` if the entry is whole: manifest readable, every file there in full. */
export function readEntry(directory: string): Manifest | undefined {
  try {
    const manifest = JSON.parse(readFileSync(path.join(directory, MANIFEST), 'utf8')) as Manifest;
    const whole = Object.entries(manifest.files).every(
      ([name, size]) => statSync(path.join(directory, name)).size === size,
    );
    return whole ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes an entry: `fill` writes the files into a temporary folder and returns the manifest without the sizes; the folder
 * gets its name only when everything is in it. Whatever goes wrong before that leaves no entry.
 */
export async function writeEntry(
  folders: CacheFolders,
  hash: string,
  fill: (directory: string) => Promise<Omit<Manifest, 'files'>>,
): Promise<string> {
  const directory = path.join(folders.lab, hash);
  const temporary = path.join(folders.lab, `.${hash}.${process.pid}.tmp`);
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  try {
    const about = await fill(temporary);
    const names = readdirSync(temporary, { recursive: true, withFileTypes: true });
    const files: Record<string, number> = {};
    for (const entry of names.filter((name) => name.isFile())) {
      const file = path.join(entry.parentPath, entry.name);
      files[path.relative(temporary, file)] = statSync(file).size;
    }
    writeFileSync(path.join(temporary, MANIFEST), JSON.stringify({ ...about, files }, null, 2));
    rmSync(directory, { recursive: true, force: true });
    renameSync(temporary, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return directory;
}

/** Notes that an entry was used, so that it is not among the old ones. */
export function touchEntry(directory: string): void {
  const now = new Date();
  try {
    utimesSync(directory, now, now);
  } catch {
    // A read-only cache is as good.
  }
}

/** Removes all but the `keep` most recently used entries of each guest, and what interrupted builds left. Call it with the lock held. */
export function pruneEntries(folders: CacheFolders, keep: number): void {
  if (!existsSync(folders.lab)) return;
  const used = readdirSync(folders.lab)
    .map((name) => path.join(folders.lab, name))
    .map((file) => ({ file, time: statSync(file).mtimeMs, guest: readEntry(file)?.guest }))
    .sort((one, other) => other.time - one.time);
  const kept = new Map<string, number>();
  for (const { file, guest } of used) {
    const newer = guest === undefined ? keep : (kept.get(guest) ?? 0);
    if (newer >= keep) rmSync(file, { recursive: true, force: true });
    else kept.set(guest!, newer + 1);
  }
}
