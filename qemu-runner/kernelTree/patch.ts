/** A patch of the edits in a kernel tree, in the form in which the kernel's developers send one. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { noEdits, noHistory } from './errors.ts';
import { git } from './git.ts';

/** Marks what a tree was when it was made; later commits are edits. */
export const BASE_TAG = 'kexec-jump-base';

/** A patch that has been made. */
export interface TreePatch {
  /** Header, list of files and git diff, to be applied with `git am`, `git apply` or `patch -p1`. */
  text: string;
  /** The source tree that it is of, absolute. */
  source: string;
  /** A name for its file, such as "0001-kexec-Keep-the-console.patch". */
  fileName: string;
}

const UNTITLED = 'Say in one line what the patch does';

/**
 * Makes a patch of everything in a tree that differs from its base: the tag `kexec-jump-base` where there is one, else the
 * last commit. New files are part of it. Nothing in the repository is changed.
 * @param folder the source tree, or a folder in it
 * @param subject what the patch does, in one line; a line to be replaced if not given
 * @throws UserFacingError `kernel-no-history`, `kernel-no-edits`, `kernel-git-failed`
 */
export async function makePatch(folder: string, subject?: string): Promise<TreePatch> {
  const { source, base } = await findBase(folder);
  const scratch = mkdtempSync(join(tmpdir(), 'kexec-patch-'));
  try {
    const environment = await scratchIndex(source, scratch);
    await git(source, ['add', '--all'], environment);
    const compare = ['diff', '--cached', '--no-color', '--no-ext-diff', '--find-renames'];
    const form = ['--no-prefix', '--src-prefix=a/', '--dst-prefix=b/'];
    const difference = await git(source, [...compare, ...form, '--binary', base], environment);
    if (difference === '') throw noEdits(source, base);
    const files = (await git(source, [...compare, '--name-only', '-z', base], environment)).split('\0').filter(Boolean);
    const statistics = await git(source, [...compare, '--stat=72', '--summary', base], environment);
    const title = subject?.trim() || `${areaOf(files)}: ${UNTITLED}`;
    const version = (await git(source, ['version'])).replace(/^git version /, '').trim();
    const text = `${await header(source, title)}---\n${statistics}\n${difference}-- \n${version}\n`;
    return { text, source, fileName: `0001-${slug(title)}.patch` };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function findBase(folder: string): Promise<{ source: string; base: string }> {
  try {
    const source = (await git(folder, ['rev-parse', '--show-toplevel'])).trim();
    const tags = await git(source, ['tag', '--list', BASE_TAG]);
    const base = tags === '' ? 'HEAD' : BASE_TAG;
    await git(source, ['rev-parse', '--verify', '--quiet', base]);
    return { source, base };
  } catch (error) {
    if ((error as { code?: string }).code !== 'kernel-git-failed') throw error;
    throw noHistory(folder, (error as { evidence?: string }).evidence ?? '');
  }
}

/** Variables with which git notes the present files beside the repository, in an index and an object store of their own. */
async function scratchIndex(source: string, scratch: string): Promise<Record<string, string>> {
  const inRepository = async (name: string): Promise<string> =>
    resolve(source, (await git(source, ['rev-parse', '--git-path', name])).trim());
  const [index, objects] = [await inRepository('index'), await inRepository('objects')];
  // With the times of the files in it, git reads only those that have changed.
  if (existsSync(index)) copyFileSync(index, join(scratch, 'index'));
  mkdirSync(join(scratch, 'objects'));
  return {
    GIT_INDEX_FILE: join(scratch, 'index'),
    GIT_OBJECT_DIRECTORY: join(scratch, 'objects'),
    GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
  };
}

/** Source: Documentation/process/submitting-patches.rst, "The canonical patch format". */
async function header(source: string, title: string): Promise<string> {
  const [name, address] = await Promise.all(['user.name', 'user.email'].map(async (key) => setting(source, key)));
  const person = name && address ? `${name} <${address}>` : undefined;
  return [
    ...(person === undefined ? [] : [`From: ${person}`]),
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Subject: [PATCH] ${title}`,
    '',
    'Say what is wrong or missing without the patch, what it does about it, and',
    'how it was tested.',
    '',
    ...(person === undefined ? [] : [`Signed-off-by: ${person}`]),
    '',
  ].join('\n');
}

async function setting(source: string, key: string): Promise<string> {
  return git(source, ['config', '--get', key]).then(
    (value) => value.trim(),
    () => '',
  );
}

/** The words with which the subjects of such patches begin. */
function areaOf(files: readonly string[]): string {
  if (files.every((file) => file.startsWith('arch/x86/'))) return 'x86/kexec';
  if (files.every((file) => file.startsWith('kernel/power/') || file.startsWith('drivers/base/power/'))) return 'PM';
  return 'kexec';
}

/** As `git format-patch` names files. */
const slug = (title: string): string =>
  title
    .replaceAll(/[^\w.]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, 52);

/** Where a patch of a tree is put if nobody says where: beside the tree, under a name that is free. */
export function placeBeside({ source, fileName }: TreePatch): string {
  const stem = join(dirname(source), fileName.replace(/\.patch$/, ''));
  for (let number = 1; ; number++) {
    const path = `${stem}${number === 1 ? '' : `-v${number}`}.patch`;
    if (!existsSync(path)) return path;
  }
}
