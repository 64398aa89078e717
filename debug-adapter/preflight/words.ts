/** Numbers of the preflight in words. */
import { hex } from '../../vmcore-viewer/core/errors.ts';
import type { Window } from '../../qemu-runner/window.ts';

const MIB = 1 << 20;

/** Bytes as MiB with a digit behind the point where it says something. */
export function mib(bytes: number): string {
  return `${Math.round((bytes / MIB) * 10) / 10} MiB`;
}

/** First and last byte. */
export const inHex = ({ min, max }: Window): string => `${hex(min)}-${hex(max)}`;

export const sizeOf = ({ min, max }: Window): number => max + 1 - min;
