/** Failures of the work on a kernel tree that a person can see. */
import { UserFacingError } from '../errors.ts';

/** `place` leads to no folder that a kernel has been built in. */
export const noKernelBuild = (place: string): UserFacingError =>
  new UserFacingError(
    'kernel-no-build',
    `No kernel has been configured in "${place}": it has no .config.`,
    'Name a vmlinux in its build folder, the folder itself, or a source tree that is built in place or in its folder build.',
  );

/** The Makefile of a build folder does not tell the source tree, or the tree is not there any more. */
export const noKernelSource = (build: string): UserFacingError =>
  new UserFacingError(
    'kernel-no-source',
    `The build folder "${build}" does not tell its source tree.`,
    'Run make O=FOLDER in the source tree once: it writes a Makefile that names the tree.',
  );

/** A program that the work on a tree needs cannot be started. */
export const programMissing = (program: string, cause: string): UserFacingError =>
  new UserFacingError(
    'kernel-program-missing',
    `"${program}" cannot be started: ${cause}.`,
    `Install it: sudo apt-get install ${program}`,
  );

/** Without a history nothing tells what the tree was before it was edited. */
export const noHistory = (folder: string, evidence: string): UserFacingError =>
  new UserFacingError(
    'kernel-no-history',
    `"${folder}" is not in a git repository with a commit, so nothing tells what it was before the edits.`,
    'Use a git checkout, or "kexec-jump tree FOLDER". Of a tree without edits: git init && git add -A && git commit.',
    evidence,
  );

export const noEdits = (source: string, base: string): UserFacingError =>
  new UserFacingError(
    'kernel-no-edits',
    `Nothing in "${source}" differs from ${base}.`,
    'Save the edited files first. Files that .gitignore names are not part of a patch.',
  );

export const gitFailed = (command: string, evidence: string): UserFacingError =>
  new UserFacingError('kernel-git-failed', `"git ${command}" failed.`, "git's words are below.", evidence);

export const folderNotEmpty = (folder: string): UserFacingError =>
  new UserFacingError(
    'kernel-folder-not-empty',
    `"${folder}" is not an empty folder.`,
    'Name a folder that does not exist yet: nothing of yours is written over.',
  );
