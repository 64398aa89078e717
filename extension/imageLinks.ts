/** The places that the documents of an image name, each of them a link to the page map. */
import type { DocumentName } from './imagePages.ts';

const PAGE_SIZE = 4096;

/** The line of the document "resumability" that leads to the question for kernel C's memory. */
export const ASK_FOR_LOADER_MEMORY = 'Give the memory of kernel C…';

/** A piece of a line that names a page. */
export interface PageLink {
  /** From 0, as the columns. */
  line: number;
  start: number;
  end: number;
  pfn: number;
}

/** Page frames, and physical addresses, by the words before them. */
const NAMED = /\b(?:(pfn|page frame)|physical|table at|goes on at) (0x[0-9a-f]+)/gi;
/** First and last byte, in a table or a list. */
const RANGE = /^ {2}(?:\S.*? {2,})?(0x[0-9a-f]+)(?: – | +)(0x[0-9a-f]+)/d;
const FIRST_COLUMN = /^ {2}(0x[0-9a-f]+) /d;

/** The links of a document's text. Bytes of memory have none, whatever they say. */
export function linksIn(name: DocumentName, text: string): PageLink[] {
  const lines = text.split('\n');
  switch (name) {
    case 'page': {
      const bytesFrom = lines.indexOf('');
      return lines.slice(0, bytesFrom).flatMap(named);
    }
    case 'search': {
      // What the bytes of a match say is no place.
      const bytesFrom = lines.find((line) => line.startsWith('  physical '))?.indexOf('bytes from there on');
      return lines.flatMap((line, number) =>
        matched(FIRST_COLUMN, line, number).concat(
          line.startsWith('  0x') ? named(line.slice(0, bytesFrom), number) : [],
        ),
      );
    }
    case 'regions':
      return lines.flatMap((line, number) => matched(RANGE, line, number));
    case 'resumability':
    case 'comparison':
      return lines.flatMap(named);
    case 'log':
    case 'tasks':
    case 'vmcoreinfo':
      return [];
  }
}

function named(text: string, line: number): PageLink[] {
  return [...text.matchAll(NAMED)].map((match) => {
    const [all, isPage, number] = match as unknown as [string, string | undefined, string];
    const end = match.index + all.length;
    return { line, start: end - number.length, end, pfn: isPage === undefined ? pageOf(number) : Number(number) };
  });
}

function matched(pattern: RegExp, text: string, line: number): PageLink[] {
  const match = pattern.exec(text);
  const places = (match?.indices ?? []).slice(1) as [start: number, end: number][];
  return places.map(([start, end]) => ({ line, start, end, pfn: pageOf(text.slice(start, end)) }));
}

const pageOf = (address: string): number => Math.floor(Number(address) / PAGE_SIZE);
