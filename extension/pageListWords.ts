/** The page list of a jump as the page map shows it. */
import { IND_DESTINATION, IND_DONE, IND_INDIRECTION, IND_SOURCE } from '../vmcore-viewer/core/pageList.ts';
import type { ListWordKind, PageListModel } from '../vmcore-viewer/protocol.ts';

const KINDS: ListWordKind[] = [
  {
    flags: IND_DESTINATION,
    name: 'destination',
    description: 'IND_DESTINATION: where the sources behind it go, page by page.',
  },
  { flags: IND_INDIRECTION, name: 'indirection', description: 'IND_INDIRECTION: the list goes on in this page.' },
  { flags: IND_DONE, name: 'done', description: 'IND_DONE: the list ends.' },
  {
    flags: IND_SOURCE,
    name: 'source',
    description: 'IND_SOURCE: changes places with its destination, over the swap page.',
    isExchange: true,
  },
];

/**
 * @param words base64 of 32-bit numbers, little-endian: physical address of a word and the word by turns.
 * @returns `undefined` for no words.
 */
export function pageListModel(words: string): PageListModel | undefined {
  const bytes = Uint8Array.from(Buffer.from(words, 'base64'));
  return bytes.length === 0 ? undefined : pageListOf(new Uint32Array(bytes.buffer));
}

/** @param words physical address of a word and the word by turns. */
export function pageListOf(words: Uint32Array): PageListModel {
  return { kinds: KINDS, words: Float64Array.from(words) };
}
