/** Work on a kernel from the command line: a tree, edits, make with its messages, and a patch that says what was edited. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { git } from '../../qemu-runner/kernelTree/git.ts';
import { BASE_TAG } from '../../qemu-runner/kernelTree/patch.ts';
import { Debuggee } from '../guest/debuggee.ts';
import { kexecJump } from '../guest/commandLine.ts';
import { TREE_LIMIT_MS, WorkTree } from './workTree.ts';

const ASSEMBLY = 'arch/x86/kernel/relocate_kernel_32.S';
const CORE = 'kernel/kexec_core.c';
const NEW = 'kernel/kexec_notes.h';
/** A rebuild took 5 to 9 s on two cores; the cores may be shared. */
const SECONDS = 60;

/** The problem matcher of package.json. */
function problems(output: string): { file: string; line: number; severity: string; message: string }[] {
  const { contributes } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    contributes: { problemMatchers: { pattern: { regexp: string } }[] };
  };
  const pattern = new RegExp(contributes.problemMatchers[0]!.pattern.regexp);
  return output.split('\n').flatMap((text) => {
    const found = pattern.exec(text);
    return found
      ? [{ file: found[1]!, line: Number(found[2]), severity: found[4] ?? 'error', message: found[5]! }]
      : [];
  });
}

