/** The window: the physical memory that kernel B gets, all of it destinations of the jump. */
import { windowDoesNotFit } from './errors.ts';

/** Physical addresses of the window in bytes; `max` is the last byte, as kexec's --mem-max. */
export interface Window {
  min: number;
  max: number;
}

/** The window by name: `low` swaps out A's own text, as the mails of 2007 did; `high` leaves it where it is. */
export const NAMED_WINDOWS = {
  low: { min: 0x100000, max: 0x1ffffff },
  high: { min: 0x2000000, max: 0x3ffffff },
} as const satisfies Record<string, Window>;

export type WindowSetting = keyof typeof NAMED_WINDOWS | Window;

const MIB = 1 << 20;
/** Kernel B with its initial RAM disk does not start in less, in bytes. */
const SMALLEST = 12 << 20;
/** Kernel A needs at least this for itself, beside the source pages, in bytes. */
export const LEFT_FOR_A = 24 << 20;

/** The window that a setting names, whether or not it fits. */
export function windowOf(setting: WindowSetting): Window {
  return typeof setting === 'string' ? NAMED_WINDOWS[setting] : setting;
}

/**
 * Resolves the setting of a launch configuration.
 * @param memory the machine's memory in MiB.
 * @throws UserFacingError `window-does-not-fit`, which says why.
 */
export function resolveWindow(setting: WindowSetting, memory: number): Window {
  const window = windowOf(setting);
  const bytes = memory * MIB;
  const size = window.max + 1 - window.min;
  const inHex = `0x${window.min.toString(16)}-0x${window.max.toString(16)}`;
  if (window.min % 4096 !== 0 || (window.max + 1) % 4096 !== 0) {
    throw windowDoesNotFit(`${inHex} does not begin and end at a page`);
  }
  if (size < SMALLEST) throw windowDoesNotFit(`${inHex} is ${mebibytes(size)}, kernel B needs ${mebibytes(SMALLEST)}`);
  if (window.max >= bytes) throw windowDoesNotFit(`${inHex} ends behind the machine's memory of ${memory} MiB`);
  // Every destination needs a source page outside the window (kernel/kexec_core.c, kimage_alloc_page).
  if (bytes - size < size + LEFT_FOR_A) {
    throw windowDoesNotFit(`${mebibytes(size)} of ${memory} MiB leave too little to swap kernel A's pages to`);
  }
  return window;
}

function mebibytes(bytes: number): string {
  return `${Math.round((bytes / MIB) * 10) / 10} MiB`;
}
