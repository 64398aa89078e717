/** Waiting for what a person would wait for, with a limit and with a sentence that shows what was there instead. */
import { setTimeout as sleep } from 'node:timers/promises';
import { notSeen } from './errors.ts';

/** How long a reaction of VS Code may take when nobody says otherwise, in milliseconds: on a busy machine. */
export const DEFAULT_WAIT_MS = 60_000;

/**
 * Calls `look` until it gives something that is neither `undefined` nor `false`, and gives that.
 * `what` is the subject of the sentence of the failure: "<what> did not appear in VS Code's window within …".
 * `evidence` says what is there instead.
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  evidence: () => unknown,
  withinMs: number = DEFAULT_WAIT_MS,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw notSeen(what, withinMs / 1000, JSON.stringify(await evidence(), undefined, 2));
    await sleep(100);
  }
}

/** Whether a text is what was asked for: contains the string, or matches the expression. */
export function matches(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
}
