/** "Kexec Hibernate…" and "Kexec Resume…": kernel A saved to a file, and brought back from one. */
import * as vscode from 'vscode';
import {
  DEBUG_TYPE,
  describeTransfer,
  type HibernateWish,
  type HibernationReport,
  type TransferEvent,
} from '../debug-adapter/protocol.ts';
import { SavedImages, type SavedImage } from '../qemu-runner/savedImages.ts';
import { command } from './command.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { usersConfiguration } from './launchJson.ts';
import type { Preflight } from './preflight.ts';

type Choice<Value> = vscode.QuickPickItem & { value: Value };

const LEVELS: readonly Choice<HibernateWish['level']>[] = [
  {
    value: 17,
    label: 'Without Zero and Free Pages',
    description: 'level 17',
    detail: 'The smallest image that kernel A can be resumed from.',
  },
  {
    value: 1,
    label: 'Without Zero Pages',
    description: 'level 1',
    detail: 'Free pages are kept: what was in them can be looked at.',
  },
  { value: 16, label: 'Without Free Pages', description: 'level 16', detail: 'Zero pages are kept.' },
  { value: 0, label: 'All Pages', description: 'level 0', detail: 'As large as the memory of kernel A.' },
];
const ENDS: readonly Choice<HibernateWish['after']>[] = [
  { value: 'poweroff', label: 'Power Off', detail: 'The session ends; resume the image later.' },
  { value: 'back', label: 'Jump Back', detail: 'Kernel A goes on at once, and can be resumed from the image as well.' },
  {
    value: 'suspend',
    label: 'Suspend to RAM',
    detail: 'When it is woken, kernel A goes on at once; if its power is lost, resume the image. Kernel B needs ACPI.',
  },
  { value: 'stay', label: 'Stay in Kernel B', detail: 'Nothing more happens.' },
];
const MB = 1e6;

export class HibernationCommands implements vscode.Disposable {
  private readonly images = new SavedImages();
  private readonly subscriptions: vscode.Disposable;

  constructor(
    private readonly sessions: JumpSessions,
    private readonly preflight: Preflight,
  ) {
    this.subscriptions = vscode.Disposable.from(
      command('hibernate', async () => this.hibernate()),
      command('resume', async () => this.resume()),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async hibernate(): Promise<void> {
    const level = await vscode.window.showQuickPick(LEVELS, { title: 'Kexec Hibernate (1/3): What Is Saved' });
    const after = level && (await vscode.window.showQuickPick(ENDS, { title: 'Kexec Hibernate (2/3): And Then' }));
    const name = after && (await this.askForName());
    if (!name) return;
    const path = this.images.pathOf(name);
    const wish: HibernateWish = { path, level: level.value, after: after.value };
    if (!(await this.preflight.mayGoOn('Kexec Hibernate', wish))) return;
    const report = await this.whileShown(`Kexec Hibernate: ${name}`, async () =>
      this.sessions.request('kexecJump/hibernate', wish),
    );
    await this.tell(name, report, after.value);
  }

  private async askForName(): Promise<string | undefined> {
    const taken = new Set(this.images.list().map(({ name }) => name));
    let number = 1;
    while (taken.has(`hibernated ${number}`)) number++;
    const name = await vscode.window.showInputBox({
      title: 'Kexec Hibernate (3/3): Name of the Image',
      value: `hibernated ${number}`,
      validateInput: (text) =>
        taken.has(text.trim())
          ? { message: 'It replaces the image of this name', severity: vscode.InputBoxValidationSeverity.Warning }
          : undefined,
    });
    return name?.trim();
  }

  /** With a bar that follows what is transferred, and a button that ends it. */
  private async whileShown<T>(title: string, work: () => Promise<T>): Promise<T> {
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return vscode.window.withProgress(options, async (progress, cancelled) => {
      let shown = 0;
      let doing: TransferEvent['what'] | undefined;
      const following = this.sessions.onDidTransfer((event) => {
        if (event.what !== doing) shown = 0;
        doing = event.what;
        const percent = (event.bytes / Math.max(event.total, 1)) * 100;
        progress.report({ message: describeTransfer(event), increment: percent - shown });
        shown = percent;
      });
      cancelled.onCancellationRequested(() => {
        void this.sessions.request('kexecJump/cancelHibernate', {}).catch(() => undefined);
      });
      try {
        return await work();
      } finally {
        following.dispose();
      }
    });
  }

  private async tell(name: string, report: HibernationReport, after: HibernateWish['after']): Promise<void> {
    const { path, bytes, seconds, compared } = report;
    const sleeps = after === 'suspend' ? ' The machine sleeps until it is woken.' : '';
    const text = `"${name}" is saved: ${Math.round(bytes / MB)} MB in ${seconds.toFixed(1)} s. All ${compared} pages are as they are in memory.${sleeps}`;
    const [open, resume, wake] = ['Open Image', 'Resume', 'Wake'];
    const next = { poweroff: [resume], suspend: [wake], back: [], stay: [] }[after];
    const chosen = await vscode.window.showInformationMessage(text, open, ...next);
    if (chosen === wake) await vscode.commands.executeCommand('kexecJump.wake');
    if (chosen === open) await vscode.commands.executeCommand('kexecJump.openImage', vscode.Uri.file(path));
    if (chosen === resume) await this.start(path, name);
  }

  private async resume(): Promise<void> {
    const browse = 'Browse…';
    const items = this.images.list().map((image) => ({ ...describeImage(image), image }));
    const other = { label: `$(folder-opened) ${browse}`, image: undefined };
    const chosen = await vscode.window.showQuickPick([...items, other], { title: 'Kexec Resume' });
    if (!chosen) return;
    if (chosen.image) {
      await this.start(chosen.image.path, chosen.image.name);
      return;
    }
    const [file] = (await vscode.window.showOpenDialog({ title: 'Kexec Resume', openLabel: 'Resume' })) ?? [];
    if (file) await this.start(file.fsPath, file.path.split('/').at(-1) ?? file.fsPath);
  }

  private async start(path: string, name: string): Promise<void> {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    const own = { type: DEBUG_TYPE, request: 'launch', name: `Kexec Resume: ${name}`, resume: path };
    // The image says how much memory the machine has, and that it begins here.
    const others = { memory: undefined, snapshot: undefined, core: undefined, hibernate: undefined };
    await vscode.debug.startDebugging(folder, { ...usersConfiguration(folder), ...others, ...own });
  }
}

function describeImage({ name, bytes, savedAt }: SavedImage): vscode.QuickPickItem {
  return { label: name, description: `${Math.round(bytes / MB)} MB`, detail: savedAt.toLocaleString() };
}
