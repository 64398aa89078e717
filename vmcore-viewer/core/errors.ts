/** Failures of reading memory images, each with a sentence a person can act on. */

/** Memory or an image that cannot be read as what it should be. `message` says what and where. */
export class MemoryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MemoryError';
  }
}

/** Code of the control page that is none of a relocate_kernel that we know. */
export class ControlCodeUnknown extends MemoryError {
  constructor(
    /** The end of a sentence about relocate_kernel. */
    readonly why: string,
    readonly bytes: Buffer,
  ) {
    super(`The code of relocate_kernel is not understood: ${why}. Its bytes: ${bytes.toString('hex')}`);
  }
}

/** A text that names no place in an image. */
export function notAnAddress(text: string): MemoryError {
  return new MemoryError(
    `"${text}" is no address and no symbol of the kernel. ` +
      'Type 0x… (virtual of the kernel, else physical), p:0x… for a physical address, v:0x… for a virtual one, or pfn N.',
  );
}

/** A place that an image does not have. */
export function notInImage(address: number | bigint): MemoryError {
  return new MemoryError(`${hex(address)} is not in the image: it was left out, cut off, or there is no memory.`);
}

/** A re-entry point that leads to no control page. */
export function noControlPage(entry: number, why: string): MemoryError {
  return new MemoryError(
    `Physical ${hex(entry)} is no re-entry point of a kernel that left by a jump: ${why}. ` +
      'It is the number behind kexec_jump_back_entry= on the command line of the kernel that was jumped to.',
  );
}

/** A file beside an image that is about another one. @param why a sentence. */
export function entryFileUseless(path: string, why: string): string {
  return `${path} does not tell the re-entry point of this image. ${why}`;
}

/** Several kernels have left, or one several times, and nobody says which jump the image is about. */
export function severalEntries(count: number): string {
  return `Kernels have left by ${count} control pages; the first is shown. Choose another by "Set Re-entry Point…".`;
}

/** A text that is looked for as bytes, and is none. */
export function notBytes(text: string): MemoryError {
  return new MemoryError(`"${text}" is not made of whole bytes. Type them in hexadecimal: de ad be ef, or 0xdeadbeef.`);
}

/** @param most bytes that can be looked for. */
export function nothingToFind(most: number): MemoryError {
  return new MemoryError(`Type what to look for: 1 to ${most} bytes.`);
}

/** A value that no pointer of the kernel has. */
export function notAPointer(text: string, wordSize: number): MemoryError {
  return new MemoryError(
    `"${text}" is no value of ${wordSize} bytes and no symbol of the kernel. ` +
      'Type 0x…, a symbol, pfn N for the address of a page frame in the direct mapping, or page N for its struct page.',
  );
}

/** A page list that does not decode: `entryAddress` is the physical address of the bad entry. */
export function brokenPageList(entryAddress: number, entry: number, why: string): MemoryError {
  return new MemoryError(
    `The page list is broken at physical ${hex(entryAddress)}: entry ${hex(entry)} ${why}. ` +
      'Is this the head of a kimage (control page + 0x81c)?',
  );
}

/** A file whose content is not the ELF that was asked for. */
export function notAnElfFile(path: string, why: string): MemoryError {
  return new MemoryError(`${path} cannot be read as an ELF file of a 32-bit x86 kernel: ${why}.`);
}

/** A file that is not the vmlinux that was asked for. */
export function notAVmlinux(path: string, why: string): MemoryError {
  return new MemoryError(
    `${path} cannot be read as a vmlinux: ${why}. Give the uncompressed ELF file of the kernel's build, with symbols.`,
  );
}

/** A vmlinux of another build than the kernel in an image. Both build ids in hexadecimal digits. */
export function vmlinuxOfOtherBuild(path: string, its: string, release: string, kernels: string): string {
  return (
    `${path} is of another build and is not used: its build id is ${its}, ` +
    `that of Linux ${release} in the image is ${kernels}.`
  );
}

/** A vmlinux whose build cannot be compared. @param who does not tell its build id. */
export function vmlinuxNotCompared(path: string, who: string): string {
  return `Whether ${path} is of the same build as the kernel in the image is not known: ${who} does not tell its build id.`;
}

/** VMCOREINFO does not tell enough: nothing is damaged. */
export class KeysMissing extends MemoryError {}

/** VMCOREINFO that lacks what a question needs. `keys` as they are written there. */
export function vmcoreInfoIncomplete(
  release: string | undefined,
  keys: readonly string[],
  purpose: string,
): KeysMissing {
  return new KeysMissing(
    `VMCOREINFO of Linux ${release ?? '(release unknown)'} does not tell ${keys.join(', ')}: needed for ${purpose}. ` +
      'Is the text complete, and is this kernel one for x86?',
  );
}

