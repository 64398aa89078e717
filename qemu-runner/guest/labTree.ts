/** A copy of the lab's kernel tree to work on: patched source under git, and its build, so that make has little to do. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { folderNotEmpty } from '../kernelTree/errors.ts';
import { git } from '../kernelTree/git.ts';
import { BASE_TAG } from '../kernelTree/patch.ts';
import { cacheFolders } from './cache.ts';
import { CommandRunner } from './command.ts';
import { DEFAULT_GUEST } from './guests.ts';
import { ensureLab, type Lab, type LabOptions } from './lab.ts';
import { takeLock } from './lock.ts';

const COPY_LIMIT = 15 * 60_000;
const COMPILE_LIMIT = 60 * 60_000;
/** Whoever has no name yet can commit all the same; git asks for it at the next commit. */
const AUTHOR = ['-c', 'user.name=Kexec Jump', '-c', 'user.email=kexec-jump@localhost'];

/** A tree that has been made. Paths are absolute. */
export interface LabTree {
  /** The source, a git repository of one commit, tagged `kexec-jump-base`. */
  source: string;
  /** In the folder `build` of the source. */
  vmlinux: string;
}

/**
 * Makes a kernel tree of one's own in `folder`: the lab's source with the lab's patches as the first commit of a git
 * repository, the lab's build in `build`, and a launch.json that builds and debugs it. Takes about 2 minutes and 3 GB.
 * @throws UserFacingError `kernel-folder-not-empty`, `kernel-git-failed`, and those of the lab's build; what has been made
 * by then stays, to be looked at
 */
export async function makeLabTree(folder: string, options: LabOptions = {}): Promise<LabTree> {
  const source = path.resolve(folder);
  if (existsSync(source) && readdirSync(source).length > 0) throw folderNotEmpty(source);
  const lab = await ensureLab(options);
  const folders = cacheFolders(options.cacheDirectory);
  const commands = new CommandRunner(folders.logs, options.signal);
  const tell = (step: string, fraction: number): void => options.onProgress?.({ step, fraction });
  try {
    // The lab's tree must not change meanwhile.
    const release = await takeLock(folders.lockFile, commands, (holder) =>
      options.onProgress?.({ step: 'Waiting for another lab build', detail: `process ${holder}` }),
    );
    try {
      tell('Copying the kernel source', 0);
      mkdirSync(source, { recursive: true });
      await copy(lab.sourceDirectory, source, commands);
      tell('Copying the build', 0.2);
      await copyBuild(source, lab, commands);
    } finally {
      release();
    }
    tell('Making a git repository of it', 0.3);
    await makeRepository(source, lab, options.signal);
    tell('Compiling what has to be', 0.7);
    await commands.run(
      'make',
      ['-C', source, 'ARCH=i386', 'O=build', `-j${availableParallelism()}`, 'vmlinux', 'bzImage'],
      {
        step: 'compiling the tree',
        timeLimit: COMPILE_LIMIT,
        onLine: (detail) =>
          options.onProgress?.({ step: 'Compiling what has to be', detail: detail.trim(), fraction: 0.7 }),
      },
    );
    writeLaunchConfiguration(source, lab);
    return { source, vmlinux: path.join(source, 'build', 'vmlinux') };
  } finally {
    commands.close();
  }
}

/** With the times of modification, by which make judges. */
async function copy(from: string, to: string, commands: CommandRunner): Promise<void> {
  await commands.run('cp', ['-a', '--reflink=auto', `${from}/.`, to], {
    step: `copying ${from}`,
    timeLimit: COPY_LIMIT,
  });
}

/**
 * The lab's objects are as good as new ones if the commands that made them name the source as make will from now on:
 * kbuild keeps each command in a file and compares it (scripts/Kbuild.include, if_changed). For a build in a folder of the
 * source that name is "..".
 */
async function copyBuild(source: string, lab: Lab, commands: CommandRunner): Promise<void> {
  const build = path.join(source, 'build');
  mkdirSync(build, { recursive: true });
  if (existsSync(lab.build)) await copy(lab.build, build, commands);
  const script =
    'find . -type f "(" -name ".*.cmd" -o -name "*.d" -o -name auto.conf.cmd -o -path ./Makefile ")" -print0 | ' +
    'xargs -0 -r sed -i "s#$1#..#g"; ln -sfn .. source';
  await commands.run('sh', ['-c', script, 'rename', lab.sourceDirectory], { step: 'renaming the source', cwd: build });
  // Another lab may have been built in between.
  const [config, built] = [path.join(lab.directory, 'config'), path.join(build, '.config')];
  if (!existsSync(built) || !readFileSync(config).equals(readFileSync(built))) copyFileSync(config, built);
}

async function makeRepository(source: string, lab: Lab, signal?: AbortSignal): Promise<void> {
  const ignored = path.join(source, '.gitignore');
  // Debian's packaging keeps everything at the top level out of its own repository.
  const kernels = readFileSync(ignored, 'utf8').replace(/\n#\n# Debian packaging[^]*$/, '\n');
  writeFileSync(ignored, kernels);
  const title = `Linux ${lab.version} with the patches of the lab guest`;
  for (const args of [
    ['init', '--quiet'],
    ['add', '--all'],
    [...AUTHOR, 'commit', '--quiet', '--no-verify', '--no-gpg-sign', '-m', title],
    // An annotated tag on the commit also keeps the "+" away from the kernel's release (scripts/setlocalversion).
    [...AUTHOR, 'tag', '--annotate', '--no-sign', '-m', title, BASE_TAG],
  ]) {
    await git(source, args, {}, signal);
  }
}

/** Objects that the lab has compiled name the lab's source in their line tables. */
function writeLaunchConfiguration(source: string, lab: Lab): void {
  const kernel = { vmlinux: '${workspaceFolder}/build/vmlinux' };
  const configuration = {
    ...{ type: 'kexec-jump', request: 'launch', name: 'Kexec Jump' },
    ...(lab.guest.name === DEFAULT_GUEST ? {} : { guest: lab.guest.name }),
    ...{ kernelA: kernel, kernelB: kernel },
    sourceFileMap: { [lab.sourceDirectory]: '${workspaceFolder}' },
    preLaunchTask: 'kexec-jump: Build kernels A and B',
  };
  const folder = path.join(source, '.vscode');
  mkdirSync(folder, { recursive: true });
  const text = JSON.stringify({ version: '0.2.0', configurations: [configuration] }, undefined, 2);
  writeFileSync(path.join(folder, 'launch.json'), `${text}\n`);
}
