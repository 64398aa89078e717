/** "Check Before a Jump": what would break as a document, and the questions before a jump that would. */
import { spawn } from 'node:child_process';
import * as vscode from 'vscode';
import { broken, DEBUG_TYPE, ruleInWords, type HibernateWish, type RuleOutcome } from '../debug-adapter/protocol.ts';
import { command, tellingErrors } from './command.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { usersConfigurations, withVariables } from './launchJson.ts';

const SCHEME = 'kexec-preflight';
const DOCUMENT = vscode.Uri.from({ scheme: SCHEME, path: 'Before a Jump.md' });
const ANYWAY = 'Jump Anyway';
const SHOW = 'Show Report';

export class Preflight implements vscode.Disposable, vscode.TextDocumentContentProvider {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: vscode.Disposable;
  private text = '';

  constructor(
    private readonly sessions: JumpSessions,
    private readonly extension: vscode.Uri,
  ) {
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      command('preflight', async () => {
        const text = await this.judge();
        if (text !== undefined) await this.show(text);
      }),
      sessions.onDidBreakRules(({ broken: rules, asks }) => void tellingErrors(async () => this.tell(rules, asks))),
    );
  }

  provideTextDocumentContent(): string {
    return this.text;
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  /**
   * Asks a person before what would break; nothing is in the way of what would not.
   * @param wish how kernel A is to be saved, if it is.
   * @returns whether to go on.
   */
  async mayGoOn(what: string, wish?: HibernateWish): Promise<boolean> {
    // Of a machine that the session did not boot nothing is known, and nothing is in the way.
    const found = await this.sessions
      .request('kexecJump/preflight', wish ? { hibernate: wish } : {})
      .catch(() => undefined);
    if (!found?.asks) return true;
    const rules = broken(found.report, wish ? ['jump', 'save'] : ['jump']);
    if (rules.length === 0) return true;
    const options = { modal: true, detail: rules.map((rule) => `Rule ${ruleInWords(rule)}`).join('\n\n') };
    const chosen = await vscode.window.showWarningMessage(`${what} would break.`, options, ANYWAY, SHOW);
    if (chosen === SHOW) await this.show(found.text);
    if (chosen !== ANYWAY) return false;
    // What waited since the launch has begun by that.
    return !(await this.sessions.request('kexecJump/anyway', {})).began;
  }

  /** A session begins with rules that break. */
  private async tell(rules: readonly RuleOutcome[], asks: boolean): Promise<void> {
    const titles = rules.map(({ number, title }) => `rule ${number} (${title})`).join(', ');
    const sentence = `The jump would break: ${titles}. ${rules[0]!.found}`;
    const chosen = await vscode.window.showWarningMessage(sentence, ...(asks ? [ANYWAY, SHOW] : [SHOW]));
    if (chosen === ANYWAY) await this.sessions.request('kexecJump/anyway', {});
    if (chosen === SHOW) await this.show((await this.sessions.request('kexecJump/preflight', {})).text);
  }

  /** The report of the session that runs, else of what F5 would launch. */
  private async judge(): Promise<string | undefined> {
    if (this.sessions.active) return (await this.sessions.request('kexecJump/preflight', {})).text;
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    const launches = usersConfigurations(folder).filter(
      (configuration) => configuration.request === 'launch' && configuration['core'] === undefined,
    );
    const items = launches.map((configuration) => ({ label: configuration.name, configuration }));
    const chosen =
      items.length > 1
        ? await vscode.window.showQuickPick(items, { title: 'Check Before a Jump' })
        : (items[0] ?? { configuration: { type: DEBUG_TYPE, request: 'launch', name: '' } });
    return chosen && this.judgeFiles(withVariables(chosen.configuration, folder));
  }

  /** By the command-line tool: it needs no machine. The lab guest is built first if it is not there. */
  private async judgeFiles(configuration: vscode.DebugConfiguration): Promise<string> {
    const program = vscode.Uri.joinPath(this.extension, 'dist', 'cli.cjs').fsPath;
    const options = { location: vscode.ProgressLocation.Notification, title: 'Check Before a Jump', cancellable: true };
    return vscode.window.withProgress(options, async (_, cancelled) => {
      const tool = spawn(process.execPath, [program, 'preflight', '--configuration', '-'], {
        env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      });
      cancelled.onCancellationRequested(() => tool.kill());
      let [output, complaint] = ['', ''];
      tool.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
      tool.stderr.on('data', (bytes: Buffer) => (complaint += bytes.toString()));
      tool.stdin.end(JSON.stringify(configuration));
      await new Promise<void>((resolve, reject) => {
        tool.once('error', reject);
        tool.once('close', () => {
          resolve();
        });
      });
      if (output === '') throw new Error(complaint.trim() || 'The check was ended.');
      return output;
    });
  }

  private async show(text: string): Promise<void> {
    this.text = text;
    this.changed.fire(DOCUMENT);
    const document = await vscode.workspace.openTextDocument(DOCUMENT);
    await vscode.window.showTextDocument(document, { preview: false });
  }
}
