/** Brings QEMU's breakpoints to what the table wants, one change after the other. */
import type { BreakpointTable, Owner } from './breakpoints.ts';
import type { RspClient } from './client.ts';

export class Arming {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly breakpoints: BreakpointTable,
    private readonly qemu: RspClient,
    /** Whose breakpoints are to be armed, and no others. */
    private readonly owners: () => readonly Owner[],
  ) {}

  /** Arms what is wanted. @returns whether QEMU took all of it. */
  async arm(): Promise<boolean> {
    const armed = this.last.then(async () => this.sendChanges());
    this.last = armed.catch(() => undefined);
    return armed;
  }

  /** Sends all changes at once; disarming needs no answer. */
  private async sendChanges(): Promise<boolean> {
    const answers = this.breakpoints.changesFor(this.owners()).map(async (change) => {
      const answer = this.qemu.request(change.packet);
      if (change.isRemoval) {
        this.breakpoints.acknowledge(change);
        // The link is lost: the router hears of that by itself.
        answer.catch(() => undefined);
        return true;
      }
      const isTaken = (await answer) === 'OK';
      if (isTaken) this.breakpoints.acknowledge(change);
      return isTaken;
    });
    return (await Promise.all(answers)).every(Boolean);
  }
}
