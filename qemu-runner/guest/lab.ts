/** The lab: kernels and root file system for everybody who brings none, built once into the user's cache. */

import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  cacheFolders,
  pruneEntries,
  readEntry,
  touchEntry,
  writeEntry,
  type CacheFolders,
  type Manifest,
} from './cache.ts';
import { CommandRunner } from './command.ts';
import { guestDirectory } from './guestDirectory.ts';
import { buildKernel, unpackKernel } from './kernel.ts';
import { takeLock } from './lock.ts';
import { DEFAULT_GUEST, guestOf, isGuestName, type Guest, type GuestName } from './guests.ts';
import { USERLAND, fetchPackages, kernelSource, packageFile, readFetched } from './packages.ts';
import type { FetchedPackages, PackageSet } from './packages.ts';
import { appliedSeries, applySeries, readSeries, seriesHash, type Patch } from './patchedTree.ts';
import { checkTools } from './tools.ts';
import { buildInitramfs, buildKexec, buildPowerOff, buildSaveImage, filesHash, purgatoryOf } from './userland.ts';
import { SAVE_IMAGE_HEADER, SAVE_IMAGE_SOURCES } from './userland.ts';

/** One finished build of a guest. All paths absolute. */
export interface Lab {
  guest: Guest;
  /** The cache entry. */
  directory: string;
  /** ELF with DWARF. */
  vmlinux: string;
  bzImage: string;
  /** Root file system for A, B and C: gzip'ed cpio archive (newc). */
  initramfs: string;
  /** relocate_kernel_32.o with line info, for gdb's add-symbol-file. */
  relocateObject: string;
  /** kexec-tools' purgatory with its symbols. */
  purgatory: string;
  /** The patched kernel tree that the line tables refer to. */
  sourceDirectory: string;
  /** Where it was compiled; that may be of another series by now, or gone. */
  build: string;
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
  /** Default: DEFAULT_GUEST. */
  guest?: GuestName | undefined;
  onProgress?: (progress: BuildProgress) => void;
  /** Cancels the build; what is done so far is kept for the next one. */
  signal?: AbortSignal;
}

/** Everything of ours that goes into a build. */
interface Inputs {
  guest: Guest;
  /** Our folder. */
  directory: string;
  fragments: string[];
  kernelPatches: Patch[];
  kexecPatches: Patch[];
  /** Hash of all files of ours, of the recipe and of the place the sources are at. */
  hash: string;
}

/** Raise it when a change of this folder's code changes what is built. */
const RECIPE = 4;
/** Of each guest. */
const ENTRIES_KEPT = 3;
const FILES = [
  'initramfs/init',
  'initramfs/agent',
  'initramfs/profile',
  'initramfs/qemu-poweroff.c',
  ...[SAVE_IMAGE_HEADER, ...SAVE_IMAGE_SOURCES].map((name) => `initramfs/${name}`),
];

/** The lab for the present inputs if it has been built; never builds, never waits. */
export function findLab(options: Pick<LabOptions, 'cacheDirectory' | 'guest'> = {}): Lab | undefined {
  const folders = cacheFolders(options.cacheDirectory);
  return findEntry(folders, readInputs(folders, options.guest));
}

/** All builds in the cache, also those for inputs that have changed since: a saved image may be of their kernels. */
export function findLabs(): Lab[] {
  const folders = cacheFolders();
  const entries = existsSync(folders.lab) ? readdirSync(folders.lab) : [];
  return entries.flatMap((name) => labIn(folders, path.join(folders.lab, name)) ?? []);
}

/**
 * The lab for the present inputs: found in the cache, else built (some minutes the first time, seconds after a patch was
 * edited). Builds in one cache folder wait for each other. Package versions stay as first fetched until the cache's
 * downloads folder is removed, so that a finished lab needs no network.
 * @throws UserFacingError (codes lab-…)
 */
