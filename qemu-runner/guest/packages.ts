/** The Debian packages the lab is made of: fetched once, then pinned by a record until the downloads folder is removed. */

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UserFacingError } from '../errors.ts';
import { privateApt } from './aptSources.ts';
import type { CommandRunner } from './command.ts';
import { downloadFailed } from './errors.ts';

export const KERNEL_PACKAGE = 'linux-source-6.1';
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

/** What was fetched. */
export interface PackageRecord {
  /** Version by package name. */
  versions: Record<string, string>;
  /** SHA-256 by file name in the packages folder. */
  files: Record<string, string>;
}

const ATTEMPTS = 3;
const RECORD = 'record.json';
const DOWNLOAD_LIMIT = 15 * 60_000;

/** Folder of the fetched packages. */
export function packagesFolder(downloads: string): string {
  return path.join(downloads, 'packages');
}

/** What has been fetched, if everything has: the record is written last, and the folder gets its name after that. */
export function readPackageRecord(downloads: string): PackageRecord | undefined {
  const folder = packagesFolder(downloads);
  try {
    const record = JSON.parse(readFileSync(path.join(folder, RECORD), 'utf8')) as PackageRecord;
    return Object.keys(record.files).every((name) => existsSync(path.join(folder, name))) ? record : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Fetches all packages without root, through a private apt configuration that checks their signatures. A failed attempt
 * is repeated; what was fetched before is not fetched again.
 * @throws UserFacingError lab-download-failed, lab-no-debian-repository
 */
export async function fetchPackages(
  downloads: string,
  commands: CommandRunner,
  onLine: (line: string) => void,
): Promise<PackageRecord> {
  const folder = `${packagesFolder(downloads)}.partial`;
  mkdirSync(folder, { recursive: true });
  const environment = await privateApt(path.join(downloads, 'apt'), commands);
  const apt = (args: string[], step: string): Promise<unknown> =>
    commands.run('apt-get', args, { step, environment, cwd: folder, timeLimit: DOWNLOAD_LIMIT, onLine });

  const binaries = [KERNEL_PACKAGE, ...GUEST_PACKAGES.map((name) => `${name}:i386`)];
  let failure: unknown;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      // One stale index of a mirror is no reason to stop: what matters is whether every package can be had.
      await apt(['update'], 'apt-get update').catch((error: unknown) => {
        if (!isCommandFailure(error)) throw error;
        commands.note(`apt-get update failed, trying with what it got: ${error.message}`);
      });
      await apt(['download', ...binaries], 'downloading packages');
      await apt(['source', '--download-only', '--only-source', KEXEC_PACKAGE], 'downloading kexec-tools');
      failure = undefined;
      break;
    } catch (error) {
      if (!isCommandFailure(error)) throw error;
      failure = error;
    }
  }
  if (isCommandFailure(failure)) throw downloadFailed([...binaries, KEXEC_PACKAGE], failure.evidence, commands.logFile);

  const record = await describePackages(folder, commands);
  writeFileSync(path.join(folder, RECORD), JSON.stringify(record, null, 2));
  rmSync(packagesFolder(downloads), { recursive: true, force: true });
  renameSync(folder, packagesFolder(downloads));
  return record;
}

/** Path of the fetched .deb of `name`, or of the .dsc of a source package. */
export function packageFile(downloads: string, name: string): string {
  const folder = packagesFolder(downloads);
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
