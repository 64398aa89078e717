/** Builds the lab kernel: unpack, patch, configure, make. Each step does only what has changed. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { CommandRunner } from './command.ts';
import { droppedOptions } from './errors.ts';
import { droppedByKconfig, mergeFragments } from './kernelConfig.ts';
import { applySeries, type Patch } from './patchedTree.ts';

/** A built kernel. All paths absolute. */
export interface BuiltKernel {
  vmlinux: string;
  bzImage: string;
  relocateObject: string;
  config: string;
  /** uname -r */
  release: string;
}

/** Lines make writes for a build from nothing, for the progress. */
const MAKE_LINES = 1700;
const COMPILE_LIMIT = 60 * 60_000;
/** What a killed compiler wrote last is younger than the newest file by at most this. */
const SUSPECT_MILLISECONDS = 5000;

/** Unpacks the Debian source package, once a version; what was built of other versions is removed with their sources. */
export async function unpackKernel(
  packageFile: string,
  work: string,
  version: string,
  commands: CommandRunner,
): Promise<string> {
  const source = path.join(work, `linux-${version.replace(/[^\w.+~-]/g, '_')}`);
  if (existsSync(path.join(source, 'Makefile'))) return source;
  for (const name of existsSync(work) ? readdirSync(work) : []) {
    if (/^(linux|build)-/.test(name)) rmSync(path.join(work, name), { recursive: true, force: true });
  }
  const temporary = `${source}.tmp`;
  mkdirSync(temporary, { recursive: true });
  const script =
    'dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "./usr/src/linux-source-*.tar.xz" | ' +
    'xz -dc -T0 | tar -x --strip-components=1 -C "$2"';
  const args = ['-o', 'pipefail', '-c', script, 'unpack', packageFile, temporary];
  await commands.run('bash', args, { step: 'unpacking the kernel source', timeLimit: 10 * 60_000 });
  renameSync(temporary, source);
  return source;
}

/** Builds in the folder `build` from the source tree with `patches` on it and the options of the files `fragments`. */
export async function buildKernel(
  build: string,
  source: string,
  patches: readonly Patch[],
  fragments: readonly string[],
  commands: CommandRunner,
  onProgress: (fraction: number, line: string) => void,
): Promise<BuiltKernel> {
  mkdirSync(build, { recursive: true });
  removeSuspects(build);
  await applySeries(source, patches, commands);

  const make = [`-j${availableParallelism()}`, '-C', source, 'ARCH=i386', `O=${build}`, 'LOCALVERSION='];
  // The same sources give the same bytes.
  const environment = {
    KBUILD_BUILD_TIMESTAMP: '2026-01-01 00:00:00 UTC',
    KBUILD_BUILD_USER: 'lab',
    KBUILD_BUILD_HOST: 'kexec-jump',
    KBUILD_BUILD_VERSION: '1',
  };
  const running = path.join(build, '.running');
  writeFileSync(running, '');
  await configure(build, source, fragments, (target, variables) =>
    commands.run('make', [...make, ...variables, target], { step: 'configuring Linux', environment }),
  );
  let lines = 0;
  const onLine = (line: string): void => {
    lines++;
    // What make says of itself is for the log.
    if (!line.startsWith('make')) onProgress(Math.min(lines / MAKE_LINES, 1), line.trim());
  };
  const targets = ['bzImage', 'vmlinux', 'scripts_gdb'];
  await commands.run('make', [...make, ...targets], {
    step: 'compiling Linux',
    environment,
    timeLimit: COMPILE_LIMIT,
    onLine,
  });
  rmSync(running, { force: true });

  return {
    vmlinux: path.join(build, 'vmlinux'),
    bzImage: path.join(build, 'arch/x86/boot/bzImage'),
    relocateObject: path.join(build, 'arch/x86/kernel/relocate_kernel_32.o'),
    config: path.join(build, '.config'),
    release: readFileSync(path.join(build, 'include/config/kernel.release'), 'utf8').trim(),
  };
}

/** Writes .config anew if a fragment or the source changed, and refuses a .config in which a wanted option is missing. */
async function configure(
  build: string,
  source: string,
  fragments: readonly string[],
  make: (target: string, variables: string[]) => Promise<unknown>,
): Promise<void> {
  const text = mergeFragments(fragments.map((fragment) => readFileSync(fragment, 'utf8')));
  const stamp = path.join(build, '.lab-fragment');
  const wanted = createHash('sha256').update(source).update(text).digest('hex');
  const config = path.join(build, '.config');
  if (existsSync(config) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  rmSync(stamp, { force: true });
  // Make splits variables at blanks, so the fragment goes where the path has none.
  writeFileSync(path.join(build, 'lab.config'), text);
  await make('allnoconfig', ['KCONFIG_ALLCONFIG=lab.config']);
  const dropped = droppedByKconfig(text, readFileSync(config, 'utf8'));
  if (dropped.length > 0) throw droppedOptions(dropped, fragments);
  writeFileSync(stamp, wanted);
}

/**
 * After a build whose end nobody saw (power loss, kill -9), a half-written object may look up to date: the files of the
 * last seconds are removed, make makes them again.
 */
function removeSuspects(build: string): void {
  if (!existsSync(path.join(build, '.running'))) return;
  const files = readdirSync(build, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== '.running')
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ file, time: statSync(file).mtimeMs }));
  const newest = files.reduce((latest, { time }) => Math.max(latest, time), 0);
  for (const { file, time } of files) if (time > newest - SUSPECT_MILLISECONDS) rmSync(file);
}
