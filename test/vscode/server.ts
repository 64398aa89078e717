/** A VS Code server on this machine's loopback address, with folders of its own and without anything that calls home. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverDidNotStart, vsixMissing, vsixRefused } from './errors.ts';
import type { CodeServerInstallation } from './install.ts';
import { runProcess, startProcess } from './processes.ts';
import type { OwnedProcess } from './processes.ts';
import { writeSettings } from './settings.ts';

const START_LIMIT_MS = 60_000;
const INSTALL_LIMIT_MS = 120_000;

/** The private folders of one VS Code: nothing of the user's own VS Code is read or written. */
export interface CodeServerFolders {
  /** Settings, window state and logs. */
  userDataDirectory: string;
  /** Installed extensions. */
  extensionsDirectory: string;
}

/** What to serve. */
export interface CodeServerOptions extends CodeServerFolders {
  /** TCP port on 127.0.0.1; 0 or left out picks a free one. */
  port?: number;
  /** The folder that the window opens. */
  workspace: string;
  /**
   * Puts VS Code's own `window.driver` into the page. Off by default, because VS Code then hides notifications and
   * leaves dialogs out: not what a person sees. Tests that run inside the extension host need it.
   */
  smokeTestDriver?: boolean;
  /** Settings laid over the quiet ones, for a user-data folder that has none yet. */
  settings?: Record<string, unknown>;
  /** Variables for the server and for everything an extension starts in it. */
  environment?: Record<string, string>;
}

/** A running server. */
export interface CodeServer {
  /** The address of the workbench with the workspace opened. */
  readonly url: string;
  /** The process group of the server and of what it starts. */
  readonly processGroup: number;
  /** Settles when the server has ended. */
  readonly ended: Promise<unknown>;
  /** What the server printed last, as evidence. */
  output(): string;
  /** Ends the server with all its children (extension hosts, terminals); waits until they are gone. */
  stop(): Promise<void>;
}

/** Starts a server and waits until it answers, at most a minute. */
export async function startCodeServer(
  installation: CodeServerInstallation,
  options: CodeServerOptions,
): Promise<CodeServer> {
  await writeSettings(options.userDataDirectory, options.settings);
  let address: string | undefined;
  const server = startProcess(
    installation.node,
    [
      installation.entry,
      ...(await commonArguments(options)),
      ...['--bind-addr', `127.0.0.1:${options.port ?? 0}`],
      ...['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust', '--disable-proxy'],
      ...['--disable-getting-started-override', '--ignore-last-opened'],
      ...(options.smokeTestDriver ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
    ],
    {
      cwd: options.workspace,
      env: environmentForServer(options, options.environment),
      onLine: (line) => {
        address ??= /HTTP server listening on (http:\/\/[\d.:]+)/.exec(line)?.[1];
      },
    },
  );
  try {
    const base = await whenAnswering(server, () => address);
    const url = `${base}/?folder=${encodeURIComponent(resolve(options.workspace)).replaceAll('%2F', '/')}`;
    return {
      url,
      processGroup: server.pid,
      ended: server.ended,
      output: () => withoutNoise(server.output()),
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Installs an extension package (.vsix) into the extensions folder; an older one of the same name is replaced. */
export async function installVsix(
  installation: CodeServerInstallation,
  folders: CodeServerFolders,
  vsix: string,
): Promise<void> {
  if (!existsSync(vsix)) throw vsixMissing(vsix);
  const result = await runProcess(
    installation.node,
    [installation.entry, ...(await commonArguments(folders)), '--force', '--install-extension', resolve(vsix)],
    { env: environmentForServer(folders), timeoutMs: INSTALL_LIMIT_MS },
  );
  if (result.code === 0 && result.output.includes('was successfully installed')) return;
  throw vsixRefused(vsix, withoutNoise(result.output));
}

async function commonArguments(folders: CodeServerFolders): Promise<string[]> {
  await mkdir(folders.userDataDirectory, { recursive: true });
  await mkdir(folders.extensionsDirectory, { recursive: true });
  // Without a configuration file of its own, code-server writes one into the user's home.
  const configuration = join(folders.userDataDirectory, 'code-server.yaml');
  await writeFile(configuration, 'auth: none\n');
  return [
    ...['--config', configuration, '--auth', 'none'],
    ...['--user-data-dir', resolve(folders.userDataDirectory)],
    ...['--extensions-dir', resolve(folders.extensionsDirectory)],
  ];
}

/**
 * Our environment without what would lead the server elsewhere: a VS Code terminal's variables make it talk to that
 * VS Code, PORT and CODE_SERVER_* override its arguments. No extension gallery: nothing is looked up outside. Its
 * heartbeat and logs go to the private folder instead of ~/.local/share.
 */
function environmentForServer(folders: CodeServerFolders, more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(VSCODE_|CODE_SERVER_|CS_|ELECTRON_|npm_)|^(PORT|PASSWORD|HASHED_PASSWORD|NODE_OPTIONS)$/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    EXTENSIONS_GALLERY: '{"serviceUrl":""}',
    XDG_DATA_HOME: resolve(folders.userDataDirectory, 'data'),
    ...more,
  };
}

async function whenAnswering(server: OwnedProcess, address: () => string | undefined): Promise<string> {
  let over: string | undefined;
  void server.ended.then(({ code, signal }) => (over = `it ended with ${signal ?? `exit code ${String(code)}`}`));
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const base = address();
    if (base !== undefined && (await answers(`${base}/healthz`))) return base;
    if (over !== undefined) throw serverDidNotStart(over, withoutNoise(server.output()));
    if (Date.now() > deadline) {
      throw serverDidNotStart(
        `it did not answer within ${START_LIMIT_MS / 1000} seconds`,
        withoutNoise(server.output()),
      );
    }
    await sleep(50);
  }
}

/** Leaves out the page-long complaint that the log module is not built, which every start of the server prints. */
function withoutNoise(output: string): string {
  return output.replace(/^.*Could not locate the bindings file[^]*?^\}\n?/gm, '');
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}
