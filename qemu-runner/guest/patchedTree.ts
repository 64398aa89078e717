/** A source tree with a patch series on it, of which only the files whose content changes are ever rewritten. */

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UserFacingError } from '../errors.ts';
import type { CommandRunner } from './command.ts';
import { patchFailed } from './errors.ts';

/** One patch of a series: its file name and its text. */
export interface Patch {
  name: string;
  text: string;
}

/** The patches of `directory` in the order of a series file in it. */
export function readSeries(directory: string, name = 'series'): Patch[] {
  const series = readFileSync(path.join(directory, name), 'utf8').split('\n');
  return series
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((name) => name !== '')
    .map((name) => ({ name, text: readFileSync(path.join(directory, name), 'utf8') }));
}

/** Hexadecimal SHA-256 over names and texts of a series. */
export function seriesHash(patches: readonly Patch[]): string {
  const hash = createHash('sha256');
  for (const patch of patches) hash.update(JSON.stringify([patch.name, patch.text]));
  return hash.digest('hex');
}

/** seriesHash of the series that `tree` shows now; undefined while that is not known. */
export function appliedSeries(tree: string): string | undefined {
  return existsSync(seriesStamp(tree)) ? readFileSync(seriesStamp(tree), 'utf8') : undefined;
}

function seriesStamp(tree: string): string {
  return `${tree}.series`;
}

/** Paths a patch touches, relative to the tree (with -p1). */
export function touchedPaths(patch: string): string[] {
  const paths = new Set<string>();
  // A header is the pair of lines in front of a hunk; a removed line may itself start with "-- ".
  for (const header of patch.matchAll(/^--- (\S+).*\n\+\+\+ (\S+).*\n@@ /gm)) {
    for (const name of [header[1]!, header[2]!]) if (name !== '/dev/null') paths.add(name.replace(/^[^/]+\//, ''));
  }
  return [...paths];
}

/**
 * Brings `tree` into the state "pristine plus `patches`", whatever series was on it before. Files whose content does not
 * change keep their time of modification, so that make rebuilds only what a changed patch touches. The pristine files are
 * kept in `<tree>.pristine`, saved before the first change, so an interruption at any point can be repaired by the next call.
 * @returns paths rewritten or removed, relative to the tree
 * @throws UserFacingError lab-patch-failed; the tree is unchanged then
 */
export async function applySeries(tree: string, patches: readonly Patch[], commands: CommandRunner): Promise<string[]> {
  const original = path.join(`${tree}.pristine`, 'original');
  const absent = path.join(`${tree}.pristine`, 'absent');
  const touched = new Set(patches.flatMap((patch) => touchedPaths(patch.text)));
  for (const name of touched) savePristine(tree, original, absent, name);

  const scratch = mkdtempSync(`${tree}.patched-`);
  try {
    for (const name of touched) {
      if (existsSync(path.join(original, name))) copy(path.join(original, name), path.join(scratch, name));
    }
    for (const patch of patches) await applyPatch(scratch, patch, commands);
    rmSync(seriesStamp(tree), { force: true });
    const changed: string[] = [];
    for (const name of new Set([...touched, ...filesBelow(original), ...filesBelow(absent)])) {
      const source = path.join(touched.has(name) ? scratch : original, name);
      if (makeEqual(source, path.join(tree, name))) changed.push(name);
    }
    writeFileSync(seriesStamp(tree), seriesHash(patches));
    return changed;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Keeps the tree's file, or the fact that there is none, before it is changed for the first time. */
function savePristine(tree: string, original: string, absent: string, name: string): void {
  const saved = path.join(original, name);
  const mark = path.join(absent, name);
  if (existsSync(saved) || existsSync(mark)) return;
  if (existsSync(path.join(tree, name))) {
    copy(path.join(tree, name), `${saved}.tmp`);
    renameSync(`${saved}.tmp`, saved);
  } else {
    mkdirSync(path.dirname(mark), { recursive: true });
    writeFileSync(mark, '');
  }
}

async function applyPatch(directory: string, patch: Patch, commands: CommandRunner): Promise<void> {
  const file = path.join(directory, '.patch');
  writeFileSync(file, patch.text);
  const args = ['-p1', '--fuzz=0', '--forward', '--batch', '--no-backup-if-mismatch', '--reject-file=-', '-i', file];
  try {
    await commands.run('patch', args, { step: `applying ${patch.name}`, cwd: directory });
  } catch (error) {
    if (error instanceof UserFacingError && error.code === 'lab-command-failed') {
      throw patchFailed(patch.name, error.evidence);
    }
    throw error;
  } finally {
    rmSync(file, { force: true });
  }
}

/** Gives `target` the content of `source`, or removes it if there is no source. True if it was different. */
function makeEqual(source: string, target: string): boolean {
  const wanted = existsSync(source) ? readFileSync(source) : undefined;
  const actual = existsSync(target) ? readFileSync(target) : undefined;
  if (wanted === undefined) {
    rmSync(target, { force: true });
    return actual !== undefined;
  }
  if (actual?.equals(wanted)) return false;
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(`${target}.tmp`, wanted);
  renameSync(`${target}.tmp`, target);
  return true;
}

function copy(source: string, target: string): void {
  mkdirSync(path.dirname(target), { recursive: true });
  copyFileSync(source, target);
}

/** Relative paths of the regular files below a folder that may not exist. */
function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)));
}
