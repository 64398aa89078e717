/**
 * Kdump files with snappy, which no package of Debian writes: its makedumpfile -p says that it is built without, and writes pages as they
 * are. Those files are makedumpfile's but for the pages, which the library itself compresses here as makedumpfile would.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlainFile } from '../../vmcore-viewer/core/images/fileBytes.ts';
import { KdumpFile } from '../../vmcore-viewer/core/images/kdump/kdumpFile.ts';
import { METHOD_FLAGS, PAGE } from '../unit/imageFiles.ts';
import { debianPackages } from './debianPackages.ts';

/** struct page_desc: offset, size, flags. Source: makedumpfile diskdump_mod.h. */
const DESCRIPTOR = { length: 24, size: 8, flags: 12 } as const;
/** Of struct disk_dump_header, in x86_64's layout: an int behind a struct new_utsname and a struct timeval. */
const STATUS = 424;

/** The compressor, built once of Debian's library. @returns its path and the environment that it runs in. */
async function compressor(): Promise<{ program: string; environment: NodeJS.ProcessEnv }> {
  const folder = await debianPackages('snappy', ['libsnappy-dev', 'libsnappy1v5'], '*');
  const program = join(folder, 'snappy-pages');
  const libraries = join(folder, 'usr/lib/x86_64-linux-gnu');
  if (!existsSync(program)) {
    const source = join(import.meta.dirname, 'snappyPages.c');
    const args = [
      '-O2',
      '-I',
      join(folder, 'usr/include'),
      '-o',
      `${program}.new`,
      source,
      '-L',
      libraries,
      '-lsnappy',
    ];
    const { status, stderr } = spawnSync('gcc', args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    renameSync(`${program}.new`, program);
  }
  return { program, environment: { ...process.env, LD_LIBRARY_PATH: libraries } };
}

/**
 * Compresses the pages of a kdump file, in its place.
 * @param path of a file for x86_64 whose pages are as they are in memory.
 * @returns how many pages are compressed now: one that would not become smaller is not. Source: makedumpfile.c, write_kdump_pages_and_bitmap_cyclic().
 */
export async function compressBySnappy(path: string): Promise<number> {
  const { program, environment } = await compressor();
  const file = new PlainFile(path);
  const { header } = new KdumpFile(file);
  const count = new KdumpFile(file).pagesInFile();
  file.close();
  const plain = readFileSync(path);
  const table = header.descriptors;
  const end = table + count * DESCRIPTOR.length;
  const offsets = Array.from({ length: count }, (_, index) =>
    Number(plain.readBigUInt64LE(table + index * DESCRIPTOR.length)),
  );
  // All pages of zeros have one place.
  const places = [...new Set(offsets)].sort((one, other) => one - other);
  const input = Buffer.concat(places.map((at) => plain.subarray(at, at + PAGE)));
  const { status, stdout } = spawnSync(program, { input, env: environment, maxBuffer: 2 * input.length + PAGE });
  assert.equal(status, 0);

  const pages = new Map<number, { offset: number; size: number; flags: number }>();
  const bytes: Buffer[] = [];
  let [read, compressed, offset] = [0, 0, end];
  for (const place of places) {
    const size = stdout.readUInt32LE(read);
    const isSmaller = size < PAGE;
    const page = isSmaller ? stdout.subarray(read + 4, read + 4 + size) : plain.subarray(place, place + PAGE);
    read += 4 + size;
    compressed += Number(isSmaller);
    bytes.push(page);
    pages.set(place, { offset, size: page.length, flags: isSmaller ? METHOD_FLAGS.snappy : 0 });
    offset += page.length;
  }
  const head = Buffer.from(plain.subarray(0, end));
  head.writeUInt32LE((header.status | METHOD_FLAGS.snappy) >>> 0, STATUS);
  offsets.forEach((place, index) => {
    const at = table + index * DESCRIPTOR.length;
    const page = pages.get(place)!;
    head.writeBigUInt64LE(BigInt(page.offset), at);
    head.writeUInt32LE(page.size, at + DESCRIPTOR.size);
    head.writeUInt32LE(page.flags, at + DESCRIPTOR.flags);
  });
  writeFileSync(path, Buffer.concat([head, ...bytes]));
  return compressed;
}
