/** Failures of reading memory images, each with a sentence a person can act on. */

/** Memory or an image that cannot be read as what it should be. `message` says what and where. */
export class MemoryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MemoryError';
  }
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

/** An address as every message of ours shows it. */
export function hex(value: number): string {
  return '0x' + value.toString(16);
}