export async function ensureLab(options: LabOptions = {}): Promise<Lab> {
  const folders = cacheFolders(options.cacheDirectory);
  const inputs = readInputs(folders, options.guest);
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

function readInputs(folders: CacheFolders, name: GuestName = DEFAULT_GUEST): Inputs {
  const guest = guestOf(name);
  const directory = guestDirectory();
  const kernelPatches = readSeries(path.join(directory, 'kernel/patches'), `series-${guest.linux}`);
  const kexecPatches = readSeries(path.join(directory, 'kexec-tools/patches'));
  const fragments = guest.fragments.map((fragment) => path.join('kernel', fragment));
  const files = filesHash(directory, [...FILES, ...fragments]);
  const parts = [RECIPE, name, folders.root, files, seriesHash(kernelPatches), seriesHash(kexecPatches)];
  return { guest, directory, fragments, kernelPatches, kexecPatches, hash: hashOf(parts) };
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** What Debian has of a build. */
interface Packages {
  userland: FetchedPackages;
  kernel: FetchedPackages;
}

function readPackages(folders: CacheFolders, { linux }: Guest): Partial<Packages> {
  const [userland, kernel] = [USERLAND, kernelSource(linux)].map((set) => readFetched(folders.downloads, set));
  return { ...(userland && { userland }), ...(kernel && { kernel }) };
}

function entryHash(inputs: Inputs, { userland, kernel }: Packages): string {
  return hashOf([inputs.hash, userland.files, kernel.files]);
}

function findEntry(folders: CacheFolders, inputs: Inputs): Lab | undefined {
  const { userland, kernel } = readPackages(folders, inputs.guest);
  if (!userland || !kernel) return undefined;
  return labIn(folders, path.join(folders.lab, entryHash(inputs, { userland, kernel })));
}

/** The build in a cache entry, if it is whole. */
function labIn(folders: CacheFolders, directory: string): Lab | undefined {
  const manifest = readEntry(directory);
  if (!manifest || !isGuestName(manifest.guest)) return undefined;
  const guest = guestOf(manifest.guest);
  const sourceDirectory = path.join(folders.root, manifest.sourceDirectory);
  if (!existsSync(path.join(sourceDirectory, 'Makefile'))) return undefined;
  return {
    guest,
    directory,
    vmlinux: path.join(directory, 'vmlinux'),
    bzImage: path.join(directory, 'bzImage'),
    initramfs: path.join(directory, 'initramfs.gz'),
    relocateObject: path.join(directory, 'relocate_kernel_32.o'),
    purgatory: path.join(directory, 'purgatory.ro'),
    sourceDirectory,
    build: buildFolder(folders.work, guest),
    release: manifest.release,
    version: manifest.version,
  };
}

/** A kernel series has a folder of its own, in which are its source and a build of each guest. */
const buildFolder = (work: string, { linux, name }: Guest): string => path.join(work, linux, `build-${name}`);

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
  const packages = await getPackages(folders, inputs.guest, commands, onProgress);
  mkdirSync(folders.work, { recursive: true });
  const hash = entryHash(inputs, packages);
  await writeEntry(folders, hash, (entry) => fillEntry(entry, folders, inputs, packages, commands, onProgress));
  pruneEntries(folders, ENTRIES_KEPT);
  onProgress({ step: `${inputs.guest.title}: ready`, fraction: 1 });
  return findEntry(folders, inputs)!;
}

/** What is not there yet is fetched. */
async function getPackages(
  folders: CacheFolders,
  guest: Guest,
  commands: CommandRunner,
  onProgress: (progress: BuildProgress) => void,
): Promise<Packages> {
  const { userland, kernel } = readPackages(folders, guest);
  const fetch = async (set: PackageSet): Promise<FetchedPackages> => {
    const step = 'Downloading packages';
    onProgress({ step, fraction: 0 });
    mkdirSync(folders.downloads, { recursive: true });
    return fetchPackages(folders.downloads, set, commands, (detail) => {
      onProgress({ step, detail, fraction: 0.02 });
    });
  };
  return { userland: userland ?? (await fetch(USERLAND)), kernel: kernel ?? (await fetch(kernelSource(guest.linux))) };
}

/** Builds everything and copies it into `entry`. */
async function fillEntry(
  entry: string,
  { root, work }: CacheFolders,
  { guest, directory, fragments, kernelPatches, kexecPatches }: Inputs,
  packages: Packages,
  commands: CommandRunner,
  onProgress: (progress: BuildProgress) => void,
): Promise<Omit<Manifest, 'files'>> {
  onProgress({ step: 'Building kexec-tools', fraction: 0.05 });
  const kexec = await buildKexec(packages.userland, work, kexecPatches, commands);
  copyFileSync(purgatoryOf(kexec), path.join(entry, 'purgatory.ro'));
  const powerOff = await buildPowerOff(directory, work, commands);
  const saveImage = await buildSaveImage(directory, work, commands);
  onProgress({ step: 'Packing the root file system', fraction: 0.08 });
  const programs = { 'sbin/kexec': kexec, 'sbin/qemu-poweroff': powerOff, 'sbin/save-image': saveImage };
  const initramfs = await buildInitramfs(directory, packages.userland, work, programs, commands);
  writeFileSync(path.join(entry, 'initramfs.gz'), initramfs);

  const { name } = kernelSource(guest.linux);
  const version = packages.kernel.versions[name]!;
  onProgress({ step: 'Unpacking the kernel source', detail: version, fraction: 0.1 });
  const build = buildFolder(work, guest);
  const source = await unpackKernel(packageFile(packages.kernel, name), path.dirname(build), version, commands);
  const step = `Compiling ${guest.title}`;
  onProgress({ step, fraction: 0.15 });
  const files = fragments.map((fragment) => path.join(directory, fragment));
  const kernel = await buildKernel(build, source, kernelPatches, files, commands, (fraction, detail) => {
    onProgress({ step, detail, fraction: 0.15 + 0.82 * fraction });
  });

  onProgress({ step: 'Indexing the debug information', fraction: 0.97 });
  for (const file of [kernel.bzImage, kernel.relocateObject, kernel.vmlinux]) {
    copyFileSync(file, path.join(entry, path.basename(file)));
  }
  copyFileSync(kernel.config, path.join(entry, 'config'));
  // The kernel's own gdb commands (lx-ps …), to be sourced: beside vmlinux every gdb would warn that it does not load them.
  const scripts = path.join(entry, 'kernel-gdb');
  cpSync(path.join(build, 'scripts/gdb'), path.join(scripts, 'scripts/gdb'), {
    recursive: true,
    dereference: true,
  });
  copyFileSync(path.join(source, 'scripts/gdb/vmlinux-gdb.py'), path.join(scripts, 'vmlinux-gdb.py'));
  await addIndex(path.join(entry, 'vmlinux'), commands);
  const sourceDirectory = path.relative(root, source);
  return { guest: guest.name, release: kernel.release, version, sourceDirectory, patches: seriesHash(kernelPatches) };
}

/** With an index the first type lookup takes 0.2 s instead of 3 s; without gdb here, gdb elsewhere still works. */
async function addIndex(vmlinux: string, commands: CommandRunner): Promise<void> {
  const script = 'command -v gdb-add-index >/dev/null || exit 0; gdb-add-index "$1"';
  await commands.run('sh', ['-c', script, 'index', vmlinux], { step: 'indexing vmlinux', timeLimit: 120_000 });
}
