/** Changes come in bursts: a phase, a stop, a state. */
import * as vscode from 'vscode';

const SETTLE_MS = 100;

/** Does something once when a burst of events is over. */
export function whenSettled(work: () => void, ...events: readonly vscode.Event<unknown>[]): vscode.Disposable {
  let settling: NodeJS.Timeout | undefined;
  const later = (): void => {
    clearTimeout(settling);
    settling = setTimeout(work, SETTLE_MS);
  };
  return vscode.Disposable.from(...events.map((event) => event(later)), {
    dispose: () => {
      clearTimeout(settling);
    },
  });
}
