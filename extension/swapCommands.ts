/** The palette's steps through the swap of pages. */
import * as vscode from 'vscode';
import type { SwapStep } from '../debug-adapter/protocol.ts';
import { command } from './command.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { askForNumber } from './numbers.ts';

/** By the names of the commands behind "kexecJump.swap". */
const STEPS = {
  Copy: 'copy',
  Page: 'page',
  Entry: 'entry',
  Indirection: 'indirection',
  End: 'end',
  PageBack: 'pageBack',
  Start: 'start',
} as const;

export function registerSwapCommands(sessions: JumpSessions): vscode.Disposable {
  const stepping = (name: string, chosen: () => Promise<SwapStep | undefined>): vscode.Disposable =>
    command(`swap${name}`, async () => {
      const step = await chosen();
      if (step) await sessions.request('kexecJump/swapStep', step);
    });
  return vscode.Disposable.from(
    ...Object.entries(STEPS).map(([name, kind]) => stepping(name, async () => Promise.resolve({ kind }))),
    stepping('ToPage', async () => {
      const number = await askForNumber('Number of the exchange in the page list, from 0');
      return number === undefined ? undefined : { kind: 'toPage', number };
    }),
    stepping('ToPfn', async () => {
      const number = await askForNumber('Page frame number of a destination or source, such as 0x2000');
      return number === undefined ? undefined : { kind: 'toPfn', number };
    }),
  );
}
