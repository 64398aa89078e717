/** Where this folder's data files (fragment, patches, initramfs) are at run time. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { packageFile } from '../packageFile.ts';
import { guestFilesMissing } from './errors.ts';

/** A file that only the right folder has. */
const LANDMARK = path.join('kernel', 'lab.config');

/**
 * The folder `qemu-runner/guest`: $KEXEC_JUMP_GUEST_DIRECTORY if set, else the package's own.
 * @throws UserFacingError lab-guest-files-missing
 */
export function guestDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment['KEXEC_JUMP_GUEST_DIRECTORY'];
  if (given) {
    if (existsSync(path.join(given, LANDMARK))) return path.resolve(given);
    throw guestFilesMissing([given]);
  }
  const landmark = packageFile(path.join('qemu-runner', 'guest', LANDMARK));
  if ('found' in landmark) return path.resolve(landmark.found, '..', '..');
  throw guestFilesMissing(landmark.searched);
}
