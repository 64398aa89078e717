/** The Debian packages the lab is made of: fetched once, then pinned by records until the downloads folder is removed. */

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UserFacingError } from '../errors.ts';
import { privateApt } from './aptSources.ts';
import type { CommandRunner } from './command.ts';
import { downloadFailed } from './errors.ts';

/** Its source is built with our patches. */
export const KEXEC_PACKAGE = 'kexec-tools';
/** Programs for the guest, and the libraries makedumpfile is linked with. */
export const GUEST_PACKAGES = [
  'busybox-static',
  'makedumpfile',
  'libc6',
  'zlib1g',
  'liblzma5',
  'liblzo2-2',
  'libdw1',
  'libelf1',
  'libbz2-1.0',
] as const;

/** Packages that are fetched and pinned together. */
export interface PackageSet {
  /** Of its folder below the downloads. */
  name: string;
  /** With the architecture where it is not this machine's. */
  binaries: readonly string[];
  sources: readonly string[];
}

/** All that the guests' root file system is made of. */
export const USERLAND: PackageSet = {
  name: 'userland',
  binaries: GUEST_PACKAGES.map((name) => `${name}:i386`),
  sources: [KEXEC_PACKAGE],
};

/** The source of a kernel, e.g. "6.1", which Debian has in a binary package. */
export function kernelSource(linux: string): PackageSet {
  const name = `linux-source-${linux}`;
  return { name, binaries: [name], sources: [] };
}

/** What was fetched of a set. */
export interface FetchedPackages extends PackageRecord {
  /** Where the files are. */
  folder: string;
}

interface PackageRecord {
  /** Version by package name. */
  versions: Record<string, string>;
  /** SHA-256 by file name in the packages folder. */
  files: Record<string, string>;
}

const ATTEMPTS = 3;
const RECORD = 'record.json';
const DOWNLOAD_LIMIT = 15 * 60_000;

/** What has been fetched of a set, if all of it has: the record is written last, and the folder gets its name after that. */
export function readFetched(downloads: string, { name }: PackageSet): FetchedPackages | undefined {
  const folder = path.join(downloads, name);
  try {
    const record = JSON.parse(readFileSync(path.join(folder, RECORD), 'utf8')) as PackageRecord;
    return Object.keys(record.files).every((file) => existsSync(path.join(folder, file)))
      ? { ...record, folder }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Fetches a set of packages without root, through a private apt configuration that checks their signatures. A failed attempt
 * is repeated; what was fetched before is not fetched again.
 * @throws UserFacingError lab-download-failed, lab-no-debian-repository
 */
export async function fetchPackages(
  downloads: string,
  { name, binaries, sources }: PackageSet,
  commands: CommandRunner,
  onLine: (line: string) => void,
): Promise<FetchedPackages> {
  const folder = path.join(downloads, name);
  const partial = `${folder}.partial`;
  mkdirSync(partial, { recursive: true });
  const environment = await privateApt(path.join(downloads, 'apt'), commands);
  const apt = (args: string[], step: string): Promise<unknown> =>
    commands.run('apt-get', args, { step, environment, cwd: partial, timeLimit: DOWNLOAD_LIMIT, onLine });

  let failure: unknown;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      // One stale index of a mirror is no reason to stop: what matters is whether every package can be had.
      await apt(['update'], 'apt-get update').catch((error: unknown) => {
        if (!isCommandFailure(error)) throw error;
        commands.note(`apt-get update failed, trying with what it got: ${error.message}`);
      });
      await apt(['download', ...binaries], 'downloading packages');
      for (const source of sources) {
        await apt(['source', '--download-only', '--only-source', source], `downloading ${source}`);
      }
      failure = undefined;
      break;
    } catch (error) {
      if (!isCommandFailure(error)) throw error;
      failure = error;
    }
  }
  if (isCommandFailure(failure)) throw downloadFailed([...binaries, ...sources], failure.evidence, commands.logFile);

  const record = await describePackages(partial, commands);
  writeFileSync(path.join(partial, RECORD), JSON.stringify(record, null, 2));
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return { ...record, folder };
}

/** Path of the fetched .deb of `name`, or of the .dsc of a source package. */
export function packageFile({ folder }: FetchedPackages, name: string): string {
  const suffix = name === KEXEC_PACKAGE ? '.dsc' : '.deb';
  const file = readdirSync(folder).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith(suffix));
  if (!file) throw new Error(`${name} is not in ${folder}`);
  return path.join(folder, file);
}

function isCommandFailure(error: unknown): error is UserFacingError {
  return error instanceof UserFacingError && error.code.startsWith('lab-command-');
}

async function describePackages(folder: string, commands: CommandRunner): Promise<PackageRecord> {
  const record: PackageRecord = { versions: {}, files: {} };
  for (const name of readdirSync(folder).sort()) {
    const file = path.join(folder, name);
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    record.files[name] = hash.digest('hex');
    if (name.endsWith('.deb')) {
      const fields = await commands.run('dpkg-deb', ['--show', '--showformat=${Package} ${Version}', file], {
        step: `reading ${name}`,
      });
      const [packageName, version] = fields.stdout.split(' ');
      record.versions[packageName!] = version!;
    } else if (name.endsWith('.dsc')) {
      record.versions[KEXEC_PACKAGE] = /^Version: (.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 'unknown';
    }
  }
  return record;
}
