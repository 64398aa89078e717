/** "Open Memory…": a place of a kernel's or of the machine's memory in Microsoft's hex editor. */
import * as vscode from 'vscode';
import type { JumpSessions } from './jumpSessions.ts';

const HEX_EDITOR = { extension: 'ms-vscode.hexeditor', viewType: 'hexEditor.hexedit' } as const;

/** VS Code's own file system of what a debug session can read; the hex editor is told where to begin. */
export function memoryUri(session: string, memoryReference: string): vscode.Uri {
  return vscode.Uri.from({
    scheme: 'vscode-debug-memory',
    authority: session,
    path: `/${encodeURIComponent(memoryReference)}/memory.bin`,
  });
}

export async function openMemory(sessions: JumpSessions): Promise<void> {
  const session = sessions.active;
  if (!session) return;
  const reference = await vscode.window.showInputBox({
    title: 'Open Memory',
    prompt: 'Virtual: 0x…, A:0x…, B:&init_task. Physical: physical:0x…',
    placeHolder: 'A:&init_task',
    validateInput: async (text) => reasonAgainst(session, text),
  });
  if (!reference) return;
  if (!vscode.extensions.getExtension(HEX_EDITOR.extension)) {
    const install = 'Install Hex Editor';
    const chosen = await vscode.window.showInformationMessage(
      "Memory is shown by Microsoft's Hex Editor, which is not installed.",
      install,
    );
    if (chosen !== install) return;
    await vscode.commands.executeCommand('workbench.extensions.installExtension', HEX_EDITOR.extension);
  }
  await vscode.commands.executeCommand('vscode.openWith', memoryUri(session.id, reference), HEX_EDITOR.viewType);
}

async function reasonAgainst(session: vscode.DebugSession, memoryReference: string): Promise<string | undefined> {
  if (!memoryReference) return undefined;
  try {
    const { unreadableBytes = 0 } = (await session.customRequest('readMemory', { memoryReference, count: 1 })) as {
      unreadableBytes?: number;
    };
    return unreadableBytes > 0 ? 'There is no memory at this address' : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
