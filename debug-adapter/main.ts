/** The debug adapter's program: DAP on standard input and output. */
import { gatherWrites } from './dap/gatherWrites.ts';
import { KexecJumpDebugSession } from './dap/session.ts';

const session = new KexecJumpDebugSession();
let ending = false;

/** However our client goes away, the machine goes with us. */
function endAndExit(): void {
  if (ending) return;
  ending = true;
  void session.end().finally(() => process.exit());
}

session.on('close', endAndExit);
process.stdin.on('close', endAndExit);
process.stdout.on('error', endAndExit);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, endAndExit);
gatherWrites(process.stdout);
session.start(process.stdin, process.stdout);
