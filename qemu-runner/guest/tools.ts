/** Is everything installed that the build calls? */

import { existsSync } from 'node:fs';
import { findProgram } from '../programs.ts';
import { missingTools } from './errors.ts';

/** Debian package by program. */
const PROGRAMS: Record<string, string> = {
  'apt-get': 'apt',
  bash: 'bash',
  bc: 'bc',
  bison: 'bison',
  'dpkg-deb': 'dpkg',
  'dpkg-source': 'dpkg-dev',
  flex: 'flex',
  flock: 'util-linux',
  gcc: 'gcc',
  make: 'make',
  patch: 'patch',
  tar: 'tar',
  xz: 'xz-utils',
};

/** Debian package by header that a cross-compilation to i386 needs; any one of the paths will do. */
const HEADERS: { name: string; paths: string[]; packageName: string }[] = [
  {
    name: 'the 32-bit C library (gcc -m32)',
    paths: [
      '/usr/include/gnu/stubs-32.h',
      '/usr/include/x86_64-linux-gnu/gnu/stubs-32.h',
      '/usr/include/i386-linux-gnu/gnu/stubs-32.h',
    ],
    packageName: 'gcc-multilib',
  },
];

/** @throws UserFacingError lab-missing-tools, naming all that is missing at once */
export function checkTools(): void {
  const missing = Object.keys(PROGRAMS).filter((program) => findProgram(program) === undefined);
  const headers = HEADERS.filter(({ paths }) => !paths.some((file) => existsSync(file)));
  if (missing.length + headers.length === 0) return;
  const packages = [...missing.map((program) => PROGRAMS[program]!), ...headers.map(({ packageName }) => packageName)];
  throw missingTools([...missing, ...headers.map(({ name }) => name)], [...new Set(packages)]);
}
