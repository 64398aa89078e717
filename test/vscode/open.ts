/**
 * `npm run code`: VS Code with the extension in it and a sample workspace open. Takes the desktop's `code` if there is
 * one, else a VS Code server of our own that any browser can show.
 *
 *   npx tsx test/vscode/open.ts [--vsix kexec-jump.vsix] [--port 8080] [--web] [--home folder]
 *
 * The sample workspace, the settings and the extension are kept from one time to the next in `--home`, by default a folder
 * of the project's cache.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { findProgram } from '../../qemu-runner/programs.ts';
import { ensureCodeServer, vscodeFolder } from './install.ts';
import { installVsix, startCodeServer } from './server.ts';
import type { CodeServer } from './server.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const REPOSITORY = join(HERE, '..', '..');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      vsix: { type: 'string', default: join(REPOSITORY, 'kexec-jump.vsix') },
      port: { type: 'string', default: '0' },
      web: { type: 'boolean', default: false },
      home: { type: 'string', default: vscodeFolder() },
    },
  });
  const { home } = values;
  const workspace = await sampleWorkspace(home);
  if (!values.web && findProgram('code') && (await openDesktop(workspace))) return;
  await serve(home, workspace, values.vsix, Number(values.port));
}

/** A copy of the sample workspace that a person may change; made once. */
async function sampleWorkspace(home: string): Promise<string> {
  const folder = join(home, 'sample-workspace');
  if (!existsSync(folder)) {
    await mkdir(home, { recursive: true });
    await cp(join(HERE, 'sample-workspace'), folder, { recursive: true });
  }
  return folder;
}

/** Opens a window of the desktop's VS Code, which belongs to the user and outlives us. False if it would not start. */
async function openDesktop(workspace: string): Promise<boolean> {
  const args = [`--extensionDevelopmentPath=${REPOSITORY}`, '--new-window', workspace, join(workspace, 'README.txt')];
  try {
    await promisify(execFile)('code', args, { timeout: 60_000 });
  } catch (error) {
    console.log(`The "code" on PATH did not open a window; serving VS Code for a browser instead.\n${String(error)}`);
    return false;
  }
  console.log(`Opened ${workspace} in VS Code with the extension of this folder. Press F5 there.`);
  return true;
}

/** Serves VS Code until Ctrl-C. */
async function serve(home: string, workspace: string, vsix: string, port: number): Promise<void> {
  const installation = await ensureCodeServer({
    onProgress: (sentence) => {
      console.log(sentence);
    },
  });
  const folders = {
    userDataDirectory: join(home, 'user-data'),
    extensionsDirectory: join(home, 'extensions'),
  };
  console.log(`Installing ${vsix}…`);
  await installVsix(installation, folders, vsix);
  // The README is plain text: with the focus in a Markdown preview, F5 would be the browser's and load the page anew.
  const settings = { 'workbench.startupEditor': 'readme' };
  const server = await startCodeServer(installation, { ...folders, workspace, port, settings });
  console.log(`VS Code is at ${server.url}\nPress F5 there. Ctrl-C here ends it.`);
  showInBrowser(server.url);
  await untilAskedToStop(server);
  console.log('Stopping VS Code…');
  await server.stop();
}

/** Where there is a display; the browser is the user's and outlives us. */
function showInBrowser(url: string): void {
  if (!(process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']) || !findProgram('xdg-open')) return;
  const opener = spawn('xdg-open', [url], { detached: true, stdio: 'ignore' });
  opener.on('error', () => undefined); // the address is printed all the same
  opener.unref();
}

async function untilAskedToStop(server: CodeServer): Promise<void> {
  const asked = new Promise<true>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => {
        resolve(true);
      });
  });
  if ((await Promise.race([asked, server.ended])) === true) return;
  process.exitCode = 1;
  console.log(`VS Code's server ended by itself. It printed last:\n${server.output().slice(-4000)}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserFacingError)) throw error;
  console.error(error.describe());
  process.exitCode = 1;
}
