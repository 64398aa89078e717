/** A VS Code of one test file: the packaged extension in it, a workspace of its own, a browser that shows it. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { startBrowser, type BrowserSession } from '../vscode/browser.ts';
import { ensureCodeServer } from '../vscode/install.ts';
import { installVsix, startCodeServer, type CodeServer } from '../vscode/server.ts';
import type { Workbench } from '../vscode/workbench.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const VSIX = join(REPOSITORY, 'kexec-jump.vsix');
const RESULTS = join(REPOSITORY, 'test-results');
/** The first start installs VS Code's server. */
const OPEN_LIMIT_MS = 15 * 60_000;

/** What the window opens. */
export interface CodeWindowOptions {
  /** Files of the workspace by their paths in it. */
  files?: Record<string, string>;
  /** A folder that there is, to be opened in place of one of our own. */
  workspace?: string;
  /** The same of files that there are, too big to be copied: by their paths in the workspace, where they are. */
  links?: Record<string, string>;
  /** Settings laid over the quiet ones. */
  settings?: Record<string, unknown>;
  /** Variables for the extension and what it starts. */
  environment?: Record<string, string>;
  /** Folders of more extensions, to be packaged and installed. */
  extensions?: string[];
  /** Size of the window in pixels. What is scrolled out of sight is not in the page. */
  viewport?: { width: number; height: number };
}

/** A window in which the call stack shows all frames of both kernels. */
export const TALL_WINDOW = { width: 1440, height: 1700 };

/** One VS Code and the folders it works in. */
export class CodeWindow {
  private constructor(
    private readonly folder: string,
    private readonly server: CodeServer,
    private readonly browser: BrowserSession,
    readonly workbench: Workbench,
  ) {}

  /** Starts everything; what was started is ended again if a part of it does not start. */
  static async open(options: CodeWindowOptions): Promise<CodeWindow> {
    const { files = {}, links = {}, settings = {}, environment: more = {}, extensions = [], viewport } = options;
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'kexec-e2e-')));
    const undo: (() => Promise<unknown>)[] = [async () => rm(folder, { recursive: true, force: true })];
    try {
      const workspace = options.workspace ?? join(folder, 'workspace');
      await mkdir(join(folder, 'tmp'));
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(workspace, path)), { recursive: true });
        await writeFile(join(workspace, path), text);
      }
      for (const [path, target] of Object.entries(links)) {
        await mkdir(dirname(join(workspace, path)), { recursive: true });
        await symlink(target, join(workspace, path));
      }
      const installation = await ensureCodeServer();
      const folders = { userDataDirectory: join(folder, 'user'), extensionsDirectory: join(folder, 'extensions') };
      await installVsix(installation, folders, VSIX);
      for (const [index, cwd] of extensions.entries()) {
        const packagePath = join(folder, `extension-${index}.vsix`);
        await createVSIX({ cwd, packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true });
        await installVsix(installation, folders, packagePath);
      }
      const environment = { ...more, TMPDIR: join(folder, 'tmp') };
      const server = await startCodeServer(installation, { ...folders, workspace, settings, environment });
      undo.unshift(async () => server.stop());
      const browser = await startBrowser(viewport);
      undo.unshift(async () => browser.close());
      return new CodeWindow(folder, server, browser, await browser.open(server.url));
    } catch (error) {
      for (const step of undo) await step();
      throw error;
    }
  }

  /** Where everything that the extension starts keeps its temporary files. */
  get temporaryFolder(): string {
    return join(this.folder, 'tmp');
  }

  /** Kills VS Code's server and everything in its process group, without a chance to clean up. */
  kill(): void {
    process.kill(-this.server.processGroup, 'SIGKILL');
  }

  /** Prints what a person would see, and keeps a picture of it. */
  async explain(title: string): Promise<void> {
    const { workbench } = this;
    const picture = join(RESULTS, `${title.replaceAll(/[^\w]+/g, '-').slice(0, 100)}.png`);
    await mkdir(RESULTS, { recursive: true });
    await workbench.screenshot(picture);
    const seen = {
      picture,
      statusBar: await workbench.statusBarTexts(),
      dialog: await workbench.dialogText(),
      notifications: await workbench.notificationsSeen(),
      stopped: await workbench.debug.highlightedLine(),
      threads: await workbench.debug.threads(),
      frames: (await workbench.debug.stackFrames()).map(({ name }) => name),
      pageErrors: workbench.pageErrors.slice(-5),
    };
    console.log(JSON.stringify(seen, undefined, 2));
    // Shown last: the debug console has to be brought up to be read.
    await workbench.press('Control+Shift+y');
    await workbench.page.waitForTimeout(1000);
    console.log(`Debug console:\n${await workbench.debug.consoleText()}`);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
    // What was just killed may still write.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

/**
 * Opens a window before the tests of a suite, which are the steps of one story, and closes it behind them. When a step
 * fails its evidence is kept, and the steps behind it fail at once.
 */
export function useCodeWindow(options: () => CodeWindowOptions | Promise<CodeWindowOptions>): () => CodeWindow {
  let window: CodeWindow | undefined;
  let failed: string | undefined;

  before(async function () {
    this.timeout(OPEN_LIMIT_MS);
    window = await CodeWindow.open(await options());
  });
  beforeEach(() => {
    assert.equal(failed, undefined, `"${String(failed)}" has failed, and this goes on from there`);
  });
  afterEach(async function () {
    const test = this.currentTest;
    if (test?.state !== 'failed') return;
    failed = test.title;
    await window?.explain(test.fullTitle()).catch((error: unknown) => {
      console.log(`No evidence: ${String(error)}`);
    });
  });
  after(async () => window?.close());
  return () => {
    assert.ok(window);
    return window;
  };
}
