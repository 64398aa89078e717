/** The commands of this extension. Whatever goes wrong in one, a person is told, once and in the same way. */
import * as vscode from 'vscode';
import { UserFacingError } from '../qemu-runner/errors.ts';
import { Cancelled } from '../vmcore-viewer/core/watch.ts';

/**
 * Registers the command "kexecJump.<name>".
 * @param work takes what the command is called with: by the palette nothing, by a menu what was clicked, by a link anything.
 */
export function command(name: string, work: (...called: never[]) => unknown): vscode.Disposable {
  return vscode.commands.registerCommand(`kexecJump.${name}`, async (...called: never[]) => {
    await tellingErrors(() => work(...called));
  });
}

/** Does something, and tells of what it throws. */
export async function tellingErrors(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    tellError(error);
  }
}

/** Whoever has cancelled something knows. */
export function tellError(error: unknown): void {
  if (error instanceof Cancelled) return;
  const text = error instanceof UserFacingError ? error.describe() : (error as Error).message;
  void vscode.window.showErrorMessage(text);
}
