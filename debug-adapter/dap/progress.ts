/** Progress of what takes long, as DAP tells it. */
import { ProgressEndEvent, ProgressStartEvent, ProgressUpdateEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';

const ID = 'kexec-jump-start';

/** One bar at a time: a new title replaces the one before. Does nothing for a client without progress. */
export class Progress {
  private title: string | undefined;

  constructor(private readonly send: ((event: DebugProtocol.Event) => void) | undefined) {}

  /** @param fraction of the whole, 0 to 1, if known. */
  report(title: string, message: string, fraction?: number): void {
    if (!this.send) return;
    const percentage = fraction === undefined ? {} : { percentage: Math.round(fraction * 100) };
    if (this.title !== title) {
      this.end();
      this.title = title;
      const start: DebugProtocol.ProgressStartEvent = new ProgressStartEvent(ID, title, message);
      start.body.cancellable = false;
      Object.assign(start.body, percentage);
      this.send(start);
    } else {
      const update: DebugProtocol.ProgressUpdateEvent = new ProgressUpdateEvent(ID, message);
      Object.assign(update.body, percentage);
      this.send(update);
    }
  }

  end(): void {
    if (this.title !== undefined) this.send?.(new ProgressEndEvent(ID));
    this.title = undefined;
  }
}