/** VMCOREINFO with a value that cannot be true. */
export function vmcoreInfoWrong(key: string, value: number | bigint, why: string): MemoryError {
  return new MemoryError(`VMCOREINFO says ${key}=${value}, but ${why}. Is the image damaged?`);
}

/** Memory that is not that of the kernel whose VMCOREINFO was found or given. */
export function kernelMemoryNotFound(release: string, address: bigint): MemoryError {
  return new MemoryError(
    `The memory of Linux ${release} is not where its VMCOREINFO says: neither the page tables nor an offset lead from ` +
      `virtual ${hex(address)} (init_uts_ns) to this release. Are its pages swapped out by a jump? Then read through the overlay.`,
  );
}

/** Records of a kernel's log. */
export function logLinesLost(count: number): string {
  return `${count} records of the log are not in the image, or not all of them.`;
}

/** Struct pages that are not in the image. */
export function pagesWithoutClass(count: number): string {
  return `${count} pages have no class: their struct pages are not in the image.`;
}

/** A variable of the kernel that cannot be read or cannot be true. `address` is virtual. */
export function kernelVariableUnusable(name: string, address: bigint, why: string): MemoryError {
  return new MemoryError(`${name} at virtual ${hex(address)} cannot be used: ${why}. Is the image complete?`);
}

/** Page flag numbers that are not of this kernel. */
export function wrongPageFlagTable(table: string, name: string, told: number, given: number): MemoryError {
  return new MemoryError(
    `The page flags of ${table} are not those of this kernel: its VMCOREINFO says ${name} is ${told}, not ${given}. ` +
      'Leave them out, or give those of the kernel in the image.',
  );
}

/** A kernel whose structures nobody knows here. */
export function structsNotHere(release: string | undefined, buildId: string | undefined): MemoryError {
  return new MemoryError(
    `The structures of Linux ${release ?? '(release unknown)'} are not known here: its vmlinux, build id ${buildId ?? 'unknown'}, ` +
      'is not on this machine, and it has no BTF of its own. Install its debug symbols (linux-image-…-dbg), or debug the image with "kernelA": {"vmlinux": …}.',
  );
}

/** Debug information that is not there. @param why a sentence, of gdb's. */
export function layoutUnknown(vmlinux: string, why: string): MemoryError {
  return new MemoryError(
    `The structures of the kernel are not known from ${vmlinux}: ${why.replace(/\.$/, '')}. ` +
      'Is gdb installed, and was the kernel built with CONFIG_DEBUG_INFO?',
  );
}

/** @param from who should know. @param name of a field or a symbol. */
export function fieldUnknown(from: string, name: string): MemoryError {
  return new MemoryError(`What this kernel's structures hold cannot be read: ${from} does not tell ${name}.`);
}

/** A file that is no memory image. `head` are its first bytes. */
export function notAMemoryImage(path: string, head: Buffer, why: string): MemoryError {
  const bytes = [...head].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const text = head.toString('latin1').replace(/[^ -~]/g, '.');
  const begins = head.length === 0 ? 'It is empty' : `It begins with ${bytes} ("${text}")`;
  return new MemoryError(
    `${path} cannot be opened as a memory image: ${why}. ${begins}. ` +
      'What can be: ELF cores, kdump-compressed and flattened files of makedumpfile and QEMU, and raw memory in whole pages.',
  );
}

/** An image of a known format that cannot be used at all. */
export function imageBroken(path: string, why: string): MemoryError {
  return new MemoryError(
    `${path} cannot be opened as a memory image: ${why}. Was it copied whole, and is it the right file?`,
  );
}

/** An image whose numbers tell of more memory than any that is compared. @param size such as "3 TiB". */
export function tooLargeToCompare(path: string, size: string): MemoryError {
  return new MemoryError(`${path} tells of memory up to ${size}, which cannot be compared. Is the file damaged?`);
}

/** Files that were given as one image and are not. */
export function notOneSet(path: string, why: string): MemoryError {
  return new MemoryError(
    `${path} cannot be opened: ${why}. Give one image, or the files that one run of makedumpfile --split wrote.`,
  );
}

/** What an image lacks is no failure: these sentences are among its problems, and the rest of it can be read. */

/** A core without any program header of physical memory. */
export function elfWithoutMemory(path: string): string {
  return (
    `${path} has no PT_LOAD with a physical address, so none of its memory can be found. ` +
    'Was it cut off? makedumpfile -E writes them last.'
  );
}

