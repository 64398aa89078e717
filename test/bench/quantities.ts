/** What is measured, in which unit, and what we aim at. */
import type { MeasuredName } from './samples.ts';

/** Medians by who was measured, in the quantity's unit. */
export type Medians = ReadonlyMap<MeasuredName, number>;

export interface Aim {
  text: string;
  /** Whether our median reaches it; `undefined` when what it is compared with was not measured. */
  isMet(ours: number, medians: Medians): boolean | undefined;
}

export interface Quantity {
  title: string;
  unit: 'ms' | 'MiB/s';
  aim: Aim;
}

export const QUANTITIES = {
  stepInstruction: { title: 'step by instruction', unit: 'ms', aim: atMost(1.2, 'plain gdb') },
  stepInto: { title: 'step by line, into calls', unit: 'ms', aim: atMost(0.7, 'plain gdb') },
  stepOver: { title: 'step by line, over calls', unit: 'ms', aim: atMost(0.7, 'plain gdb') },
  paint: { title: 'stop to painted', unit: 'ms', aim: atMost(0.5, 'npm adapter') },
  memory: { title: 'memory read, 1 MiB', unit: 'MiB/s', aim: atLeast(20, 'QEMU stub') },
  memoryInside: { title: 'the same within the adapter', unit: 'MiB/s', aim: atLeast(20, 'QEMU stub') },
  dormant: { title: 'backtrace of a dormant kernel', unit: 'ms', aim: below(50) },
  symbols: { title: "gdb's start until it may connect", unit: 'ms', aim: below(1000) },
} as const satisfies Record<string, Quantity>;

export type QuantityName = keyof typeof QUANTITIES;

export const isQuantity = (name: string): name is QuantityName => Object.hasOwn(QUANTITIES, name);

function atMost(factor: number, whose: MeasuredName): Aim {
  return compared(`≤ ${factor} of ${whose}`, whose, (ours, theirs) => ours <= factor * theirs);
}

function atLeast(factor: number, whose: MeasuredName): Aim {
  return compared(`≥ ${factor} of ${whose}`, whose, (ours, theirs) => ours >= factor * theirs);
}

function below(limit: number): Aim {
  return { text: `< ${limit}`, isMet: (ours) => ours < limit };
}

function compared(text: string, whose: MeasuredName, holds: (ours: number, theirs: number) => boolean): Aim {
  return {
    text,
    isMet: (ours, medians) => {
      const theirs = medians.get(whose);
      return theirs === undefined ? undefined : holds(ours, theirs);
    },
  };
}
