/** Debian's makedumpfile, the oracle for classes of pages, and the ELF core that it is given. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolders } from '../../qemu-runner/guest/cache.ts';
import { GUEST_PACKAGES, packageFile, readFetched, USERLAND } from '../../qemu-runner/guest/packages.ts';
import { PAGE_CLASS, PAGE_CLASSES } from '../../vmcore-viewer/core/pageClassNames.ts';
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { PhysicalRun } from '../../vmcore-viewer/core/physicalRuns.ts';
import { CONTENT_ZERO } from '../../vmcore-viewer/core/zeroPages.ts';
import { debianPackages } from './debianPackages.ts';

/** The lines of makedumpfile's report, in pages. */
export interface Report {
  zero: number;
  cache: number;
  cachePrivate: number;
  user: number;
  free: number;
  hwpoison: number;
  offline: number;
}

/** Zero, cache, all cache, user, free; and everything at once. */
export const DUMP_LEVELS = [1, 2, 4, 8, 16, 31] as const;

/** What makedumpfile would say at a dump level, by our classes. @param ram which pages are in the core; all by default. */
export function reportOf(
  classes: Uint8Array,
  zero: Uint8Array,
  level: number,
  ram: readonly PhysicalRun[] = [{ address: 0, length: classes.length * PAGE_SIZE }],
): Report {
  const report: Report = { zero: 0, cache: 0, cachePrivate: 0, user: 0, free: 0, hwpoison: 0, offline: 0 };
  // -d 4 means all page cache; broken and offline memory is left out at every level.
  const levels = { free: 16, cache: 2 | 4, cachePrivate: 4, user: 8, hwpoison: level, offline: level };
  for (const { address, length } of ram) {
    for (let pfn = address / PAGE_SIZE; pfn < (address + length) / PAGE_SIZE; pfn++) {
      const { name } = PAGE_CLASSES[classes[pfn] ?? PAGE_CLASS.absent]!;
      if (name in levels && level & levels[name as keyof typeof levels]) report[name as keyof typeof levels]++;
      else if (level & 1 && zero[pfn] === CONTENT_ZERO) report.zero++;
    }
  }
  return report;
}

/** Source: makedumpfile.c, print_report(). */
const LINES: Readonly<Record<keyof Report, RegExp>> = {
  zero: /Pages filled with zero +: (0x[0-9a-f]+)/,
  cache: /Non-private cache pages +: (0x[0-9a-f]+)/,
  cachePrivate: /Private cache pages +: (0x[0-9a-f]+)/,
  user: /User process data pages +: (0x[0-9a-f]+)/,
  free: /Free pages +: (0x[0-9a-f]+)/,
  hwpoison: /Hwpoison pages +: (0x[0-9a-f]+)/,
  offline: /Offline pages +: (0x[0-9a-f]+)/,
};
/** Common messages, errors and the report. */
const MESSAGES = 2 + 4 + 16;

/** An executable of one architecture works on kernels of the same. */
const ARCHITECTURES = {
  i386: { libraries: 'lib/i386-linux-gnu', loader: 'ld-linux.so.2', machine: 3 },
  x86_64: { libraries: 'lib/x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2', machine: 62 },
} as const;
type Architecture = keyof typeof ARCHITECTURES;

/** Debian 13's is the first of Debian's that is built with zstd; none is with snappy. */
const WITH_ZSTD = {
  release: 'trixie',
  packages: [
    ...['makedumpfile', 'libc6', 'zlib1g', 'liblzma5', 'liblzo2-2', 'libzstd1', 'libbz2-1.0'],
    ...['libdw1t64', 'libelf1t64'],
  ],
} as const;

export class Makedumpfile {
  private constructor(
    /** Where its package and its libraries are unpacked. */
    private readonly folder: string,
    private readonly architecture: Architecture,
  ) {}

  /** That of the lab guest's packages, for i386. @param folder where they are unpacked. */
  static ofLab(folder: string): Makedumpfile {
    mkdirSync(folder);
    const packages = readFetched(cacheFolders().downloads, USERLAND)!;
    for (const name of GUEST_PACKAGES) {
      const { status, stderr } = spawnSync('dpkg-deb', ['-x', packageFile(packages, name), folder]);
      assert.equal(status, 0, String(stderr));
    }
    return new Makedumpfile(folder, 'i386');
  }

  /** One for an architecture, of packages that are fetched for it. */
  static async fetch(architecture: Architecture): Promise<Makedumpfile> {
    const packages = GUEST_PACKAGES.map((name) => (architecture === 'i386' ? `${name}:i386` : name));
    return new Makedumpfile(await debianPackages(`makedumpfile-${architecture}`, packages, '*'), architecture);
  }

