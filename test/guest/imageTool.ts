/** The built `kexec-jump` on memory images, as another program runs it, and what makedumpfile says of the same memory. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { ImageFacts } from '../../vmcore-viewer/explorer/imageFacts.ts';
import { CLI } from './commandLine.ts';
import type { Makedumpfile } from './makedumpfile.ts';

/** Runs it; nothing takes as long as a minute. */
export function tool(...args: string[]): SpawnSyncReturns<string> {
  const found = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 26 });
  assert.notEqual(found.status, null, 'it ends by itself');
  assert.doesNotMatch(found.stderr, /^\s+at .*:\d+/m, 'no stack trace is shown');
  return found;
}

/** The JSON of an image. @param expected its exit status; what is wrong is said if and only if it is not 0. */
export function factsOf(args: readonly string[], expected = 0): ImageFacts & { stderr: string } {
  const { status, stdout, stderr } = tool('image', '--json', ...args);
  assert.equal(status, expected, stderr);
  const facts = JSON.parse(stdout) as ImageFacts;
  const { present, excluded, absent, lost, zero } = facts.pages;
  assert.equal(present + excluded + absent + lost, facts.maxPfn, 'the pages are a partition');
  assert.ok(zero <= present);
  assert.ok(stderr === '' || stderr === facts.problems.map((problem) => `kexec-jump: ${problem}\n`).join(''), stderr);
  return { ...facts, stderr };
}

/** Compares the classes of an image with what makedumpfile leaves out of a core of the same memory, level by level. */
export function agree({ classes }: ImageFacts, makedumpfile: Makedumpfile, core: string): void {
  const { free, cache, cachePrivate, user } = classes!;
  const levels: readonly [level: number, expected: Partial<ReturnType<Makedumpfile['report']>>][] = [
    [2, { cache, cachePrivate: 0, user: 0, free: 0 }],
    [4, { cache, cachePrivate, user: 0, free: 0 }],
    [8, { cache: 0, cachePrivate: 0, user, free: 0 }],
    [16, { cache: 0, cachePrivate: 0, user: 0, free }],
    [31, { cache, cachePrivate, user, free }],
  ];
  for (const [level, expected] of levels) {
    const found = makedumpfile.report(core, level);
    const same = Object.fromEntries(Object.keys(expected).map((name) => [name, found[name as keyof typeof found]]));
    assert.deepEqual(expected, same, `level ${level}`);
  }
}

/** A memory whose missing pages are zeros. */
export function withoutGaps(memory: PhysicalMemory): PhysicalMemory {
  const read = (address: number, length: number): Buffer => {
    const whole = memory.read(address, length);
    if (whole) return whole;
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += PAGE_SIZE) memory.read(address + at, PAGE_SIZE)?.copy(bytes, at);
    return bytes;
  };
  return { size: memory.size, read };
}

/** Overwrites bytes of a file. */
export function patch(path: string, offset: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}
