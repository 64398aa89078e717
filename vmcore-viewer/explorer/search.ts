/** A search through an image: a layer for the page map, and a report with a line for each match. */
import { hex } from '../core/errors.ts';
import { hexText } from '../core/hexText.ts';
import { searchedRanges, searchMemory, searchSeams, type Needle } from '../core/imageSearch.ts';
import { PAGE_SIZE, type PhysicalMemory } from '../core/physicalMemory.ts';
import { classAt, contentPlace, symbolAt } from './contentPlace.ts';
import type { Explorer } from './explorer.ts';
import { imagePicture, ownerName } from './imagePicture.ts';
import type { SearchQuery, SearchResult } from './protocol.ts';
import { needleOf } from './searchQuery.ts';
import { textTable } from './textTable.ts';

/** Matches that are told; nobody reads more. */
export const MOST_MATCHES = 10_000;
/** Bytes of a line: digits from the match on, text also before it. */
const DIGITS = 16;
const TEXT_BEFORE = 16;
const TEXT = 64;
const KINDS: Readonly<Record<SearchQuery['kind'], string>> = {
  bytes: 'the bytes',
  text: 'the text',
  textInAnyCase: 'the text, in any case,',
  pointer: 'the pointer',
};

/** A match: where it is now and, where only the kernel that left would see it, where it had it. */
interface Match {
  address: number;
  asItLeft?: number;
}

/** Looks through memory as it is, and across the pages that the jump has taken apart. @throws MemoryError, Cancelled. */
export function searchImage(explorer: Explorer, query: SearchQuery): SearchResult {
  const needle = needleOf(explorer, query);
  const matches = findMatches(explorer, needle);
  const isCut = matches.length > MOST_MATCHES;
  const told = matches.slice(0, MOST_MATCHES).sort((one, other) => one.address - other.address);
  const bytes = new Uint8Array(explorer.pageCount);
  for (const { address } of told) bytes[Math.floor(address / PAGE_SIZE)] = 1;
  const pages = bytes.reduce((sum, byte) => sum + byte, 0);
  const most = isCut ? `More than ${MOST_MATCHES} matches: the first ones are listed. Look for more bytes.` : undefined;
  const outcome = most ?? `${counted(told.length, 'match', 'matches')} in ${counted(pages, 'page', 'pages')}.`;
  const inMemory = query.kind === 'pointer' ? ` (${hexText(needle.bytes, 0).digits})` : '';
  const text = [
    `Search for ${KINDS[query.kind]} ${query.text.trim()}${inMemory}`,
    `in ${explorer.image.paths.join(', ')}`,
    outcome,
    '',
    ...(told.length > 0 ? rows(explorer, needle, told) : []),
    '',
  ];
  return { bytes, text: text.join('\n'), matches: told.length, isCut };
}

function findMatches({ image, jump, watch }: Explorer, needle: Needle): Match[] {
  const found = new Map<number, Match>();
  const isFull = (): boolean => found.size > MOST_MATCHES;
  for (const address of searchMemory(image, searchedRanges(image, needle), needle, watch('Searching'))) {
    found.set(address, { address });
    if (isFull()) return [...found.values()];
  }
  const seams = jump ? searchSeams(jump.asItLeft, needle, watch('Searching across pages that were moved')) : [];
  for (const asItLeft of seams) {
    const inPage = asItLeft % PAGE_SIZE;
    const address = jump!.asItLeft.locate(asItLeft - inPage) + inPage;
    if (!found.has(address)) found.set(address, { address, asItLeft });
    if (isFull()) break;
  }
  return [...found.values()];
}

function rows(explorer: Explorer, needle: Needle, matches: readonly Match[]): string[] {
  const { owners } = imagePicture(explorer);
  const watch = explorer.watch('Telling matches');
  return textTable([
    ['physical', 'virtual', 'class', 'of', 'symbol', 'bytes from there on', `text from ${TEXT_BEFORE} bytes before`],
    ...matches.map(({ address, asItLeft }, index) => {
      watch(index, matches.length);
      const place = contentPlace(explorer, address);
      const { jump, image } = explorer;
      const [view, at] = asItLeft === undefined ? [image, address] : [jump!.asItLeft, asItLeft];
      const goesOn = asItLeft === undefined ? '' : `goes on at ${hex(nextPage(explorer, asItLeft))}, `;
      const before = at - from(at);
      const bytes = read(view, from(at), TEXT, needle.bytes.length + before);
      return [
        hex(address),
        place.virtual === undefined ? '' : hex(place.virtual),
        classAt(place) ?? '',
        ownerName(explorer, owners[Math.floor(address / PAGE_SIZE)]!),
        goesOn + (symbolAt(place) ?? ''),
        hexText(bytes.subarray(before, before + DIGITS), DIGITS).digits,
        hexText(bytes, 0).text,
      ];
    }),
  ]);
}

/** Where the text of a match begins: within its page. */
const from = (address: number): number => Math.max(address - (address % PAGE_SIZE), address - TEXT_BEFORE);

/** Where what was behind the page of an address is now. */
const nextPage = ({ jump }: Explorer, asItLeft: number): number =>
  jump!.asItLeft.locate(asItLeft - (asItLeft % PAGE_SIZE) + PAGE_SIZE);

/** Bytes around a match; no more than its page has and itself, where more is not there. */
function read(view: PhysicalMemory, address: number, length: number, least: number): Buffer {
  const inPage = PAGE_SIZE - (address % PAGE_SIZE);
  return view.read(address, length) ?? view.read(address, Math.max(least, Math.min(inPage, length))) ?? Buffer.alloc(0);
}

const counted = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;
