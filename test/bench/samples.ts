/** Samples of one quantity, and what is told of them. */
import type { ContenderName } from './contender.ts';

/** Who is measured: the debuggers, and QEMU's gdbstub with nobody before it. */
export type MeasuredName = ContenderName | 'QEMU stub';

/** Samples by who was measured, in the unit of the quantity. */
export type Samples = Map<MeasuredName, number[]>;

/** In the unit of the samples. */
export interface Summary {
  median: number;
  mean: number;
  /** How many samples there are. */
  count: number;
}

/** Says what there is to say of samples, of which there is at least one. */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((one, other) => one - other);
  const [lower, upper] = [Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2)];
  return {
    median: (sorted[lower]! + sorted[upper]!) / 2,
    mean: sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length,
    count: sorted.length,
  };
}

/** Milliseconds that some work takes. */
export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
