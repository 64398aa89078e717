/** Failures of the lab build that a person can see. */

import { UserFacingError } from '../errors.ts';

/** The programs or headers named are not on this machine. `packages`: Debian package names that provide them. */
export function missingTools(tools: readonly string[], packages: readonly string[]): UserFacingError {
  return new UserFacingError(
    'lab-missing-tools',
    `The lab guest cannot be built: this machine lacks ${tools.join(', ')}.`,
    `Install the packages: sudo apt-get install ${packages.join(' ')}`,
  );
}

/** No Debian repository is configured, so there is nowhere to fetch the sources from. */
export function noDebianRepository(evidence: string): UserFacingError {
  return new UserFacingError(
    'lab-no-debian-repository',
    'The lab guest cannot be built: apt has no Debian repository configured on this machine.',
    'Add the Debian main and security repositories to the apt sources and run apt-get update, ' +
      'or name kernels of your own in the launch configuration (kernelA, kernelB).',
    evidence,
  );
}

/** Packages could not be fetched, after several attempts. */
export function downloadFailed(packages: readonly string[], evidence: string, logFile: string): UserFacingError {
  return new UserFacingError(
    'lab-download-failed',
    `The lab guest's packages could not be downloaded (${packages.join(', ')}).`,
    `Check the network connection and try again. Everything apt said is in ${logFile}.`,
    evidence,
  );
}

/** A command of the build ended with an error. `lastLines`: the end of its output. */
export function commandFailed(step: string, status: string, lastLines: string, logFile: string): UserFacingError {
  return new UserFacingError(
    'lab-command-failed',
    `Building the lab guest failed: ${step} ${status}.`,
    `The whole output is in ${logFile}.`,
    lastLines,
  );
}

/** A command of the build took longer than it ever should. */
export function commandTimedOut(step: string, seconds: number, lastLines: string, logFile: string): UserFacingError {
  return new UserFacingError(
    'lab-command-timed-out',
    `Building the lab guest failed: ${step} did not end within ${seconds} s.`,
    `Try again when the machine is less busy. The whole output is in ${logFile}.`,
    lastLines,
  );
}

/** The caller's AbortSignal fired. */
export function buildCancelled(): UserFacingError {
  return new UserFacingError(
    'lab-cancelled',
    'Building the lab guest was cancelled.',
    'Start again to go on from where it stopped.',
  );
}

/** Kconfig silently dropped or changed options of the fragment. `options`: "CONFIG_X=y (is not set)" each. */
export function droppedOptions(options: readonly string[], fragments: readonly string[]): UserFacingError {
  return new UserFacingError(
    'lab-dropped-options',
    `Kconfig did not take ${options.length} option(s) of ${fragments.join(', ')}.`,
    'Add the options they depend on, or take them out.',
    options.join('\n'),
  );
}

/** A patch of a series does not apply. */
export function patchFailed(patch: string, evidence: string): UserFacingError {
  return new UserFacingError(
    'lab-patch-failed',
    `The patch ${patch} does not apply.`,
    'Refresh it against the source version named in the build log.',
    evidence,
  );
}

/** A file that belongs to this extension is not where it should be. */
export function guestFilesMissing(searched: readonly string[]): UserFacingError {
  return new UserFacingError(
    'lab-guest-files-missing',
    "The lab guest's own files (kernel configuration, patches, init) were not found.",
    'Install the extension again, or set KEXEC_JUMP_GUEST_DIRECTORY to its qemu-runner/guest folder.',
    searched.join('\n'),
  );
}
