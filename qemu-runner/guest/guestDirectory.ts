/** Where this folder's data files (fragment, patches, initramfs) are at run time. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { guestFilesMissing } from './errors.ts';

/** A file that only the right folder has. */
const LANDMARK = path.join('kernel', 'lab.config');

/**
 * The folder `qemu-runner/guest`: $KEXEC_JUMP_GUEST_DIRECTORY if set, else searched upward from the running file, which
 * is this one (run from source) or a bundle in `dist/` (ES module or CommonJS).
 * @throws UserFacingError lab-guest-files-missing
 */
export function guestDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment['KEXEC_JUMP_GUEST_DIRECTORY'];
  if (given) {
    if (existsSync(path.join(given, LANDMARK))) return path.resolve(given);
    throw guestFilesMissing([given]);
  }
  const searched: string[] = [];
  for (let directory = runningDirectory(); ; directory = path.dirname(directory)) {
    const candidate = path.join(directory, 'qemu-runner', 'guest');
    if (existsSync(path.join(candidate, LANDMARK))) return candidate;
    searched.push(candidate);
    if (directory === path.dirname(directory)) throw guestFilesMissing(searched);
  }
}

/** import.meta is empty in a CommonJS bundle, __dirname does not exist in an ES module. */
function runningDirectory(): string {
  const url = (import.meta as Partial<ImportMeta>).url;
  if (url) return path.dirname(fileURLToPath(url));
  if (typeof __dirname === 'string') return __dirname;
  return path.dirname(path.resolve(process.argv[1] ?? '.'));
}
