/** The banner of a kernel, which tells one build from another. Source: init/version.c, linux_banner. */
import type { KernelMemory } from './kernelMemory.ts';
import { PAGE_SIZE } from './physicalMemory.ts';
import type { SymbolTable } from './symbolTable.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

/** Bytes of a banner that are read, and of a kernel's image in which it is looked for. */
const LONGEST = 1024;
const LARGEST_IMAGE = 64 << 20;

/**
 * The text of linux_banner without its line feed: where the kernel's image has it, else by its symbol.
 * A kernel may have two: the one that was compiled first does not know its version ("#1") yet (init/version.c, scripts/link-vmlinux.sh).
 * @param symbols is asked only then: all symbols of a kernel take some 30 MB.
 * @returns `undefined` when it is not in the memory.
 */
export function readBanner(
  memory: KernelMemory,
  info: VmcoreInfo,
  symbols: () => SymbolTable | undefined,
): string | undefined {
  const start = `Linux version ${info.release ?? ''} `;
  const textAt = (address: bigint): string | undefined => {
    const inPage = PAGE_SIZE - Number(address % BigInt(PAGE_SIZE));
    const bytes = memory.read(address, LONGEST) ?? memory.read(address, Math.min(LONGEST, inPage));
    const [text = ''] = bytes?.toString('latin1').split(/[\0\n]/, 1) ?? [];
    return text.startsWith(start) && / #\d/.test(text) ? text : undefined;
  };
  const image = info.symbol('_stext') ?? 0n;
  const from = image - (image % BigInt(PAGE_SIZE));
  for (let at = 0; at < LARGEST_IMAGE; at += PAGE_SIZE) {
    const page = memory.read(from + BigInt(at), PAGE_SIZE);
    for (let found = page?.indexOf(start) ?? -1; found >= 0; found = page!.indexOf(start, found + 1)) {
      const text = textAt(from + BigInt(at + found));
      if (text !== undefined) return text;
    }
  }
  const symbol = symbols()?.address('linux_banner');
  return symbol === undefined ? undefined : textAt(symbol);
}
