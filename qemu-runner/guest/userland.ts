/** What runs in the guest: our kexec, save-image and power-off, busybox, makedumpfile with its libraries; and the initramfs of it all. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { CommandRunner } from './command.ts';
import { newcArchive, type CpioEntry } from './cpio.ts';
import { GUEST_PACKAGES, KEXEC_PACKAGE, packageFile, type FetchedPackages } from './packages.ts';
import { applySeries, seriesHash, type Patch } from './patchedTree.ts';

const CONFIGURE = [
  '--host=i686-linux-gnu',
  'CC=gcc -m32',
  'LDFLAGS=-static',
  '--without-zlib',
  '--without-lzma',
  '--without-xen',
];

/** Path in the guest by path below the unpacked packages. */
const PACKAGE_FILES: Record<string, string> = {
  'bin/busybox': 'bin/busybox',
  'usr/bin/makedumpfile': 'usr/bin/makedumpfile',
  'lib/i386-linux-gnu/ld-linux.so.2': 'lib/ld-linux.so.2',
  'lib/i386-linux-gnu/libc.so.6': 'lib/libc.so.6',
  'lib/i386-linux-gnu/libz.so.1': 'lib/libz.so.1',
  'lib/i386-linux-gnu/liblzma.so.5': 'lib/liblzma.so.5',
  'lib/i386-linux-gnu/liblzo2.so.2': 'lib/liblzo2.so.2',
  'lib/i386-linux-gnu/libbz2.so.1.0': 'lib/libbz2.so.1.0',
  'usr/lib/i386-linux-gnu/libdw.so.1': 'lib/libdw.so.1',
  'usr/lib/i386-linux-gnu/libelf.so.1': 'lib/libelf.so.1',
};

/** Path in the guest and mode by path in our initramfs folder. */
const OWN_FILES: Record<string, { target: string; mode: number }> = {
  init: { target: 'init', mode: 0o100755 },
  agent: { target: 'sbin/agent', mode: 0o100755 },
  profile: { target: 'etc/profile', mode: 0o100644 },
};

/** The static kexec with our patches, built once a version and series. @returns its path */
export async function buildKexec(
  packages: FetchedPackages,
  work: string,
  patches: readonly Patch[],
  commands: CommandRunner,
): Promise<string> {
  const source = path.join(work, KEXEC_PACKAGE);
  const stamp = path.join(work, `${KEXEC_PACKAGE}.stamp`);
  const program = path.join(source, 'build/sbin/kexec');
  const inputs = [packages.versions[KEXEC_PACKAGE], seriesHash(patches), ...CONFIGURE].join('\n');
  if (existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return program;
  rmSync(stamp, { force: true });
  rmSync(source, { recursive: true, force: true });
  rmSync(`${source}.pristine`, { recursive: true, force: true });
  const step = 'building kexec-tools';
  // apt has checked the signatures already, with keys that dpkg-source may not have.
  const dsc = packageFile(packages, KEXEC_PACKAGE);
  await commands.run('dpkg-source', ['--no-check', '--extract', dsc, source], { step });
  await applySeries(source, patches, commands);
  await commands.run('./configure', CONFIGURE, { step, cwd: source, timeLimit: 120_000 });
  await commands.run('make', [`-j${availableParallelism()}`, 'build/sbin/kexec'], {
    step,
    cwd: source,
    timeLimit: 120_000,
  });
  await commands.run('strip', [program], { step });
  writeFileSync(stamp, inputs);
  return program;
}

/** The purgatory that a kexec of `buildKexec` has in itself: a relocatable object. */
export function purgatoryOf(kexec: string): string {
  return path.resolve(kexec, '..', '..', '..', 'purgatory', 'purgatory.ro');
}

/** The program that switches QEMU's machine off. @returns its path */
export async function buildPowerOff(guest: string, work: string, commands: CommandRunner): Promise<string> {
  const flags = '-m32 -Os -static -nostdlib -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -s';
  return compile('qemu-poweroff', flags, guest, ['qemu-poweroff.c'], work, commands);
}

/** Sources of the program that saves kernel A's memory, and their header. */
export const SAVE_IMAGE_SOURCES = ['save-image', 'vmcore', 'left-kernel', 'free-pages', 'image', 'target'].map(
  (name) => `save-image/${name}.c`,
);
export const SAVE_IMAGE_HEADER = 'save-image/save-image.h';

/** The program by which kernel B saves kernel A's memory. @returns its path */
export async function buildSaveImage(guest: string, work: string, commands: CommandRunner): Promise<string> {
  const flags = '-m32 -Os -static -Wall -Wextra -Werror -D_FILE_OFFSET_BITS=64 -s';
  return compile('save-image', flags, guest, SAVE_IMAGE_SOURCES, work, commands);
}

async function compile(
  name: string,
  flags: string,
  guest: string,
  sources: readonly string[],
  work: string,
  commands: CommandRunner,
): Promise<string> {
  const program = path.join(work, name);
  const files = sources.map((source) => path.join(guest, 'initramfs', source));
  await commands.run('gcc', [...flags.split(' '), '-o', program, ...files], { step: `building ${name}` });
  return program;
}

/**
 * The root file system of A, B and C: gzip'ed newc archive, the same bytes for the same inputs.
 * @param programs path on this machine by path in the guest
 */
export async function buildInitramfs(
  guest: string,
  packages: FetchedPackages,
  work: string,
  programs: Record<string, string>,
  commands: CommandRunner,
): Promise<Buffer> {
  const unpacked = path.join(work, 'packages');
  rmSync(unpacked, { recursive: true, force: true });
  for (const name of GUEST_PACKAGES) {
    const args = ['--extract', packageFile(packages, name), unpacked];
    await commands.run('dpkg-deb', args, { step: `unpacking ${name}` });
  }
  const entries: CpioEntry[] = ['proc', 'sys', 'dev', 'tmp', 'root', 'mnt', 'boot'].map((name) => ({
    name,
    mode: 0o040755,
    data: new Uint8Array(),
  }));
  entries.push({ name: 'bin/sh', mode: 0o120777, data: Buffer.from('busybox') });
  for (const [name, { target, mode }] of Object.entries(OWN_FILES)) {
    entries.push({ name: target, mode, data: readFileSync(path.join(guest, 'initramfs', name)) });
  }
  for (const [name, target] of Object.entries(PACKAGE_FILES)) {
    entries.push({ name: target, mode: 0o100755, data: readFileSync(path.join(unpacked, name)) });
  }
  for (const [target, file] of Object.entries(programs)) {
    entries.push({ name: target, mode: 0o100755, data: readFileSync(file) });
  }
  return gzipSync(newcArchive(entries), { level: 9 });
}

/** SHA-256 over the names and contents of files, hexadecimal. */
export function filesHash(directory: string, names: readonly string[]): string {
  const hash = createHash('sha256');
  for (const name of names) hash.update(JSON.stringify([name, readFileSync(path.join(directory, name), 'latin1')]));
  return hash.digest('hex');
}
