/** Hit conditions: at which of its hits a breakpoint stops. */
import { badHitCondition } from '../errors.ts';

const FORM = /^\s*(>=|<=|==|=|>|<|%)?\s*(\d+)\s*$/;

/**
 * Reads `N` (from the Nth hit on), `>N`, `>=N`, `<N`, `<=N`, `==N` or `%N` (each Nth hit).
 * @returns whether a breakpoint stops at its hit number `hits`, counted from 1.
 * @throws UserFacingError `bad-hit-condition`.
 */
export function parseHitCondition(condition: string | undefined): (hits: number) => boolean {
  if (!condition?.trim()) return () => true;
  const [, operator = '>=', digits] = FORM.exec(condition) ?? [];
  const wanted = Number(digits);
  if (digits === undefined || wanted === 0) throw badHitCondition(condition);
  switch (operator) {
    case '>':
      return (hits) => hits > wanted;
    case '<':
      return (hits) => hits < wanted;
    case '<=':
      return (hits) => hits <= wanted;
    case '%':
      return (hits) => hits % wanted === 0;
    case '>=':
      return (hits) => hits >= wanted;
    default:
      return (hits) => hits === wanted;
  }
}
