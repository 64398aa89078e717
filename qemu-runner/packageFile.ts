/** Where the package's data files are at run time. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Finds a file of the package by its path from the package's root. The root is searched upward from the running file, which
 * is this one (run from source) or a bundle in `dist/` (ES module or CommonJS).
 * @returns its absolute path, or the places where it was not.
 */
export function packageFile(relative: string): { found: string } | { searched: string[] } {
  const searched: string[] = [];
  for (let directory = runningDirectory(); ; directory = path.dirname(directory)) {
    const candidate = path.join(directory, relative);
    if (existsSync(candidate)) return { found: candidate };
    searched.push(candidate);
    if (directory === path.dirname(directory)) return { searched };
  }
}

/** import.meta is empty in a CommonJS bundle, __dirname does not exist in an ES module. */
function runningDirectory(): string {
  const url = (import.meta as Partial<ImportMeta>).url;
  if (url) return path.dirname(fileURLToPath(url));
  if (typeof __dirname === 'string') return __dirname;
  return path.dirname(path.resolve(process.argv[1] ?? '.'));
}
