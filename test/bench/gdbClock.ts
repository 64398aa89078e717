/**
 * Stands in for gdb and tells how long gdb takes until it may connect: run by an adapter as its gdb, it passes all on,
 * and writes the milliseconds from gdb's start to the first command that selects a target into a file.
 *
 *   tsx gdbClock.ts FILE [arguments of gdb]
 */
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const CONNECTS = /-target-select|target (extended-)?remote/;

const [file = '', ...gdbArguments] = process.argv.slice(2);
const started = performance.now();
const gdb = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'gdb', ...gdbArguments], {
  stdio: ['pipe', 'inherit', 'inherit'],
});
let hasConnected = false;
process.stdin.on('data', (bytes: Buffer) => {
  gdb.stdin.write(bytes);
  if (hasConnected || !CONNECTS.test(bytes.toString())) return;
  hasConnected = true;
  appendFileSync(file, `${performance.now() - started}\n`);
});
process.stdin.on('end', () => gdb.stdin.end());
gdb.stdin.on('error', () => undefined);
gdb.on('exit', (code) => process.exit(code ?? 1));
