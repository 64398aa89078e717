/** The kernel tree behind a vmlinux: where it is built, of which source, and how it was configured. */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { noKernelBuild, noKernelSource } from './errors.ts';

/** A configured kernel. Paths are absolute. */
export interface KernelTree {
  /** The folder that make works in (`O=`): .config and vmlinux are there. */
  build: string;
  /** The source tree: the same folder when the kernel is built in place. */
  source: string;
  /** Variables for make that it was configured with; with others make would configure it anew. Such as "ARCH=i386". */
  variables: string[];
  /** Whether the compiler counts columns as a terminal shows them, a tab up to the next multiple of 8. */
  countsTabs: boolean;
}

/** The first gcc that counts columns so. Source: its release notes, -fdiagnostics-column-unit. */
const GCC_11 = 110_000;

/**
 * Finds the tree of a kernel.
 * @param place a vmlinux in its build folder, which need not be built yet; the folder; or a source tree that is built in
 * place or in its folder `build`.
 * @throws UserFacingError `kernel-no-build`, `kernel-no-source`
 */
export function findKernelTree(place: string): KernelTree {
  const path = resolve(place);
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
  const build = [folder, ...(folder === path ? [join(folder, 'build')] : [])].find((candidate) =>
    existsSync(join(candidate, '.config')),
  );
  if (build === undefined) throw noKernelBuild(path);
  const config = readFileSync(join(build, '.config'), 'utf8');
  const gcc = Number(/^CONFIG_GCC_VERSION=(\d+)$/m.exec(config)?.[1] ?? 0);
  return { build, source: sourceOf(build), variables: variablesOf(config), countsTabs: gcc >= GCC_11 };
}

/** Source: the target outputmakefile of the kernel's Makefile, which leaves a Makefile and a link `source`. */
function sourceOf(build: string): string {
  const makefile = join(build, 'Makefile');
  const text = existsSync(makefile) ? readFileSync(makefile, 'utf8') : '';
  if (/^VERSION = \d/m.test(text)) return build;
  const included = /^include (.+)\/Makefile$/m.exec(text)?.[1];
  const candidates = [...(included === undefined ? [] : [resolve(build, included)]), join(build, 'source')];
  const found = candidates.find((candidate) => existsSync(join(candidate, 'Kbuild')));
  if (found === undefined) throw noKernelSource(build);
  return realpathSync(found);
}

/** Source: the first lines of .config ("# Linux/i386 6.1.1 Kernel Configuration"), and init/Kconfig for the compiler. */
function variablesOf(config: string): string[] {
  const isSet = (option: string): boolean => new RegExp(`^${option}=y$`, 'm').test(config);
  const architecture = /^# Linux\/(\w+) .*Kernel Configuration$/m.exec(config)?.[1];
  const clang = isSet('CONFIG_LD_IS_LLD') ? 'LLVM=1' : 'CC=clang';
  return [
    ...(architecture === undefined ? [] : [`ARCH=${architecture}`]),
    ...(isSet('CONFIG_CC_IS_CLANG') ? [clang] : []),
  ];
}

/** What people call a tree: the name of its source folder. */
export const treeName = ({ source }: Pick<KernelTree, 'source'>): string => basename(source);
