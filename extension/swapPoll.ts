/** Asks how far a swap has come, ten times a second, while the machine runs through one. */
import * as vscode from 'vscode';
import type { JumpState, SwapProgressBody } from '../debug-adapter/protocol.ts';
import type { JumpSessions } from './jumpSessions.ts';

const POLL_MS = 100;
const SWAPS: ReadonlySet<string> = new Set(['swapping pages', 'swapping back']);

export class SwapPoll implements vscode.Disposable {
  private timer: NodeJS.Timeout | undefined;
  private readonly subscription: vscode.Disposable;

  /** @param onProgress hears of each answer while a swap is under way. */
  constructor(
    private readonly sessions: JumpSessions,
    private readonly onProgress: (progress: SwapProgressBody) => void,
  ) {
    this.subscription = sessions.onDidChange((state) => {
      this.follow(state);
    });
  }

  dispose(): void {
    clearInterval(this.timer);
    this.subscription.dispose();
  }

  private follow(state: JumpState | undefined): void {
    clearInterval(this.timer);
    if (state?.running && SWAPS.has(state.phase)) this.timer = setInterval(() => void this.ask(), POLL_MS);
  }

  /** A machine that is gone, or whose memory cannot be looked at as it runs, has no progress. */
  private async ask(): Promise<void> {
    const { swap } = await this.sessions
      .request('kexecJump/swapProgress', {})
      .catch((): { swap?: SwapProgressBody } => ({}));
    if (swap) this.onProgress(swap);
  }
}