/** Program headers that cannot be used. @param used how many of `told` can. */
export function elfHeadersLost(path: string, told: number, used: number): string {
  return `${path} says that it has ${told} program headers: only ${used} can be used. Was it cut off?`;
}

/** e_phnum is PN_XNUM, and the section header that has the real number is not there. */
export function elfHeadersNotCounted(path: string): string {
  return `${path} has more than 65,534 program headers, and section header 0, which counts them, is not there: the first are used.`;
}

/** Mappings of devices, or of anything else that is no memory. */
export function elfLoadsElsewhere(path: string, count: number): string {
  return `${path}: ${count} PT_LOAD have no physical address (p_paddr is -1), so they cannot be shown.`;
}

/** Physical addresses that no machine has. */
export function elfLoadsImpossible(path: string, count: number): string {
  return `${path}: ${count} PT_LOAD lie above 4 PiB and are ignored. Is the file damaged?`;
}

/** @param lost how much, such as "1.5 MiB". @param end bytes that the file has. */
export function elfMemoryLost(path: string, lost: string, end: number): string {
  return (
    `${path} is cut off or has gaps: ${lost} of the memory that it should have by its program headers are not there ` +
    `(it ends at ${hex(end)}). The rest can be read.`
  );
}

/** Notes that the file ends before, or that are too many. */
export function elfNotesLost(path: string): string {
  return `${path} does not have all of its notes: registers or VMCOREINFO may be missing.`;
}

/** @param size bytes that the file has. */
export function rawMemoryCutOff(path: string, size: number): string {
  return `${path} ends within a page, at ${hex(size)}: was it cut off? What came before can be read.`;
}

/** @param size bytes that the file has. */
export function flattenedCutOff(path: string, size: number): string {
  return `${path} is flattened and has no end mark: it was cut off at ${hex(size)}. What came before can be read.`;
}

/** @param at offset of the record in the file. */
export function flattenedRecordWrong(path: string, at: number): string {
  return `${path} is flattened, and its record at ${hex(at)} is damaged. What came before can be read.`;
}

/** @param at offset in the file of the first record that is left out. */
export function flattenedTooScattered(path: string, at: number): string {
  return (
    `${path} is flattened in too many records, or goes back and forth too often: from ${hex(at)} on it is left out. ` +
    'Rearrange it with makedumpfile -R.'
  );
}

/** @param newest version that is known. */
export function kdumpVersionUnknown(path: string, version: number, newest: number): string {
  return `${path} is of version ${version}, and versions 0 to ${newest} are known: it may be misread.`;
}

/** The sub header is not there. */
export function kdumpSubHeaderLost(path: string): string {
  return `${path} is cut off in its sub header: its dump level, VMCOREINFO and notes are not known.`;
}

/** @param most ranges that are listed. */
export function kdumpTooManyRanges(path: string, most: number): string {
  return `${path}: memory is in more than ${most} ranges. The first ones are listed, and all can be read.`;
}

/** A part of the file that the sub header tells of. @param offset where it should be; both in bytes. */
export function kdumpExtentLost(path: string, what: string, offset: number, length: number): string {
  return `${path} does not have its ${what}, ${length} bytes at ${hex(offset)} by its sub header: was it cut off, or is that damaged?`;
}

/** Pages that are not told one by one. */
export function kdumpMorePagesUnreadable(path: string, count: number): string {
  return `${path}: ${count} more pages are damaged and cannot be read.`;
}

/** @param pages page frames whose bits are not there. */
export function kdumpBitmapLost(path: string, pages: number): string {
  return `${path} is cut off within its bitmap: whether it has ${pages} page frames is not known, and so they cannot be read.`;
}

/** The status says so. */
export function kdumpIncomplete(path: string): string {
  return `${path} is incomplete: the program that wrote it was stopped (was the disk full?). What it had written can be read.`;
}

/** Pages that the bitmap has. */
export function kdumpPagesLost(path: string): string {
  return `${path} lacks pages that it should have: was it cut off? What is there can be read.`;
}

/** @param address physical. */
export function kdumpPageUnreadable(path: string, pfn: number, address: number): string {
  return `${path}: page frame ${pfn} (physical ${hex(address)}) is damaged and cannot be read.`;
}

/** Parts of a split set that were not given. */
export function kdumpPartsMissing(runs: readonly { startPfn: number; endPfn: number }[]): string {
  const frames = runs.map(({ startPfn, endPfn }) => `${startPfn} to ${endPfn - 1}`).join(', ');
  return `Files of the split set are missing: those with the page frames ${frames}. Open them together with these.`;
}

/** An address as every message of ours shows it. */
export function hex(value: number | bigint): string {
  return '0x' + value.toString(16);
}
