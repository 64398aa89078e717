/** Work that may take long: after a second it is shown, with how far it is and a way to cancel it. */
import * as vscode from 'vscode';
import type { Patience } from '../vmcore-viewer/explorer/client.ts';

const SHOWN_AFTER_MS = 1000;

/** @param onShown hears that it takes long. @returns what the work returns. @throws what it throws: `Cancelled` when the person has cancelled it. */
export async function longWork<T>(
  title: string,
  work: (patience: Patience) => Promise<T>,
  onShown?: () => void,
): Promise<T> {
  const abort = new AbortController();
  let seen: vscode.Progress<{ message?: string }> | undefined;
  const progress = (doing: string, fraction: number): void => {
    seen?.report({ message: `${doing}: ${Math.floor(fraction * 100)} %` });
  };
  const working = work({ signal: abort.signal, progress });
  const timer = setTimeout(() => {
    onShown?.();
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    void vscode.window.withProgress(options, async (shown, token) => {
      seen = shown;
      token.onCancellationRequested(() => {
        abort.abort();
      });
      // Whoever asked hears of a failure.
      await working.catch(() => undefined);
    });
  }, SHOWN_AFTER_MS);
  try {
    return await working;
  } finally {
    clearTimeout(timer);
  }
}
