/** Opens a memory image by what is in it; its name does not matter. */
import { notAMemoryImage, notOneSet } from '../errors.ts';
import { findVmcoreInfo } from '../vmcoreInfoScan.ts';
import { ElfCore } from './elfCore.ts';
import { isElf } from './elfHeader.ts';
import { PlainFile, readBytes, type FileBytes } from './fileBytes.ts';
import { openFlattened } from './flattened.ts';
import { isKdump } from './kdump/header.ts';
import { KdumpImage } from './kdump/kdumpImage.ts';
import type { MemoryImage } from './memoryImage.ts';
import { RawMemory } from './rawMemory.ts';

/** Bytes that tell the format, and that are told of a file that is none. */
const HEAD = 16;

/** First bytes of files that may have whole pages, but are no memory. */
const OTHERS: readonly (readonly [start: string, what: string])[] = [
  ['\x1f\x8b', 'a gzip file: decompress it first'],
  ['\xfd7zXZ', 'an xz file: decompress it first'],
  ['\x28\xb5\x2f\xfd', 'a zstd file: decompress it first'],
  ['BZh', 'a bzip2 file: decompress it first'],
  ['PK\x03\x04', 'a zip file: decompress it first'],
  ['QFI\xfb', 'a qcow2 disk image; a snapshot in it is loaded by QEMU'],
  ['QEVM', "QEMU's migration stream"],
  ['EMiL', 'a LiME file'],
  ['#!', 'a script'],
  // Source: qemu-runner/guest/initramfs/save-image/target.c, UNFINISHED.
  ['KEXEC JUMP IMAGE', 'the image of a kernel whose save was interrupted: save it again'],
  ['MZ', 'a bzImage or another program'],
];

/**
 * Opens an image.
 * @param paths one file, or the files of a set that `makedumpfile --split` wrote, in any order.
 * @throws MemoryError when the files are nothing that is known; the system's error when one cannot be opened.
 */
export function openImage(paths: readonly string[]): MemoryImage {
  const files: FileBytes[] = [];
  try {
    for (const path of paths) {
      const file = new PlainFile(path);
      files.push(file);
      files[files.length - 1] = openFlattened(file);
    }
    return imageOf(files);
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

function imageOf(files: readonly FileBytes[]): MemoryImage {
  const [file] = files;
  if (!file) throw notOneSet('The image', 'no file was given');
  if (files.every((each) => isKdump(headOf(each)))) return new KdumpImage(files);
  const odd = files.find((each) => !isKdump(headOf(each)))!;
  if (files.length > 1) throw notOneSet(odd.path, 'it is not a kdump-compressed file');

  const head = headOf(file);
  if (isElf(head)) return new ElfCore(file);
  const other = OTHERS.find(([start]) => head.toString('latin1', 0, start.length) === start);
  if (other) throw notAMemoryImage(file.path, head, `it is ${other[1]}`);
  if (file.flattened)
    throw notAMemoryImage(file.path, head, 'what was flattened is neither an ELF core nor kdump-compressed');
  const memory = new RawMemory(file);
  // What was cut off within a page is memory all the same if there is a kernel in it.
  if (file.size === 0 || (!memory.complete && findVmcoreInfo(memory, memory.dataRanges()).length === 0)) {
    const why = 'it has no signature that is known, and is not raw memory, which has whole pages';
    throw notAMemoryImage(file.path, head, why);
  }
  return memory;
}

function headOf(file: FileBytes): Buffer {
  return readBytes(file, 0, Math.min(HEAD, file.size)) ?? Buffer.alloc(0);
}
