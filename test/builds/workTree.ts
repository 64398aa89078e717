/** A kernel tree to work on, as `kexec-jump tree` makes it. It takes two minutes: it is kept in the cache for the next time. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolders } from '../../qemu-runner/guest/cache.ts';
import { CommandRunner } from '../../qemu-runner/guest/command.ts';
import { findLab } from '../../qemu-runner/guest/lab.ts';
import { takeLock } from '../../qemu-runner/guest/lock.ts';
import { git } from '../../qemu-runner/kernelTree/git.ts';
import { BASE_TAG } from '../../qemu-runner/kernelTree/patch.ts';
import { kexecJump } from '../guest/commandLine.ts';

/** Time limit for the test hook that takes a tree. */
export const TREE_LIMIT_MS = 900_000;

/** The tree, without edits, for one test file at a time. */
export class WorkTree {
  private constructor(
    readonly source: string,
    private readonly release: () => void,
  ) {}

  static async take(): Promise<WorkTree> {
    const lab = findLab();
    assert.ok(lab, 'the lab guest is built');
    const folder = join(cacheFolders().root, 'work-trees');
    mkdirSync(folder, { recursive: true });
    const commands = new CommandRunner(join(folder, 'logs'));
    const release = await takeLock(join(folder, 'lock'), commands, () => undefined);
    try {
      const source = join(folder, basename(lab.directory));
      if (!existsSync(join(source, '.vscode', 'launch.json'))) {
        for (const name of readdirSync(folder)) {
          if (!['logs', 'lock'].includes(name)) rmSync(join(folder, name), { recursive: true });
        }
        const made = await kexecJump('tree', source);
        assert.equal(made.status, 0, made.output);
      }
      const tree = new WorkTree(source, () => {
        release();
        commands.close();
      });
      await tree.reset();
      return tree;
    } catch (error) {
      release();
      commands.close();
      throw error;
    }
  }

  get vmlinux(): string {
    return join(this.source, 'build', 'vmlinux');
  }

  path(file: string): string {
    return join(this.source, file);
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  write(file: string, content: string): void {
    writeFileSync(this.path(file), content);
  }

  /** Puts text in place of another that the file must have, once or more. */
  replace(file: string, old: string, by: string): void {
    const before = this.read(file);
    assert.ok(before.includes(old), `${file} has "${old}"`);
    this.write(
      file,
      before.replace(old, () => by),
    );
  }

  /** Takes all edits back; files that have none keep their times. */
  async reset(): Promise<void> {
    await git(this.source, ['reset', '--quiet', '--hard', BASE_TAG]);
    await git(this.source, ['clean', '--quiet', '--force', '-d']);
  }

  async give(): Promise<void> {
    try {
      await this.reset();
    } finally {
      this.release();
    }
  }
}
