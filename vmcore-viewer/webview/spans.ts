/** Spans of time in words and in pixels. */
import type { TimelineSpan } from '../protocol.ts';

/** Pixels that a span gets beyond its words for each tenfold of milliseconds. */
const PIXELS_A_TENFOLD = 14;

/** A duration in a few characters, with as much precision as it has: 3 ms, 1.25 s, 12.5 s, 2 min 05 s. */
export function durationOf(seconds: number): string {
  if (seconds < 0.0005) return '<1 ms';
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** How long a span lasted, or since when it lasts. */
export function lastedOf({ begin, end }: TimelineSpan): string {
  return end === undefined ? `since ${durationOf(begin)}` : durationOf(end - begin);
}

/**
 * Pixels that a span gets beyond its words. Spans last from milliseconds to minutes: in proportion only the longest would
 * be seen, so it is the logarithm that makes them wider.
 */
export function growthOf({ begin, end = begin }: TimelineSpan): number {
  return Math.round(PIXELS_A_TENFOLD * Math.log10(1 + Math.max(0, end - begin) * 1000));
}

/** A span in lines: its name and whose it is, what happens in it, when. */
export function describeSpan(span: TimelineSpan): string[] {
  const { label, group, detail, begin, end } = span;
  const when =
    end === undefined
      ? `Since ${durationOf(begin)}; it lasts`
      : `${durationOf(end - begin)}: from ${durationOf(begin)} to ${durationOf(end)}`;
  return [`${label}, ${group}`, ...detail.split('\n'), when];
}
