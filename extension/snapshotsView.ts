/** The view Snapshots in the debug side bar, and its commands. */
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debug-adapter/protocol.ts';
import { SnapshotLibrary, type SnapshotDescription } from '../qemu-runner/snapshotLibrary.ts';
import { command } from './command.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { usersConfiguration } from './launchJson.ts';

const VIEW = 'kexecJump.snapshots';

export class SnapshotsView implements vscode.Disposable, vscode.TreeDataProvider<SnapshotDescription> {
  private readonly library = new SnapshotLibrary();
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable;

  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly sessions: JumpSessions) {
    type Work = (snapshot?: SnapshotDescription) => Promise<void>;
    const changing = (name: string, work: Work): vscode.Disposable =>
      command(name, async (snapshot?: SnapshotDescription) => {
        await work(snapshot).finally(() => {
          this.changed.fire();
        });
      });
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      vscode.window.createTreeView(VIEW, { treeDataProvider: this }),
      changing('saveSnapshot', async () => this.save()),
      changing('loadSnapshot', async (snapshot) => this.load(snapshot)),
      changing('deleteSnapshot', async (snapshot) => this.delete(snapshot)),
    );
  }

  getChildren(): SnapshotDescription[] {
    return this.library.list();
  }

  getTreeItem({ name, where, taken }: SnapshotDescription): vscode.TreeItem {
    const item = new vscode.TreeItem(name);
    const when = new Date(taken).toLocaleString();
    item.id = name;
    item.description = where;
    item.tooltip = `${name}: ${where}, taken ${when}`;
    item.iconPath = new vscode.ThemeIcon('history');
    item.contextValue = 'snapshot';
    item.accessibilityInformation = { label: item.tooltip };
    return item;
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async save(): Promise<void> {
    const names = new Set(this.library.list().map(({ name }) => name));
    const name = await vscode.window.showInputBox({
      title: 'Save Snapshot',
      prompt: 'Name of the snapshot of the whole machine',
      value: free(names),
      validateInput: (text) =>
        names.has(text.trim()) ? { message: 'It replaces the snapshot of this name', severity: WARNING } : undefined,
    });
    if (!name?.trim()) return;
    await busy(`Saving "${name.trim()}"`, async () =>
      this.sessions.request('kexecJump/saveSnapshot', { name: name.trim() }),
    );
  }

  private async load(snapshot: SnapshotDescription | undefined): Promise<void> {
    const chosen = snapshot ?? (await this.pick('Load Snapshot'));
    if (!chosen) return;
    const { name } = chosen;
    if (this.sessions.active) {
      await busy(`Loading "${name}"`, async () => this.sessions.request('kexecJump/loadSnapshot', { name }));
    } else {
      const [folder] = vscode.workspace.workspaceFolders ?? [];
      const lab = { type: DEBUG_TYPE, request: 'launch', name: `Kexec Jump: ${name}` };
      await vscode.debug.startDebugging(folder, { ...lab, ...usersConfiguration(folder), snapshot: name });
    }
  }

  private async delete(snapshot: SnapshotDescription | undefined): Promise<void> {
    const chosen = snapshot ?? (await this.pick('Delete Snapshot'));
    if (!chosen) return;
    const yes = 'Delete';
    const detail = `${chosen.where}, taken ${new Date(chosen.taken).toLocaleString()}`;
    const question = `Delete the snapshot "${chosen.name}"?`;
    if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) === yes) {
      this.library.delete(chosen.name);
    }
  }

  private async pick(title: string): Promise<SnapshotDescription | undefined> {
    const items = this.library.list().map((snapshot) => ({
      label: snapshot.name,
      description: snapshot.where,
      detail: new Date(snapshot.taken).toLocaleString(),
      snapshot,
    }));
    if (items.length === 0) throw new Error('There are no snapshots yet. Take one with "Save Snapshot…".');
    return (await vscode.window.showQuickPick(items, { title }))?.snapshot;
  }
}

const WARNING = vscode.InputBoxValidationSeverity.Warning;

/** The first of "snapshot 1", "snapshot 2"… that is not taken. */
function free(names: ReadonlySet<string>): string {
  let number = 1;
  while (names.has(`snapshot ${number}`)) number++;
  return `snapshot ${number}`;
}

async function busy(title: string, work: () => Promise<unknown>): Promise<void> {
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, work);
}
