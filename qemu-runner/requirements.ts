/**
 * Requirements: what this machine lacks, and the one command that installs it. Run as a program it installs the Debian
 * packages when it may: as root at once, with sudo after asking.
 *
 *   tsx qemu-runner/requirements.ts [lab] [browser] [clients]
 */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import { UserFacingError, packagesMissing, terminalLibraryMissing } from './errors.ts';
import { findProgram } from './programs.ts';

/** Debian packages by what they are for; where any of several will do ("a | b"), the first is installed. */
const PACKAGES = {
  /** To run a session, and to build the lab guest. */
  lab: [
    ...['qemu-system-x86', 'qemu-utils', 'gdb'],
    ...['build-essential', 'gcc-multilib', 'python3', 'flex', 'bison', 'bc', 'cpio', 'kmod'],
    ...['libelf-dev', 'libssl-dev', 'patch', 'xz-utils', 'dpkg-dev', 'ca-certificates', 'git'],
  ],
  /** To show VS Code in a browser. */
  browser: ['chromium', 'fonts-dejavu-core'],
  /** To test with DAP clients other than VS Code. An Emacs that is there must not be replaced by ours. */
  clients: ['emacs-nox | emacs-gtk | emacs-lucid | emacs-pgtk', 'elpa-dap-mode'],
} as const;

export type Purpose = keyof typeof PACKAGES;

const INSTALL_SECONDS = 1800;

/** The Debian packages that are not installed. On another distribution all of them are named. */
export function missingPackages(purposes: readonly Purpose[]): string[] {
  const wanted = purposes.flatMap((purpose) => PACKAGES[purpose].map((alternatives) => alternatives.split(' | ')));
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...wanted.flat()], {
    encoding: 'utf8',
  }) as Partial<SpawnSyncReturns<string>>;
  const installed = new Set((stdout ?? '').split('\n').flatMap((line) => /^(\S+) installed$/.exec(line)?.[1] ?? []));
  return wanted.filter((alternatives) => !alternatives.some((name) => installed.has(name))).map(([first]) => first!);
}

/** The one command that installs packages. */
export function installCommand(packages: readonly string[]): string {
  return `sudo apt-get install ${packages.join(' ')}`;
}

/**
 * Installs what is missing, if this user may and agrees.
 * @throws UserFacingError `packages-missing` with the one command otherwise.
 */
async function installPackages(packages: readonly string[]): Promise<void> {
  if (packages.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  process.stdout.write(`These Debian packages are missing: ${packages.join(' ')}\n`);
  if (!findProgram('apt-get') || !(isRoot || (await mayUseSudo()))) throw packagesMissing(installCommand(packages));
  const sudo = isRoot ? [] : ['sudo'];
  // What apt-get lists may be older than what the mirror still has.
  run([...sudo, 'apt-get', 'update', '-qq'], packages);
  run(
    [
      ...sudo,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      'install',
      '-qq',
      '-y',
      '--no-install-recommends',
      ...packages,
    ],
    packages,
  );
}

async function mayUseSudo(): Promise<boolean> {
  if (!findProgram('sudo') || !process.stdin.isTTY) return false;
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await asking.question('Install them with sudo apt-get? [y/N] ');
  asking.close();
  return /^y(es)?$/i.test(answer.trim());
}

function run([program = '', ...args]: readonly string[], packages: readonly string[]): void {
  const { status } = spawnSync(program, args, {
    stdio: ['inherit', 'ignore', 'inherit'],
    timeout: INSTALL_SECONDS * 1000,
  });
  if (status !== 0) throw packagesMissing(installCommand(packages));
}

/**
 * node-pty is compiled when it is installed; without a compiler npm leaves it out, as an optional dependency. Now that
 * there is one, it is installed again. A process of its own looks, because Node remembers what it did not find.
 */
function installTerminalLibrary(): void {
  const look = (): string | undefined => {
    const { status, stderr } = spawnSync(process.execPath, ['-e', 'require("node-pty")'], { encoding: 'utf8' });
    return status === 0 ? undefined : stderr;
  };
  for (const attempt of [
    ['install', '--no-save'],
    ['rebuild', 'node-pty'],
  ]) {
    if (look() === undefined) return;
    process.stdout.write('Compiling node-pty…\n');
    spawnSync('npm', [...attempt, '--ignore-scripts=false'], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const failure = look();
  if (failure !== undefined) throw terminalLibraryMissing(failure);
}

async function main(): Promise<void> {
  const purposes = process.argv.slice(2).filter((word): word is Purpose => word in PACKAGES);
  await installPackages(missingPackages(purposes));
  installTerminalLibrary();
}

if (process.argv[1] === import.meta.filename) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof UserFacingError ? error.describe() : String(error)}\n`);
    process.exitCode = 1;
  });
}
