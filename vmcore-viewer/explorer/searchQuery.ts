/** What a person looks for in an image, as the bytes that memory has of it. */
import { notAPointer, notBytes, nothingToFind } from '../core/errors.ts';
import { LONGEST_NEEDLE, type Needle } from '../core/imageSearch.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import { contentPlace, directAddress } from './contentPlace.ts';
import type { Explorer } from './explorer.ts';
import type { SearchQuery } from './protocol.ts';

/** Of an image without a kernel: the extension's lab is i386. */
const DEFAULT_WORD = 4;

/** @throws MemoryError with a sentence when the text is not what it should be. */
export function needleOf(explorer: Explorer, { kind, text }: SearchQuery): Needle {
  const needle = { alignment: 1, ignoresCase: kind === 'textInAnyCase' };
  switch (kind) {
    case 'bytes':
      return { ...needle, bytes: checked(bytesOf(text)) };
    case 'text':
    case 'textInAnyCase':
      return { ...needle, bytes: checked(Buffer.from(text)) };
    case 'pointer': {
      const bytes = pointerOf(explorer, text.trim());
      return { ...needle, bytes, alignment: bytes.length };
    }
  }
}

function checked(bytes: Buffer): Buffer {
  if (bytes.length === 0 || bytes.length > LONGEST_NEEDLE) throw nothingToFind(LONGEST_NEEDLE);
  return bytes;
}

/** `de ad be ef`, `deadbeef`, `0xdeadbeef`: in the order in which they are typed. */
function bytesOf(text: string): Buffer {
  const digits = text
    .trim()
    .split(/[\s,]+/)
    .map((word) => word.replace(/^0x/i, ''));
  if (!digits.every((word) => /^([0-9a-f]{2})*$/i.test(word))) throw notBytes(text.trim());
  return Buffer.from(digits.join(''), 'hex');
}

/** A word of the kernel's, little-endian. */
function pointerOf(explorer: Explorer, text: string): Buffer {
  const size = explorer.kernel?.memory.wordSize ?? DEFAULT_WORD;
  const value = valueOf(explorer, text);
  if (value === undefined || value >= 1n << BigInt(8 * size)) throw notAPointer(text, size);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.subarray(0, size);
}

function valueOf(explorer: Explorer, text: string): bigint | undefined {
  const [, kind, number] = /^(?:(pfn|page)\s+)?(0x[0-9a-f]{1,16}|\d{1,19})$/i.exec(text) ?? [];
  if (number === undefined) return explorer.symbol(text);
  if (kind === undefined) return BigInt(number);
  const { kernel, known, own } = contentPlace(explorer, Number(number) * PAGE_SIZE);
  return kind.toLowerCase() === 'page' ? known?.pages.address(own / PAGE_SIZE) : kernel && directAddress(kernel, own);
}
