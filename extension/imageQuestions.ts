/** What a person is asked about an image. Each answer is `undefined` when the person does not want to say. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { EntryCandidate, ImageToOpen, SearchQuery } from '../vmcore-viewer/explorer/protocol.ts';
import type { JumpSessions } from './jumpSessions.ts';

/** Why a text is not what it should be, in a sentence; `undefined` when it is. */
type Check<T> = (answer: T) => Promise<string | undefined>;

/** An image to compare with, and its name. */
export interface OtherImage extends ImageToOpen {
  name: string;
}

/** A kind of search to choose. */
interface Kind extends vscode.QuickPickItem {
  /** `kind` is VS Code's own. */
  search: SearchQuery['kind'];
  prompt: string;
}

const KINDS: readonly Kind[] = [
  {
    ...{ search: 'text', label: '$(symbol-string) Text', description: 'ASCII or UTF-8, case-sensitive' },
    prompt: 'Text, as it is in memory',
  },
  {
    search: 'textInAnyCase',
    label: '$(case-sensitive) Text in Any Case',
    prompt: 'Text; ASCII letters in either case',
  },
  {
    ...{ search: 'bytes', label: '$(file-binary) Bytes', description: 'in hexadecimal' },
    prompt: 'Bytes in the order of memory: de ad be ef, or 0xdeadbeef',
  },
  {
    ...{ search: 'pointer', label: '$(references) Pointer', description: 'a word of the kernel that holds an address' },
    prompt: 'A value 0x…, a symbol, pfn N (its address in the direct mapping), or page N (its struct page)',
  },
];

export async function askForSearch(check: Check<SearchQuery>): Promise<SearchQuery | undefined> {
  const title = 'Search Memory Image';
  const chosen = await vscode.window.showQuickPick(KINDS, { title, placeHolder: 'What to look for' });
  if (!chosen) return undefined;
  const { search: kind, prompt } = chosen;
  const text = await vscode.window.showInputBox({
    title,
    prompt,
    validateInput: async (entered) => (entered === '' ? undefined : check({ kind, text: entered })),
  });
  return text ? { kind, text } : undefined;
}

export async function askForAddress(): Promise<string | undefined> {
  return vscode.window.showInputBox({
    title: 'Show Page',
    prompt:
      '0x… (virtual of the kernel, else physical), p:0x… physical, v:0x… virtual, pfn N, or a symbol of the kernel',
  });
}

/** @param found what the image has, and `shown` the one whose jump is shown. */
export async function askForEntry(
  found: readonly EntryCandidate[],
  shown: number | undefined,
  check: Check<number>,
): Promise<number | 'none' | undefined> {
  const title = 'Set Re-entry Point';
  const items: (vscode.QuickPickItem & { entry?: number | 'none' })[] = [
    ...found.map(({ entry, exchanges }) => ({
      label: `0x${entry.toString(16)}`,
      description: `exchanges ${exchanges} pages${entry === shown ? ', shown now' : ''}`,
      entry,
    })),
    {
      label: 'None',
      description: `memory as it is${shown === undefined ? ', shown now' : ''}`,
      entry: 'none',
    },
    { label: 'Another Address…' },
  ];
  const chosen = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: 'By which jump the kernel has left whose memory this is',
  });
  if (!chosen || chosen.entry !== undefined) return chosen?.entry;
  const text = await vscode.window.showInputBox({
    title,
    prompt: 'Physical address: the number behind kexec_jump_back_entry= on the command line of the other kernel',
    placeHolder: '0x…',
    validateInput: async (entered) => {
      if (entered.trim() === '') return undefined;
      return /^\s*(0x)?[0-9a-f]{1,13}\s*$/i.test(entered) ? check(addressOf(entered)) : 'A number in hexadecimal: 0x…';
    },
  });
  return text?.trim() ? addressOf(text) : undefined;
}

const addressOf = (text: string): number => parseInt(text.trim().replace(/^0x/i, ''), 16);

const MEBIBYTE = 1 << 20;

/** How much memory kernel C has. @param known bytes, as answered before. @returns `bytes`, which are `undefined` when it is not known. */
export async function askForLoaderMemory(
  known: number | undefined,
): Promise<{ bytes: number | undefined } | undefined> {
  const text = await vscode.window.showInputBox({
    title: 'Memory of Kernel C',
    prompt: 'MiB that the kernel has which is to resume this image (its mem=, or all of the machine); empty: not known',
    ...(known === undefined ? {} : { value: String(known / MEBIBYTE) }),
    validateInput: (entered) => (/^\s*(0*[1-9]\d{0,8})?\s*$/.test(entered) ? undefined : 'A whole number of MiB: 256'),
  });
  if (text === undefined) return undefined;
  return { bytes: text.trim() === '' ? undefined : Number(text) * MEBIBYTE };
}

/** A file or, while a session is under way, its machine. @throws Error with a sentence when that has no RAM file. */
export async function askForOther(sessions: JumpSessions): Promise<OtherImage | undefined> {
  const title = 'Compare with…';
  if (sessions.active) {
    const [file, machine] = ['A File…', 'The Running Machine'];
    const chosen = await vscode.window.showQuickPick([machine, file], { title });
    if (chosen === undefined) return undefined;
    if (chosen === machine) {
      const { path, entry } = await sessions.request('kexecJump/machineMemory', {});
      return { paths: [path], entry: entry ?? 'none', name: 'the running machine' };
    }
  }
  const chosen = await vscode.window.showOpenDialog({ title, openLabel: 'Compare', canSelectMany: true });
  const [first] = chosen ?? [];
  return first && { paths: chosen!.map(({ fsPath }) => fsPath), name: basename(first.fsPath) };
}