describe('work on a kernel', () => {
  let tree: WorkTree;
  let folder: string;

  before(async function () {
    this.timeout(TREE_LIMIT_MS);
    folder = mkdtempSync(join(tmpdir(), 'kernel-work-test-'));
    tree = await WorkTree.take();
  });
  after(async () => tree.give());
  after(async () => Debuggee.endAll());
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const lineOf = (file: string, text: string): number =>
    tree
      .read(file)
      .split('\n')
      .findIndex((line) => line.includes(text)) + 1;

  it('refuses a folder with something in it', async () => {
    const { status, output } = await kexecJump('tree', tree.source);
    assert.equal(status, 1);
    assert.match(output, /is not an empty folder\. Name a folder that does not exist yet/);
  });

  it('makes no patch without an edit', async () => {
    const { status, output } = await kexecJump('patch', tree.source);
    assert.equal(status, 1);
    assert.match(output, /Nothing in ".*" differs from kexec-jump-base/);
  });

  it('finds mistakes in assembly, in C and at linking at their files and lines', async () => {
    tree.replace(ASSEMBLY, '\tpushl\t%ebx', '\tpushx\t%ebx');
    tree.replace(CORE, '\tif (!kexec_image) {', '\tif (!kexec_imag) {');
    const wrong = await kexecJump('make', tree.vmlinux);
    assert.equal(wrong.status, 2, wrong.output);
    const found = problems(wrong.output).sort((one, other) => one.file.localeCompare(other.file));
    assert.deepEqual(
      found.map(({ file, line }) => [file, line]),
      [
        [tree.path(ASSEMBLY), lineOf(ASSEMBLY, 'pushx')],
        [tree.path(CORE), lineOf(CORE, 'kexec_imag)')],
      ],
    );
    assert.match(found[0]!.message, /^no such instruction: `pushx %ebx'/);
    assert.match(found[1]!.message, /^.kexec_imag. undeclared/);

    await tree.reset();
    tree.replace(CORE, '\tint error = 0;', '\tint error = nobody_wrote_this();');
    tree.replace(CORE, 'int kernel_kexec(void)', 'int nobody_wrote_this(void);\nint kernel_kexec(void)');
    const unlinked = await kexecJump('make', tree.source);
    assert.equal(unlinked.status, 2, unlinked.output);
    const [first] = problems(unlinked.output);
    assert.deepEqual(
      [first?.file, first?.line],
      [tree.path(CORE), lineOf(CORE, '= nobody_wrote_this();')],
      unlinked.output,
    );
    assert.match(first!.message, /^undefined reference to `nobody_wrote_this'/);
    await tree.reset();
  });

  it('builds an edit in seconds, and the next session runs it, with its source', async () => {
    tree.replace(
      CORE,
      '\tint error = 0;',
      '\tint error = 0;\n\tstatic int jumps_from_here;\n\n\tjumps_from_here += 7;',
    );
    const { status, output } = await kexecJump('make', tree.vmlinux, tree.source);
    assert.equal(status, 0, output);
    const seconds = [...output.matchAll(/is built, in ([\d.]+) s/g)].map(([, number]) => Number(number));
    console.log(`        built in ${seconds.join(', ')} s`);
    assert.equal(seconds.length, 1, 'a tree that two kernels are of is built once');
    assert.ok(seconds[0]! < SECONDS);

    const kernel = { vmlinux: tree.vmlinux };
    const { sourceFileMap } = (
      JSON.parse(tree.read('.vscode/launch.json')) as { configurations: { sourceFileMap: Record<string, string> }[] }
    ).configurations[0]!;
    const map = Object.fromEntries(Object.keys(sourceFileMap).map((from) => [from, tree.source]));
    const configuration = {
      kernelA: kernel,
      kernelB: kernel,
      sourceFileMap: map,
      stopAt: ['A quiescing', 'leaving A'],
    };
    const debuggee = await Debuggee.launch(configuration);
    const stop = await debuggee.stop();
    const [kexec, caller] = stop.frames;
    assert.equal(kexec?.source?.path, tree.path(CORE), 'a file that was compiled here');
    assert.equal(caller?.source?.path, tree.path('kernel/reboot.c'), 'a file that the lab has compiled');
    await debuggee.proceed(1);
    await debuggee.stop();
    assert.equal(await debuggee.evaluate('kernel_kexec::jumps_from_here'), '7');
    await debuggee.end();
  });

  it('makes a patch that gives the edited tree again, by git and by patch', async () => {
    tree.replace(ASSEMBLY, '\tpushl\t%ebx', '\tnop\n\tpushl\t%ebx');
    tree.write(NEW, '/* A new file. */\n');
    const file = join(folder, 'edits.patch');
    const made = await kexecJump('patch', tree.vmlinux, '-o', file, '--subject', 'kexec: Count the jumps');
    assert.equal(made.status, 0, made.output);
    const patch = readFileSync(file, 'utf8');
    assert.match(patch, /^Subject: \[PATCH\] kexec: Count the jumps$/m);
    assert.match(
      patch,
      /^ 3 files changed, \d+ insertions\(\+\), 1 deletion\(-\)|^ 3 files changed, \d+ insertions\(\+\)/m,
    );
    assert.match(patch, /^diff --git a\/kernel\/kexec_core\.c b\/kernel\/kexec_core\.c$/m);
    assert.equal(
      await git(tree.source, ['status', '--porcelain', '--untracked-files=no']).then((text) => text.length > 0),
      true,
    );

    const edited = new Map([ASSEMBLY, CORE, NEW].map((name) => [name, tree.read(name)]));
    for (const [program, ...args] of [
      ['patch', '-p1', '--fuzz=0', '-i', file],
      ['git', 'apply', file],
    ] as [string, ...string[]][]) {
      const original = mkdtempSync(join(folder, 'original-'));
      for (const name of [ASSEMBLY, CORE]) {
        mkdirSync(dirname(join(original, name)), { recursive: true });
        writeFileSync(join(original, name), await git(tree.source, ['show', `${BASE_TAG}:${name}`]));
      }
      const { status, stdout, stderr } = spawnSync(program, args, { cwd: original, encoding: 'utf8' });
      assert.equal(status, 0, stdout + stderr);
      for (const [name, text] of edited)
        assert.equal(readFileSync(join(original, name), 'utf8'), text, `${program} ${name}`);
    }
  });

  it('makes the same of edits that were committed, for git am', async () => {
    const author = ['-c', 'user.name=A Person', '-c', 'user.email=person@example.org'];
    await git(tree.source, ['add', '--all']);
    await git(tree.source, [...author, 'commit', '--quiet', '-m', 'mine']);
    for (const [key, value] of [
      ['user.name', 'A Person'],
      ['user.email', 'person@example.org'],
    ] as const) {
      await git(tree.source, ['config', key, value]);
    }
    try {
      const { status, output } = await kexecJump('patch', join(tree.source, 'kernel'), '--subject', 'kexec: Count');
      assert.equal(status, 0, output);
      const edited = tree.read(CORE);
      await tree.reset();
      execFileSync('git', ['-C', tree.source, 'am', '--quiet'], { input: output });
      assert.equal(tree.read(CORE), edited);
      assert.equal(
        await git(tree.source, ['log', '-1', '--format=%an <%ae>%n%s%n%b']),
        'A Person <person@example.org>\nkexec: Count\n' +
          'Say what is wrong or missing without the patch, what it does about it, and\nhow it was tested.\n\n' +
          'Signed-off-by: A Person <person@example.org>\n\n',
      );
    } finally {
      await git(tree.source, ['config', '--remove-section', 'user']);
    }
  });

  it('says what is missing where no kernel is built, and where nothing tells what was edited', async () => {
    const make = await kexecJump('make', folder);
    assert.equal(make.status, 1);
    assert.match(make.output, /No kernel has been configured in ".*": it has no \.config\. Name a vmlinux/);
    const patch = await kexecJump('patch', folder);
    assert.equal(patch.status, 1);
    assert.match(patch.output, /is not in a git repository with a commit.*Use a git checkout/);
  });
});
