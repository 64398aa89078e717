/** Pieces of physical memory that are one thing for who reads them. */
import type { PhysicalMemory } from './physicalMemory.ts';

/** A piece of physical memory, in bytes. */
export interface PhysicalRun {
  address: number;
  length: number;
}

/**
 * Reads pieces of physical memory as one, or `undefined` when any of them is not there.
 * @param scratch as of `PhysicalMemory.read()`, for what is one piece, as most is.
 */
export function readRuns(memory: PhysicalMemory, runs: readonly PhysicalRun[], scratch?: Buffer): Buffer | undefined {
  const [only] = runs;
  if (only && runs.length === 1) return memory.read(only.address, only.length, scratch);
  const pieces: Buffer[] = [];
  for (const run of runs) {
    const bytes = memory.read(run.address, run.length);
    if (!bytes) return undefined;
    pieces.push(bytes);
  }
  return Buffer.concat(pieces);
}