  /** One for x86_64 that compresses with zstd too. */
  static async fetchWithZstd(): Promise<Makedumpfile> {
    const { packages, release } = WITH_ZSTD;
    return new Makedumpfile(await debianPackages(`makedumpfile-${release}`, packages, '*', release), 'x86_64');
  }

  /** What it leaves out of a core at a dump level. The kdump file that it writes is removed again. */
  report(core: string, level: number): Report {
    const output = `${core}.out`;
    const text = this.run(['-d', String(level), '--message-level', String(MESSAGES), core, output]);
    rmSync(output, { force: true });
    const entries = Object.entries(LINES).map(([name, line]) => [name, Number(line.exec(text)?.[1])] as const);
    return Object.fromEntries(entries) as unknown as Report;
  }

  /** Runs it. @param output a file that gets what it writes to its standard output. @returns its messages. */
  run(args: readonly string[], output?: string): string {
    const file = output === undefined ? undefined : openSync(output, 'w');
    const { libraries, loader } = ARCHITECTURES[this.architecture];
    const paths = [libraries, join('usr', libraries)].map((path) => join(this.folder, path));
    const { status, stdout, stderr } = spawnSync(
      paths.map((path) => join(path, loader)).find(existsSync)!,
      [...['--library-path', paths.join(':')], ...[join(this.folder, 'usr/bin/makedumpfile'), ...args]],
      { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', file ?? 'pipe', 'pipe'] },
    );
    if (file !== undefined) closeSync(file);
    const text = output === undefined ? stdout + stderr : stderr;
    assert.equal(status, 0, text);
    return text;
  }
}

const HEADER = 64;
const PROGRAM = 56;
const PIECE = 1 << 20;
const NO_BYTES = Buffer.alloc(PIECE);

/** What an ELF core is to say of a memory. */
export interface ElfCore {
  architecture: Architecture;
  memory: PhysicalMemory;
  /** Bytes of RAM by physical address. */
  ram: readonly PhysicalRun[];
  /** Virtual address of physical 0 in the direct mapping, by which makedumpfile finds low memory. */
  pageOffset: bigint;
  vmcoreInfo: Buffer;
}

/** Writes an ELF64 core with a VMCOREINFO note, as kexec-tools describes memory. Source: ELF specification, elf.h. */
export function writeElfCore(path: string, { architecture, memory, ram, pageOffset, vmcoreInfo }: ElfCore): void {
  const note = Buffer.alloc(24 + Math.ceil(vmcoreInfo.length / 4) * 4);
  note.writeUInt32LE('VMCOREINFO\0'.length, 0);
  note.writeUInt32LE(vmcoreInfo.length, 4);
  note.write('VMCOREINFO', 12);
  vmcoreInfo.copy(note, 24);

  const head = Buffer.alloc(PAGE_SIZE * 2);
  head.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  head.writeUInt16LE(4, 16); // ET_CORE
  head.writeUInt16LE(ARCHITECTURES[architecture].machine, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(HEADER), 32);
  [HEADER, PROGRAM, 1 + ram.length].forEach((value, index) => head.writeUInt16LE(value, 52 + index * 2));
  const program = (index: number, type: number, numbers: readonly (number | bigint)[]): void => {
    const at = HEADER + index * PROGRAM;
    head.writeUInt32LE(type, at);
    numbers.forEach((number, field) => head.writeBigUInt64LE(BigInt(number), at + 8 + field * 8));
  };
  const notesAt = HEADER + (1 + ram.length) * PROGRAM;
  note.copy(head, notesAt);
  program(0, 4, [notesAt, 0, 0, note.length, note.length]); // PT_NOTE
  const file = openSync(path, 'w');
  writeSync(file, head);
  let end = head.length;
  ram.forEach(({ address, length }, index) => {
    program(1 + index, 1, [end, pageOffset + BigInt(address), address, length, length]); // PT_LOAD
    for (let at = 0; at < length; at += PIECE) {
      const bytes = memory.read(address + at, Math.min(PIECE, length - at))!;
      // What is not written is zeros too.
      if (bytes.compare(NO_BYTES, 0, bytes.length) !== 0) writeSync(file, bytes, 0, bytes.length, end + at);
    }
    end += length;
  });
  ftruncateSync(file, end);
  writeSync(file, head, 0, head.length, 0);
  closeSync(file);
}
