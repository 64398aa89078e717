/** The lab guest: kernels and root file system for everybody who brings none, built once into the user's cache. */

import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolders, pruneEntries, readEntry, touchEntry, writeEntry, type CacheFolders } from './cache.ts';
import { CommandRunner } from './command.ts';
import { guestDirectory } from './guestDirectory.ts';
import { buildKernel, unpackKernel } from './kernel.ts';
import { takeLock } from './lock.ts';
import { KERNEL_PACKAGE, fetchPackages, packageFile, readPackageRecord, type PackageRecord } from './packages.ts';
import { appliedSeries, applySeries, readSeries, seriesHash, type Patch } from './patchedTree.ts';
import { checkTools } from './tools.ts';
import { buildInitramfs, buildKexec, buildPowerOff, filesHash } from './userland.ts';

/** One finished lab build. All paths absolute. */
export interface Lab {
  /** The cache entry. */
  directory: string;
  /** ELF with DWARF. */
  vmlinux: string;
  bzImage: string;
  /** Root file system for A, B and C: gzip'ed cpio archive (newc). */
  initramfs: string;
  /** relocate_kernel_32.o with line info, for gdb's add-symbol-file. */
  relocateObject: string;
  /** The patched kernel tree that the line tables refer to. */
  sourceDirectory: string;
  /** uname -r */
  release: string;
  /** Version of the Debian source package. */
  version: string;
}

/** Where a build is. */
export interface BuildProgress {
  /** E.g. "Compiling Linux 6.1". */
  step: string;
  detail?: string;
  /** 0..1 of the whole build. */
  fraction?: number;
}

export interface LabOptions {
  /** Default: $KEXEC_JUMP_CACHE, else $XDG_CACHE_HOME/kexec-jump, else ~/.cache/kexec-jump. */
  cacheDirectory?: string;
  onProgress?: (progress: BuildProgress) => void;
  /** Cancels the build; what is done so far is kept for the next one. */
  signal?: AbortSignal;
}

/** Everything of ours that goes into a build. */
interface Inputs {
  guest: string;
  kernelPatches: Patch[];
  kexecPatches: Patch[];
  /** Hash of all files of ours, of the recipe and of the place the sources are at. */
  hash: string;
}

/** Raise it when a change of this folder's code changes what is built. */
const RECIPE = 2;
const ENTRIES_KEPT = 3;
const FILES = [
  'kernel/lab.config',
  'initramfs/init',
  'initramfs/agent',
  'initramfs/profile',
  'initramfs/qemu-poweroff.c',
];

/** The lab for the present inputs if it has been built; never builds, never waits. */
export function findLab(options: Pick<LabOptions, 'cacheDirectory'> = {}): Lab | undefined {
  const folders = cacheFolders(options.cacheDirectory);
  return findEntry(folders, readInputs(folders));
}

/**
 * The lab for the present inputs: found in the cache, else built (some minutes the first time, seconds after a patch was
 * edited). Builds in one cache folder wait for each other. Package versions stay as first fetched until the cache's
 * downloads folder is removed, so that a finished lab needs no network.
 * @throws UserFacingError (codes lab-…)
 */
export async function ensureLab(options: LabOptions = {}): Promise<Lab> {
  const folders = cacheFolders(options.cacheDirectory);
  const inputs = readInputs(folders);
  const found = findEntry(folders, inputs);
  // All entries share one source tree, which may show another series than this entry was built with.
  if (found && appliedSeries(found.sourceDirectory) === seriesHash(inputs.kernelPatches)) {
    touchEntry(found.directory);
    return found;
  }
  mkdirSync(folders.root, { recursive: true });
  checkTools();
  const commands = new CommandRunner(folders.logs, options.signal);
  try {
    const release = await takeLock(folders.lockFile, commands, (holder) =>
      options.onProgress?.({ step: 'Waiting for another lab build', detail: `process ${holder}` }),
    );
    try {
      return await buildLab(folders, inputs, commands, options.onProgress ?? (() => undefined));
    } finally {
      release();
    }
  } finally {
    commands.close();
  }
}

