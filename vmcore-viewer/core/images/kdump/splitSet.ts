/** The parts of a split set that lie in one folder: who opens one of them means all. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MemoryError } from '../../errors.ts';
import { PlainFile, readBytes } from '../fileBytes.ts';
import { isKdump, readKdumpHeader, type KdumpHeader } from './header.ts';

const SIGNATURE = 8;

interface Part {
  path: string;
  header: KdumpHeader;
}

/**
 * The given files, or all parts of the set that one given file is a part of.
 * @returns the file alone unless those of its folder make exactly one whole set with it: makedumpfile gives a set no name, so
 * two sets of one machine side by side cannot be told apart.
 */
export function withParts(paths: readonly string[]): readonly string[] {
  const [path] = paths;
  if (path === undefined || paths.length > 1) return paths;
  const own = partOf(path);
  if (!own) return paths;
  const folder = dirname(path);
  const others = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((other) => other !== path)
    .flatMap((other) => partOf(other) ?? [])
    .filter(({ header }) => isOfOneDump(header, own.header));
  const all = [own, ...others].sort((one, other) => startOf(one) - startOf(other));
  const isWhole = all.every((part, index) => startOf(part) === (index === 0 ? 0 : endOf(all[index - 1]!)));
  return isWhole && endOf(all.at(-1)!) >= own.header.maxMapnr ? all.map((part) => part.path) : paths;
}

const startOf = ({ header }: Part): number => header.split!.startPfn;
const endOf = ({ header }: Part): number => header.split!.endPfn;

function partOf(path: string): Part | undefined {
  let file: PlainFile | undefined;
  try {
    file = new PlainFile(path);
    const head = readBytes(file, 0, SIGNATURE);
    const header = head && isKdump(head) ? readKdumpHeader(file) : undefined;
    return header?.split ? { path, header } : undefined;
  } catch (error) {
    // What cannot be read is no part: the file that a person has opened says why itself, later.
    if (error instanceof MemoryError || (error as NodeJS.ErrnoException).code !== undefined) return undefined;
    throw error;
  } finally {
    file?.close();
  }
}

/** As one run of makedumpfile writes all of its parts. */
function isOfOneDump(one: KdumpHeader, other: KdumpHeader): boolean {
  const told = ({ maxMapnr, blockSize, version, layout, dumpLevel, bitmaps, cpus, system }: KdumpHeader): string =>
    JSON.stringify({ maxMapnr, blockSize, version, layout, dumpLevel, bitmaps, cpus, system });
  return told(one) === told(other);
}
