/** How a kernel's gdb calls the CPUs: its threads, numbered from 1 on in the CPUs' order. */
import { text, type MiTuple } from './mi.ts';

/** gdb's number of a CPU. */
export const threadNumber = (cpu: number): number => cpu + 1;

/** MI's option that picks a CPU. */
export const threadOption = (cpu: number): string => `--thread ${threadNumber(cpu)}`;

/** The same in a stop record. */
export const threadField = (cpu: number): { 'thread-id': string } => ({ 'thread-id': String(threadNumber(cpu)) });

/** The CPU that a stop record is of. */
export const cpuOfStop = (stop: MiTuple): number => Number(text(stop['thread-id']) || 1) - 1;
