/** Long work that tells how far it is and can be ended in the middle of it, though it waits for nothing. */

/**
 * Hears of work under way, a few times a second at least. `done` and `total` are of any unit.
 * @throws Cancelled when nobody waits for the work any more: whoever is at work lets it pass.
 */
export type Watch = (done: number, total: number) => void;

/** A watch for each step of some work. @param doing what a person reads, such as "Looking for kernels". */
export type Watcher = (doing: string) => Watch;

/** Nobody looks. */
export const UNWATCHED: Watch = () => undefined;

/** Work was ended by the person who had asked for it. No `MemoryError`: nothing is wrong with the memory. */
export class Cancelled extends Error {
  constructor() {
    super('This was cancelled.');
    this.name = 'Cancelled';
  }
}
