/** "Show Global Variable…": a search as one types; what is chosen stays in the scope Globals. */
import * as vscode from 'vscode';
import { tellError } from './command.ts';
import type { JumpSessions } from './jumpSessions.ts';

const SEARCH_DELAY_MS = 100;

export async function showGlobalVariable(sessions: JumpSessions): Promise<void> {
  const name = await pickGlobal(sessions);
  if (name === undefined) return;
  await sessions.request('kexecJump/showGlobal', { name });
}

async function pickGlobal(sessions: JumpSessions): Promise<string | undefined> {
  const picker = vscode.window.createQuickPick();
  picker.title = 'Show Global Variable';
  picker.placeholder = 'Part of its name, such as kexec_image';
  let timer: NodeJS.Timeout | undefined;
  const search = async (text: string): Promise<void> => {
    try {
      const { names } = await sessions.request('kexecJump/findGlobals', { text });
      if (picker.value === text) picker.items = names.map((label) => ({ label }));
    } catch (error) {
      picker.hide();
      tellError(error);
    }
  };
  picker.onDidChangeValue((text) => {
    clearTimeout(timer);
    timer = setTimeout(() => void search(text), SEARCH_DELAY_MS);
  });
  const picked = new Promise<string | undefined>((resolve) => {
    picker.onDidAccept(() => {
      resolve(picker.selectedItems[0]?.label);
    });
    picker.onDidHide(() => {
      resolve(undefined);
    });
  });
  picker.show();
  void search('');
  return picked.finally(() => {
    clearTimeout(timer);
    picker.dispose();
  });
}
