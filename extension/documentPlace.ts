/** Where documents of one kind are shown: they share a column, beside what a person looks at. */
import * as vscode from 'vscode';

/** The column in which a document of a scheme is in sight already, else the one beside. */
export function placeOf(scheme: string): vscode.ViewColumn {
  const shown = vscode.window.visibleTextEditors.find(({ document }) => document.uri.scheme === scheme);
  return shown?.viewColumn ?? vscode.ViewColumn.Beside;
}
