/** An exchange as text: what the document of an exchange says, and where its links are. */
import type { ExchangeBody } from '../debug-adapter/protocol.ts';
import { hexText } from '../vmcore-viewer/core/hexText.ts';

/** Bytes of each page in a line. */
const BYTES = 8;
const COPIES = ['source to swap page', 'destination to source', 'swap page to destination'];

/** A piece of a line that leads somewhere: to a page frame, or to the entry of an exchange in the page list. */
export interface ExchangeLink {
  /** From 0, as the columns. */
  line: number;
  start: number;
  end: number;
  to: { pfn: number } | { exchange: number };
}

export function textOf({ number, count, copiesDone, entryAddress, pages }: ExchangeBody): string {
  const next = COPIES[copiesDone];
  const lines = [
    `Exchange ${number} of ${count}, by the entry at ${hex(entryAddress, 8)} of the page list`,
    next === undefined ? 'All three copies are done.' : `${copiesDone} of 3 copies are done; next: ${next}.`,
    '',
    ...pages.map(({ name, pfn, holds }) => `${name.padEnd(12)} page frame ${hex(pfn, 5)}  holds ${holds}`),
    '',
    `     ${pages.map(({ name }) => name.padEnd(BYTES * 4 + 1)).join('  ')}`.trimEnd(),
  ];
  const contents = pages.map(({ bytes }) => Buffer.from(bytes, 'base64'));
  const length = Math.max(...contents.map((content) => content.length));
  for (let offset = 0; offset < length; offset += BYTES) {
    const columns = contents.map((content) => column(content.subarray(offset, offset + BYTES)));
    lines.push(`${hex(offset, 3).slice(2)}  ${columns.join('  ')}`.trimEnd());
  }
  return lines.join('\n') + '\n';
}

/** Which exchange a text of `textOf()` is about, and of how many; `undefined` for a text that says why there is none. */
export function exchangeIn(text: string): { number: number; count: number } | undefined {
  const match = /^Exchange (\d+) of (\d+),/.exec(text);
  return match ? { number: Number(match[1]), count: Number(match[2]) } : undefined;
}

/** The links of such a text. The bytes of the pages have none, whatever they say. */
export function linksIn(text: string): ExchangeLink[] {
  const exchange = exchangeIn(text);
  if (!exchange) return [];
  const head = text.split('\n', 7);
  const find = (line: number, pattern: RegExp, to: (value: number) => ExchangeLink['to']): ExchangeLink[] => {
    const match = pattern.exec(head[line] ?? '');
    if (!match) return [];
    const start = match.index + match[0].length - match[1]!.length;
    return [{ line, start, end: start + match[1]!.length, to: to(Number(match[1])) }];
  };
  return [
    ...find(0, /entry at (0x[0-9a-f]+)/, () => ({ exchange: exchange.number })),
    ...[3, 4, 5].flatMap((line) => find(line, /page frame (0x[0-9a-f]+)/, (pfn) => ({ pfn }))),
  ];
}

/** Bytes as hexadecimal and as text. */
function column(bytes: Buffer): string {
  const { digits, text } = hexText(bytes, BYTES);
  return `${digits}  ${text.padEnd(BYTES)}`;
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;
