/** What the user's launch.json says. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debug-adapter/protocol.ts';

/** The first configuration of ours in the launch.json: a snapshot or an image is of its kernels, most likely. */
export function usersConfiguration(folder: vscode.WorkspaceFolder | undefined): vscode.DebugConfiguration | undefined {
  return usersConfigurations(folder)[0];
}

/** All of ours in the launch.json. */
export function usersConfigurations(folder: vscode.WorkspaceFolder | undefined): vscode.DebugConfiguration[] {
  const configurations = vscode.workspace.getConfiguration('launch', folder).get<unknown>('configurations');
  if (!Array.isArray(configurations)) return [];
  return (configurations as vscode.DebugConfiguration[]).filter(({ type }) => type === DEBUG_TYPE);
}

/** VS Code puts in a launch.json's variables only when a session starts; these are the ones that paths have. */
export function withVariables<Value>(value: Value, folder: vscode.WorkspaceFolder | undefined): Value {
  const replaced = JSON.stringify(value, (_, text: unknown) =>
    typeof text === 'string'
      ? text.replaceAll(
          /\$\{(\w+)(?::([^}]*))?\}/g,
          (whole, name: string, argument?: string) => variable(name, argument, folder) ?? whole,
        )
      : text,
  );
  return JSON.parse(replaced) as Value;
}

function variable(
  name: string,
  argument: string | undefined,
  folder: vscode.WorkspaceFolder | undefined,
): string | undefined {
  if (name === 'userHome') return homedir();
  if (name === 'env') return process.env[argument ?? ''] ?? '';
  if (name !== 'workspaceFolder') return undefined;
  const named = vscode.workspace.workspaceFolders?.find((other) => other.name === argument);
  return (named ?? folder)?.uri.fsPath ?? '';
}
