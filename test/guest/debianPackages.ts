/** Packages of Debian that only tests need: fetched once through a private apt, unpacked and kept in the cache. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateApt } from '../../qemu-runner/guest/aptSources.ts';
import { cacheFolders } from '../../qemu-runner/guest/cache.ts';
import { CommandRunner } from '../../qemu-runner/guest/command.ts';
import { takeLock } from '../../qemu-runner/guest/lock.ts';

const LIMIT_MS = 10 * 60_000;
/** The release that everything is taken from unless told, as the lab's packages are. */
const RELEASE = 'bookworm';
/** Unpacks the files that match, and no other: a kernel's modules are 400 MB. */
const UNPACK = 'dpkg-deb --fsys-tarfile "$1" | tar --extract --directory "$2" --wildcards "$3"';

/**
 * Fetches and unpacks packages.
 * @param name of the folder in the cache.
 * @param packages with an architecture, `name:i386`, where it is not amd64. A metapackage stands for what it depends on.
 * @param files which files are unpacked, as a pattern of tar.
 * @param release of Debian.
 * @returns the folder in which they are.
 * @throws UserFacingError of the step that failed, with its log.
 */
export async function debianPackages(
  name: string,
  packages: readonly string[],
  files: string,
  release = RELEASE,
): Promise<string> {
  const root = join(cacheFolders().root, 'debian');
  const folder = join(root, name);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  mkdirSync(root, { recursive: true });
  const commands = new CommandRunner(join(root, 'logs'));
  // Another test may want the same at the same time.
  const unlock = await takeLock(join(root, 'lock'), commands, () => undefined);
  try {
    if (existsSync(folder)) return folder;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    const ofApt = join(root, release === RELEASE ? 'apt' : `apt-${release}`);
    const environment = await privateApt(ofApt, commands);
    const sources = join(ofApt, 'sources.list');
    writeFileSync(sources, readFileSync(sources, 'utf8').replaceAll(RELEASE, release));
    const apt = async (program: string, ...args: string[]): Promise<string> => {
      const options = { step: `fetching ${packages.join(' ')}`, environment, cwd: partial, timeLimit: LIMIT_MS };
      return (await commands.run(program, args, options)).stdout;
    };
    await apt('apt-get', 'update');
    const wanted = await Promise.all(
      packages.map(async (wish) => {
        const [, real] = /^ {2}Depends: (linux-image-\S+)$/m.exec(await apt('apt-cache', 'depends', wish)) ?? [];
        return real ?? wish;
      }),
    );
    await apt('apt-get', 'download', ...wanted);
    for (const file of readdirSync(partial).filter((entry) => entry.endsWith('.deb'))) {
      await commands.run('sh', ['-c', UNPACK, 'unpack', join(partial, file), partial, files], {
        step: `unpacking ${file}`,
        timeLimit: LIMIT_MS,
      });
      rmSync(join(partial, file));
    }
    renameSync(partial, folder);
    return folder;
  } finally {
    unlock();
    commands.close();
  }
}
