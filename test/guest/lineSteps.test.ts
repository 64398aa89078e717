/** Steps by line without gdb end where gdb's own would: the same walk is made twice, from one snapshot. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Debuggee } from './debuggee.ts';

/** Where a walk begins, and what decides at each step whether it goes into calls. */
const WALKS = [
  { from: 'path_openat', seed: 2 },
  { from: 'mmap_region', seed: 11 },
  { from: 'vsnprintf', seed: 9 },
];
const STEPS = 50;
/** Without its script gdb cannot tell what the code is, and each step is left to it. */
const GDB_ALONE = { gdb: { setup: ['python del kexec_jump_code_map'] } };

describe('a step by line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-steps-'));
  const environment = { KEXEC_JUMP_SNAPSHOTS: folder };
  after(async () => {
    await Debuggee.endAll();
    rmSync(folder, { recursive: true });
  });

  async function walk(debuggee: Debuggee, seed: number): Promise<string[]> {
    const places: string[] = [];
    let random = seed;
    for (let step = 0; step < STEPS; step++) {
      random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
      const how = (random >> 16) % 3 === 0 ? 'stepIn' : 'next';
      await debuggee.proceed(1, how);
      const { reason, frames } = await debuggee.stop();
      const stack = frames.map(({ name, line }) => `${name}:${line}`).join(' < ');
      places.push(`${step} ${how} ${reason} ${frames[0]?.instructionPointerReference} ${stack}`);
    }
    return places;
  }

  async function walkOfGdb(from: string, seed: number): Promise<string[]> {
    const debuggee = await Debuggee.launch({ autoJump: false, stopAt: [], ...GDB_ALONE }, environment);
    await debuggee.ready('canJump');
    await debuggee.client.request('setFunctionBreakpoints', { breakpoints: [{ name: from }] });
    void debuggee.agent('run', 'cat /proc/version; ls -l /; cat /etc/passwd').catch(() => undefined);
    await debuggee.stop();
    await debuggee.client.request('setFunctionBreakpoints', { breakpoints: [] });
    await debuggee.client.request('kexecJump/saveSnapshot', { name: from });
    const places = await walk(debuggee, seed);
    await debuggee.end();
    return places;
  }

  for (const { from, seed } of WALKS) {
    it(`ends where gdb's own does, from ${from} on`, async () => {
      const expected = await walkOfGdb(from, seed);
      const debuggee = await Debuggee.launch({ autoJump: false, stopAt: [], snapshot: from }, environment);
      await debuggee.stop();
      let places = await walk(debuggee, seed);
      // The guest's clock ticks where it likes, and a tick in a function that is stepped over may lead to another line.
      for (let again = 0; again < 2 && !isDeepStrictEqual(places, expected); again++) {
        await debuggee.client.request('kexecJump/loadSnapshot', { name: from });
        await debuggee.stop();
        places = await walk(debuggee, seed);
      }
      assert.deepEqual(places, expected);
      await debuggee.end();
    });
  }

  it('stops at a breakpoint in a function that it steps over, if its condition holds', async () => {
    const debuggee = await Debuggee.launch({ autoJump: false, stopAt: [], snapshot: 'path_openat' }, environment);
    await debuggee.stop();
    // alloc_empty_file() is what path_openat() calls first.
    const stopsOf = async (condition: string): Promise<string[]> => {
      await debuggee.client.request('setFunctionBreakpoints', {
        breakpoints: [{ name: 'alloc_empty_file', condition }],
      });
      const stops: string[] = [];
      for (let step = 0; step < 8; step++) {
        await debuggee.proceed(1, 'next');
        const { reason, functions } = await debuggee.stop();
        stops.push(`${reason} ${functions[0]}`);
      }
      return stops;
    };
    const passing = await stopsOf('0 == 1');
    assert.ok(!passing.some((stop) => stop.startsWith('breakpoint')), passing.join());
    await debuggee.client.request('kexecJump/loadSnapshot', { name: 'path_openat' });
    await debuggee.stop();
    const stopping = await stopsOf('1 == 1');
    assert.ok(stopping.includes('breakpoint alloc_empty_file'), stopping.join());
    await debuggee.end();
  });
});
