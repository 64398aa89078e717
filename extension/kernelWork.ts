/** "Get a Kernel Tree to Work On…" and "Make a Patch of the Edits…". */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { makeLabTree } from '../qemu-runner/guest/labTree.ts';
import { makePatch, placeBeside } from '../qemu-runner/kernelTree/patch.ts';
import { command } from './command.ts';
import { ownTrees } from './kernelPlaces.ts';

export function registerKernelWork(): vscode.Disposable {
  return vscode.Disposable.from(command('getTree', getTree), command('makePatch', makePatchOfEdits));
}

async function getTree(): Promise<void> {
  const title = 'Get a Kernel Tree to Work On';
  const folder = await vscode.window.showInputBox({
    title,
    prompt: "Folder to be made: the lab's kernel source under git, and its build (2 minutes, 3 GB)",
    value: join(homedir(), 'linux-kexec-jump'),
    validateInput: (path) =>
      existsSync(path) && readdirSync(path).length > 0
        ? 'This folder is not empty: name one that does not exist'
        : undefined,
  });
  if (!folder) return;
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  const { source } = await vscode.window.withProgress(options, async (progress, token) => {
    const abort = new AbortController();
    token.onCancellationRequested(() => {
      abort.abort();
    });
    let shown = 0;
    return makeLabTree(folder, {
      signal: abort.signal,
      onProgress: ({ step, detail, fraction = shown }) => {
        progress.report({ message: [step, detail].filter(Boolean).join(': '), increment: (fraction - shown) * 100 });
        shown = fraction;
      },
    });
  });
  const [here, elsewhere] = ['Open', 'Open in New Window'];
  const chosen = await vscode.window.showInformationMessage(`The kernel tree is in ${source}.`, here, elsewhere);
  if (!chosen) return;
  const target = vscode.Uri.file(source);
  await vscode.commands.executeCommand('vscode.openFolder', target, { forceNewWindow: chosen === elsewhere });
}

async function makePatchOfEdits(): Promise<void> {
  const folder = await chooseTree();
  if (folder === undefined) return;
  const title = 'Make a Patch of the Edits';
  const prompt = 'What the patch does, in one line: its subject';
  const subject = await vscode.window.showInputBox({ title, prompt, value: 'kexec: ', valueSelection: [7, 7] });
  if (subject === undefined) return;
  await vscode.workspace.saveAll();
  const patch = await makePatch(folder, subject.replace(/^\w+:\s*$/, ''));
  // Nothing is written yet: saving it puts it beside the tree, where it is part of no later patch.
  const place = vscode.Uri.file(placeBeside(patch)).with({ scheme: 'untitled' });
  const document = await vscode.workspace.openTextDocument(place);
  const whole = new vscode.WorkspaceEdit();
  whole.insert(place, new vscode.Position(0, 0), patch.text);
  await vscode.workspace.applyEdit(whole);
  await vscode.languages.setTextDocumentLanguage(document, 'diff');
  const description = document.getText().indexOf('\n\n') + 2;
  const end = document.getText().indexOf('\n\n', description);
  const selection = new vscode.Range(document.positionAt(description), document.positionAt(end));
  await vscode.window.showTextDocument(document, { selection });
}

/** A folder of the tree: of the only one that launch.json names, of the chosen one, else that of the file in the editor. */
async function chooseTree(): Promise<string | undefined> {
  const [first, ...others] = ownTrees();
  if (first === undefined) {
    const file = vscode.window.activeTextEditor?.document.uri;
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    return file?.scheme === 'file' ? dirname(file.fsPath) : folder?.uri.fsPath;
  }
  if (others.length === 0) return first.source;
  const sources = [...new Set([first, ...others].map(({ source }) => source))];
  return sources.length === 1
    ? sources[0]
    : vscode.window.showQuickPick(sources, { title: 'Make a Patch of the Edits: Tree' });
}
