/**
 * Installs a real VS Code with a web face (code-server) and the Node it runs on into the user's cache folder.
 * Needs npm and nothing else: no compiler, no download except by npm. About 780 MB on disk.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolders } from '../../qemu-runner/guest/cache.ts';
import { installBroken, npmFailed, unsupportedMachine } from './errors.ts';
import { runProcess } from './processes.ts';

/** code-server 4.139.1 is VS Code 1.139.1; it wants Node 24, which comes as a package too. */
const CODE_SERVER_VERSION = '4.139.1';
const NODE_VERSION = '24.21.0';
const NPM_LIMIT_MS = 10 * 60_000;

/** The two files that make a runnable VS Code server. */
export interface CodeServerInstallation {
  /** The Node binary to run it with. */
  node: string;
  /** The script to run. */
  entry: string;
}

/** Where to install, and who is told what is going on. */
export interface InstallOptions {
  /** The project's cache folder; by default the one that the lab guest is in. */
  cacheDirectory?: string;
  /** Told in sentences what takes time. */
  onProgress?: (sentence: string) => void;
}

/** Where everything of VS Code is kept in the cache. */
export const vscodeFolder = (cacheDirectory?: string): string => join(cacheFolders(cacheDirectory).root, 'vscode');

/**
 * Gives the VS Code server, installed first if it is not there yet (about half a minute).
 * The folder appears complete or not at all, so it may be interrupted and may run twice at the same time.
 */
export async function ensureCodeServer(options: InstallOptions = {}): Promise<CodeServerInstallation> {
  const nodePackage = nodePackageName();
  const home = vscodeFolder(options.cacheDirectory);
  const name = `code-server-${CODE_SERVER_VERSION}-${nodePackage}-${NODE_VERSION}`;
  const installation = filesIn(join(home, name), nodePackage);
  if (existsSync(installation.entry)) return installation;

  await mkdir(home, { recursive: true });
  await removeAbandoned(home);
  const workplace = join(home, `.installing-${process.pid}-${Date.now()}`);
  try {
    await installInto(workplace, nodePackage, options.onProgress ?? (() => undefined));
    await moveIntoPlace(workplace, join(home, name));
  } finally {
    await rm(workplace, { recursive: true, force: true });
  }
  return installation;
}

function nodePackageName(): string {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) {
    throw unsupportedMachine(process.platform, process.arch);
  }
  return `node-linux-${process.arch}`;
}

function filesIn(folder: string, nodePackage: string): CodeServerInstallation {
  return {
    node: join(folder, 'node_modules', nodePackage, 'bin', 'node'),
    entry: join(folder, 'node_modules', 'code-server', 'out', 'node', 'entry.js'),
  };
}

async function installInto(folder: string, nodePackage: string, say: (sentence: string) => void): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  say(`Installing VS Code's server (code-server ${CODE_SERVER_VERSION}, about 780 MB) into the cache…`);
  await npmInstall(folder, [`code-server@${CODE_SERVER_VERSION}`, `${nodePackage}@${NODE_VERSION}`]);
  say("Installing the packages of VS Code's server…");
  // What code-server's own post-install script does, without its compiler: node-pty (terminals), the file watcher and
  // argon2 bring built modules along; the log module has none, and the server then logs to its standard output.
  // `npm ci` is no choice here: the published shrinkwrap does not agree with the published package.json.
  const { node, entry } = filesIn(folder, nodePackage);
  await npmInstall(join(dirname(entry), '..', '..', 'lib', 'vscode'), []);

  const configuration = join(folder, 'config.yaml');
  await writeFile(configuration, 'auth: none\n');
  const check = await runProcess(node, [entry, '--config', configuration, '--version'], { timeoutMs: 60_000 });
  if (check.code !== 0) throw installBroken(folder, check.output);
}

async function npmInstall(cwd: string, packages: string[]): Promise<void> {
  const flags = ['--ignore-scripts', '--omit=dev', '--no-save', '--no-audit', '--no-fund', '--no-engine-strict'];
  const result = await runProcess('npm', ['install', ...flags, ...packages], {
    cwd,
    env: environmentForNpm(),
    timeoutMs: NPM_LIMIT_MS,
  });
  if (result.code === 0) return;
  const what = packages.length > 0 ? packages.join(' and ') : "the VS Code server's dependencies";
  throw npmFailed(what, cwd, result.timedOut ? NPM_LIMIT_MS / 1000 : undefined, result.output);
}

/** Under `npm run`, npm hands its own project's folder down; the npm we start has to look at its own folder only. */
function environmentForNpm(): NodeJS.ProcessEnv {
  const handedDown = ['npm_config_local_prefix', 'npm_config_prefix', 'NODE_OPTIONS', 'INIT_CWD'];
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !handedDown.includes(name)));
}

async function moveIntoPlace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Somebody else finished the same installation meanwhile: theirs is as good as ours.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** Removes the workplaces of installations whose process is gone (killed, or the machine went down). */
async function removeAbandoned(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const owner = /^\.installing-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await rm(join(home, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
