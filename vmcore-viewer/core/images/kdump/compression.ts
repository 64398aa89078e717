/** How pages of a kdump-compressed file are compressed. Source: makedumpfile diskdump_mod.h, DUMP_DH_COMPRESSED_*. */
import { inflateSync } from 'node:zlib';
import { decompressLzo } from './lzo.ts';
import { decompressSnappy } from './snappy.ts';
import { decompressZstd } from './zstd.ts';

type Decompress = (input: Buffer, output: Buffer) => boolean;

/** By flag of a page descriptor. */
const METHODS: readonly { flag: number; name: string; decompress: Decompress }[] = [
  { flag: 0x1, name: 'zlib', decompress: decompressZlib },
  { flag: 0x2, name: 'lzo', decompress: decompressLzo },
  { flag: 0x4, name: 'snappy', decompress: decompressSnappy },
  { flag: 0x20, name: 'zstd', decompress: decompressZstd },
];

/** The method's name; `undefined` of a page that is not compressed. @param flags of a page descriptor. */
export function methodName(flags: number): string | undefined {
  return METHODS.find(({ flag }) => (flags & flag) !== 0)?.name;
}

/** Decompresses a page. @param bytes as they are in the file. @returns `undefined` when they are damaged. */
export function decompressPage(bytes: Buffer, flags: number, pageSize: number): Buffer | undefined {
  const method = METHODS.find(({ flag }) => (flags & flag) !== 0);
  if (!method) return bytes.length === pageSize ? bytes : undefined;
  const page = Buffer.allocUnsafe(pageSize);
  return method.decompress(bytes, page) ? page : undefined;
}

function decompressZlib(input: Buffer, output: Buffer): boolean {
  try {
    return inflateSync(input, { maxOutputLength: output.length }).copy(output) === output.length;
  } catch {
    return false;
  }
}
