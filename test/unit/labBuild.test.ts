import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { debianSources } from '../../qemu-runner/guest/aptSources.ts';
import { cacheFolders, pruneEntries, readEntry, writeEntry, type CacheFolders } from '../../qemu-runner/guest/cache.ts';
import { CommandRunner } from '../../qemu-runner/guest/command.ts';
import { droppedByKconfig } from '../../qemu-runner/guest/kernelConfig.ts';
import { takeLock } from '../../qemu-runner/guest/lock.ts';
import { applySeries, type Patch } from '../../qemu-runner/guest/patchedTree.ts';

const ABOUT = { guest: '6.1', release: '6.1', version: '6.1-1', sourceDirectory: 'work/linux', patches: 'none' };

describe('lab build', () => {
  let folder: string;
  let folders: CacheFolders;
  let commands: CommandRunner;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lab-test-'));
    folders = cacheFolders(folder);
    commands = new CommandRunner(folders.logs);
  });
  afterEach(() => {
    commands.close();
    rmSync(folder, { recursive: true, force: true });
  });

  describe('cache entry', () => {
    const fill =
      (text: string) =>
      async (directory: string): Promise<typeof ABOUT> => {
        writeFileSync(join(directory, 'vmlinux'), text);
        return Promise.resolve(ABOUT);
      };

    it('is whole when it is there', async () => {
      const entry = await writeEntry(folders, 'abc', fill('kernel'));
      assert.deepEqual(readEntry(entry)?.files, { vmlinux: 6 });
    });

    it('is not there after an interruption', async () => {
      const interrupted = writeEntry(folders, 'abc', async (directory) => {
        writeFileSync(join(directory, 'vmlinux'), 'half');
        return Promise.reject(new Error('killed'));
      });
      await assert.rejects(interrupted, /killed/);
      assert.equal(readEntry(join(folders.lab, 'abc')), undefined);
      assert.deepEqual(readdirSync(folders.lab), []);
    });

    it('does not look whole when a file of it was cut short or removed', async () => {
      const entry = await writeEntry(folders, 'abc', fill('kernel'));
      writeFileSync(join(entry, 'vmlinux'), 'ker');
      assert.equal(readEntry(entry), undefined);
      rmSync(join(entry, 'vmlinux'));
      assert.equal(readEntry(entry), undefined);
    });

    it('goes when newer ones are enough, with what interrupted builds left', async () => {
      for (const [age, name] of ['new', 'old', 'older'].entries()) {
        const entry = await writeEntry(folders, name, fill(name));
        utimesSync(entry, 1_000_000 - age, 1_000_000 - age);
      }
      mkdirSync(join(folders.lab, '.dead.99.tmp'));
      pruneEntries(folders, 2);
      assert.deepEqual(readdirSync(folders.lab).sort(), ['new', 'old']);
    });
  });

  describe('lock', () => {
    it('makes a second build wait for the first, and says for whom', async () => {
      const release = await takeLock(folders.lockFile, commands, () => assert.fail('nobody holds it'));
      let holder = '';
      let taken = false;
      const second = takeLock(folders.lockFile, commands, (process_) => (holder = process_)).then((releaseSecond) => {
        taken = true;
        releaseSecond();
      });
      await delay(300);
      assert.equal(holder, String(process.pid));
      assert.equal(taken, false);
      release();
      await second;
    });

    it('is not kept by a holder that was killed', async () => {
      const script = `exec 4>>"$1"; flock 4; echo held; exec sleep 100`;
      const holder = spawn('sh', ['-c', script, 'sh', folders.lockFile], { stdio: ['ignore', 'pipe', 'ignore'] });
      await new Promise((resolve) => holder.stdout.once('data', resolve));
      const waiting = takeLock(folders.lockFile, commands, () => undefined);
      holder.kill('SIGKILL');
      (await waiting)();
    });
  });

  describe('patches', () => {
    const tree = (): string => join(folder, 'tree');
    const write = (name: string, text: string): void => {
      mkdirSync(dirname(join(tree(), name)), { recursive: true });
      writeFileSync(join(tree(), name), text);
      utimesSync(join(tree(), name), 1000, 1000);
    };
    const read = (name: string): string => readFileSync(join(tree(), name), 'utf8');
    const patch = (file: string, from: string, to: string): Patch => ({
      name: `${file}.patch`,
      text: `--- a/${file}\n+++ b/${file}\n@@ -1 +1 @@\n-${from}\n+${to}\n`,
    });

    beforeEach(() => {
      write('kernel/a.c', 'one\n');
      write('kernel/b.c', 'one\n');
      write('kernel/untouched.c', 'one\n');
    });

    it('rewrites only the files whose content changes, so that make rebuilds only those', async () => {
      await applySeries(tree(), [patch('kernel/a.c', 'one', 'two'), patch('kernel/b.c', 'one', 'two')], commands);
      utimesSync(join(tree(), 'kernel/a.c'), 1000, 1000);
      const edited = [patch('kernel/a.c', 'one', 'two'), patch('kernel/b.c', 'one', 'three')];
      assert.deepEqual(await applySeries(tree(), edited, commands), ['kernel/b.c']);
      assert.equal(statSync(join(tree(), 'kernel/a.c')).mtimeMs, 1_000_000);
      assert.equal(read('kernel/b.c'), 'three\n');
      assert.equal(statSync(join(tree(), 'kernel/untouched.c')).mtimeMs, 1_000_000);
    });

    it('takes a patch away again, and a file that it added', async () => {
      const added: Patch = { name: 'new', text: '--- /dev/null\n+++ b/kernel/new.c\n@@ -0,0 +1 @@\n+new\n' };
      await applySeries(tree(), [patch('kernel/a.c', 'one', 'two'), added], commands);
      assert.equal(read('kernel/new.c'), 'new\n');
      await applySeries(tree(), [], commands);
      assert.equal(read('kernel/a.c'), 'one\n');
      assert.equal(existsSync(join(tree(), 'kernel/new.c')), false);
    });

    it('leaves the tree as it was when a patch does not apply, and names it', async () => {
      const broken = [patch('kernel/a.c', 'one', 'two'), patch('kernel/b.c', 'other', 'two')];
      await assert.rejects(applySeries(tree(), broken, commands), /The patch kernel\/b\.c\.patch does not apply/);
      assert.equal(read('kernel/a.c'), 'one\n');
    });
  });

  it('names the options that Kconfig dropped', () => {
    const fragment = 'CONFIG_PROC_VMCORE=y\nCONFIG_KEXEC=y\n# CONFIG_SMP is not set\nCONFIG_NAME="x"\n';
    const config = 'CONFIG_KEXEC=y\n# CONFIG_PROC_VMCORE is not set\nCONFIG_SMP=y\nCONFIG_NAME="x"\n';
    assert.deepEqual(droppedByKconfig(fragment, config), ['CONFIG_PROC_VMCORE=y is not set', 'CONFIG_SMP=n is y']);
  });

  it("takes the machine's own Debian mirrors, and no others", () => {
    const targets = [
      'Debian|Debian|main|http://mirror.example/debian/',
      'Debian|Debian-Security|main|http://mirror.example/debian-security/',
      'Other|Other|main|http://other.example/',
      'Debian|Debian|contrib|http://mirror.example/debian/',
    ];
    assert.deepEqual(debianSources(targets.join('\n')), [
      'deb [arch=amd64,i386] http://mirror.example/debian/ bookworm main',
      'deb-src [arch=amd64] http://mirror.example/debian/ bookworm main',
      'deb [arch=amd64] http://mirror.example/debian-security/ bookworm-security main',
    ]);
  });

  it('stops a command at its time limit, with the end of its output and the log', async () => {
    const slow = commands.run('sh', ['-c', 'echo before; sleep 60'], { step: 'waiting', timeLimit: 1000 });
    await assert.rejects(slow, (error: Error & { evidence?: string; action?: string }) => {
      assert.match(error.message, /waiting did not end within 1 s/);
      assert.match(error.evidence ?? '', /before/);
      return error.action?.includes(commands.logFile) === true;
    });
  });

  it('ends a command and all below it when the build is cancelled', async () => {
    const abort = new AbortController();
    const cancellable = new CommandRunner(folders.logs, abort.signal);
    const marker = join(folder, 'still-running');
    const command = cancellable.run('sh', ['-c', `(sleep 2; touch ${marker}) & wait`], { step: 'waiting' });
    setTimeout(() => {
      abort.abort();
    }, 200);
    await assert.rejects(command, /was cancelled/);
    await delay(2200);
    assert.equal(existsSync(marker), false);
    cancellable.close();
  }).timeout(20_000);
});
