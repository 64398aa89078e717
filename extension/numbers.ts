/** Numbers that a person types, and those that commands are called with. */
import * as vscode from 'vscode';

/** Asks for a number, decimal or as 0x…; `undefined` when the person does not want to. */
export async function askForNumber(prompt: string): Promise<number | undefined> {
  const isNumber = (text: string): boolean => /^\s*(0x[0-9a-f]+|\d+)\s*$/i.test(text);
  const text = await vscode.window.showInputBox({
    prompt,
    validateInput: (entered) => (isNumber(entered) ? undefined : 'A number, decimal or as 0x…'),
  });
  return text === undefined ? undefined : Number(text);
}

/** Whether an argument of a command is a page frame number, or that of an exchange: menus call commands with others. */
export function isNumberOfPage(argument: unknown): argument is number {
  return Number.isSafeInteger(argument) && Number(argument) >= 0;
}
