/** Where the tracker waits for the machine to come by, and what it does there. */
import type { Router } from '../rsp/router.ts';
import { TRACKER, type MachineStop, type TrackerOutcome } from '../rsp/runState.ts';

/** Looks at a stop at an expected place. */
export type PlaceHandler = (stop: MachineStop) => TrackerOutcome | Promise<TrackerOutcome>;

/** An address as the CPU has it then, physical where paging is off, and what is done there. */
export type Place = readonly [address: number, handler: PlaceHandler];

export class Places {
  private handlers = new Map<number, PlaceHandler>();

  constructor(private readonly router: Router) {}

  /** Waits at these, and nowhere else any more. */
  expect(...places: readonly Place[]): void {
    this.handlers = new Map(places);
  }

  /** Waits at these as well. */
  also(...places: readonly Place[]): void {
    for (const [address, handler] of places) this.handlers.set(address, handler);
  }

  /** Waits there no longer. */
  leave(address: number): void {
    this.handlers.delete(address);
  }

  at(address: number): PlaceHandler | undefined {
    return this.handlers.get(address);
  }

  /** All of them, to be expected again. */
  get all(): readonly Place[] {
    return [...this.handlers];
  }

  /** Makes the machine stop at exactly these. @returns whether QEMU took all of them. */
  async arm(): Promise<boolean> {
    const breakpoints = [...this.handlers.keys()].map((address) => ({ kind: 1, address, length: 1 }) as const);
    return this.router.replace(TRACKER, breakpoints);
  }
}
