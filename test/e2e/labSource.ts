/** The lab's kernel: its source, as the editor is to show it, and its size. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findLab, type Lab } from '../../qemu-runner/guest/lab.ts';
import { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';

function builtLab(): Lab {
  const lab = findLab();
  assert.ok(lab, 'The lab guest has not been built. Build it with "node dist/cli.cjs build".');
  return lab;
}

/** The folder of the patched kernel tree. */
export function labSourceFolder(): string {
  return builtLab().sourceDirectory;
}

/** How many pages the kernel's text has. */
export function pagesOfText(): number {
  const file = new KernelFile(builtLab().vmlinux);
  const [start, end] = ['_text', '_etext'].map((name) => file.symbol(name)!.address);
  file.close();
  return Math.ceil((end! - start!) / PAGE_SIZE);
}

/** The lines of a file of the kernel tree. */
export function sourceLines(file: string): string[] {
  return readFileSync(join(labSourceFolder(), file), 'utf8').split('\n');
}

/** The first line (from 1) with `text` that comes behind the first line with `after`. */
export function lineWith(file: string, text: string, after: string): number {
  const lines = sourceLines(file);
  const start = lines.findIndex((line) => line.includes(after));
  const found = lines.findIndex((line, index) => index > start && line.includes(text));
  assert.ok(start >= 0 && found > start, `${file} of the lab has no "${text}" behind "${after}"`);
  return found + 1;
}

/** A line without what an editor shows in its own way: tabs and the blanks around. */
export const plain = (line: string): string => line.replaceAll(/\s+/g, ' ').trim();