function readInputs(folders: CacheFolders): Inputs {
  const guest = guestDirectory();
  const kernelPatches = readSeries(path.join(guest, 'kernel/patches'));
  const kexecPatches = readSeries(path.join(guest, 'kexec-tools/patches'));
  const parts = [RECIPE, folders.root, filesHash(guest, FILES), seriesHash(kernelPatches), seriesHash(kexecPatches)];
  return { guest, kernelPatches, kexecPatches, hash: hashOf(parts) };
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

function entryHash(inputs: Inputs, record: PackageRecord): string {
  return hashOf([inputs.hash, record.files]);
}

function findEntry(folders: CacheFolders, inputs: Inputs): Lab | undefined {
  const record = readPackageRecord(folders.downloads);
  if (!record) return undefined;
  const directory = path.join(folders.lab, entryHash(inputs, record));
  const manifest = readEntry(directory);
  if (!manifest) return undefined;
  const sourceDirectory = path.join(folders.root, manifest.sourceDirectory);
  if (!existsSync(path.join(sourceDirectory, 'Makefile'))) return undefined;
  return {
    directory,
    vmlinux: path.join(directory, 'vmlinux'),
    bzImage: path.join(directory, 'bzImage'),
    initramfs: path.join(directory, 'initramfs.gz'),
    relocateObject: path.join(directory, 'relocate_kernel_32.o'),
    sourceDirectory,
    release: manifest.release,
    version: manifest.version,
  };
}

/** With the lock held. */
async function buildLab(
  folders: CacheFolders,
  inputs: Inputs,
  commands: CommandRunner,
  onProgress: (progress: BuildProgress) => void,
): Promise<Lab> {
  // Whoever held the lock may have built what we want; or only the sources were those of another series.
  const found = findEntry(folders, inputs);
  if (found) {
    await applySeries(found.sourceDirectory, inputs.kernelPatches, commands);
    return found;
  }
  let record = readPackageRecord(folders.downloads);
  if (!record) {
    const step = 'Downloading packages';
    onProgress({ step, fraction: 0 });
    mkdirSync(folders.downloads, { recursive: true });
    record = await fetchPackages(folders.downloads, commands, (detail) => {
      onProgress({ step, detail, fraction: 0.02 });
    });
  }
  mkdirSync(folders.work, { recursive: true });
  const hash = entryHash(inputs, record);
  await writeEntry(folders, hash, (entry) => fillEntry(entry, folders, inputs, record, commands, onProgress));
  pruneEntries(folders, ENTRIES_KEPT);
  onProgress({ step: 'The lab guest is ready', fraction: 1 });
  return findEntry(folders, inputs)!;
}

/** Builds everything and copies it into `entry`. */
async function fillEntry(
  entry: string,
  folders: CacheFolders,
  inputs: Inputs,
  record: PackageRecord,
  commands: CommandRunner,
  onProgress: (progress: BuildProgress) => void,
): Promise<{ release: string; version: string; sourceDirectory: string; patches: string }> {
  const { downloads, work } = folders;
  onProgress({ step: 'Building kexec-tools', fraction: 0.05 });
  const kexec = await buildKexec(downloads, record, work, inputs.kexecPatches, commands);
  const powerOff = await buildPowerOff(inputs.guest, work, commands);
  onProgress({ step: 'Packing the root file system', fraction: 0.08 });
  const programs = { 'sbin/kexec': kexec, 'sbin/qemu-poweroff': powerOff };
  const initramfs = await buildInitramfs(inputs.guest, downloads, work, programs, commands);
  writeFileSync(path.join(entry, 'initramfs.gz'), initramfs);

  const version = record.versions[KERNEL_PACKAGE]!;
  onProgress({ step: 'Unpacking the kernel source', detail: version, fraction: 0.1 });
  const source = await unpackKernel(packageFile(downloads, KERNEL_PACKAGE), work, version, commands);
  const fragment = path.join(inputs.guest, 'kernel/lab.config');
  const step = 'Compiling Linux 6.1';
  onProgress({ step, fraction: 0.15 });
  const kernel = await buildKernel(work, source, inputs.kernelPatches, fragment, commands, (fraction, detail) => {
    onProgress({ step, detail, fraction: 0.15 + 0.82 * fraction });
  });

  onProgress({ step: 'Indexing the debug information', fraction: 0.97 });
  for (const file of [kernel.bzImage, kernel.relocateObject, kernel.vmlinux]) {
    copyFileSync(file, path.join(entry, path.basename(file)));
  }
  copyFileSync(kernel.config, path.join(entry, 'config'));
  // The kernel's own gdb commands (lx-ps …), to be sourced: beside vmlinux every gdb would warn that it does not load them.
  const scripts = path.join(entry, 'kernel-gdb');
  cpSync(path.join(work, 'build/scripts/gdb'), path.join(scripts, 'scripts/gdb'), {
    recursive: true,
    dereference: true,
  });
  copyFileSync(path.join(source, 'scripts/gdb/vmlinux-gdb.py'), path.join(scripts, 'vmlinux-gdb.py'));
  await addIndex(path.join(entry, 'vmlinux'), commands);
  const sourceDirectory = path.relative(folders.root, source);
  return { release: kernel.release, version, sourceDirectory, patches: seriesHash(inputs.kernelPatches) };
}

/** With an index the first type lookup takes 0.2 s instead of 3 s; without gdb here, gdb elsewhere still works. */
async function addIndex(vmlinux: string, commands: CommandRunner): Promise<void> {
  const script = 'command -v gdb-add-index >/dev/null || exit 0; gdb-add-index "$1"';
  await commands.run('sh', ['-c', script, 'index', vmlinux], { step: 'indexing vmlinux', timeLimit: 120_000 });
}
