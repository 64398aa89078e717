/** How long each takes from the start of gdb until it may connect to the machine: most of it is vmlinux's symbols. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quote } from '../../debug-adapter/gdb/mi.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import type { ContenderName } from './contender.ts';
import { MiClient } from './miClient.ts';
import { NpmAdapter } from './npmAdapter.ts';
import { Ours } from './ours.ts';

/** Starts a debugger anew, ends it, and returns the milliseconds that its gdb took. */
export type SymbolLoad = () => Promise<number>;

export function symbolLoads(lab: Lab): Record<ContenderName, SymbolLoad> {
  return {
    'plain gdb': async () => plainLoad(lab),
    ours: async () => clocked(async (gdb) => Ours.start(gdb)),
    'npm adapter': async () => clocked(async (gdb) => NpmAdapter.start(lab, gdb)),
  };
}

async function plainLoad(lab: Lab): Promise<number> {
  const started = performance.now();
  const gdb = new MiClient();
  try {
    await gdb.command(`-file-exec-and-symbols ${quote(lab.vmlinux)}`);
    return performance.now() - started;
  } finally {
    await gdb.end();
  }
}

/** Of several gdb of one adapter the slowest counts: the session waits for it. */
async function clocked(start: (gdb: string) => Promise<{ end(): Promise<void> }>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-jump-bench-'));
  const times = join(folder, 'milliseconds');
  const gdb = join(folder, 'gdb');
  const clock = join(import.meta.dirname, 'gdbClock.ts');
  const loader = fileURLToPath(import.meta.resolve('tsx/cli'));
  // Only the gdb that speaks MI is clocked: adapters also start one to ask for its version.
  const script = `#!/bin/sh
case "$*" in
  *--interpreter*) exec '${process.execPath}' '${loader}' '${clock}' '${times}' "$@" ;;
  *) exec gdb "$@" ;;
esac
`;
  writeFileSync(gdb, script);
  chmodSync(gdb, 0o755);
  try {
    await (await start(gdb)).end();
    if (!existsSync(times)) throw new Error('its gdb was never told to connect');
    return Math.max(...readFileSync(times, 'utf8').trim().split('\n').map(Number));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
