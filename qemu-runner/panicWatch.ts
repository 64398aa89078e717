/** Sees a kernel's panic in what it prints. */
import type { Console } from './consoles.ts';

const PANIC = /Kernel panic - not syncing: [^\r\n]*(?=\r|\n)/;
const LONGEST_LINE = 1024;

/** Calls back once with the panic's line. Source of the text: kernel/panic.c, panic(). */
export function watchForPanic(console: Console, onPanic: (line: string) => void): void {
  let recent = '';
  const onData = (bytes: Buffer): void => {
    recent += bytes.toString('latin1');
    const line = PANIC.exec(recent)?.[0];
    recent = recent.slice(-LONGEST_LINE);
    if (line === undefined) return;
    console.off('data', onData);
    onPanic(line);
  };
  console.on('data', onData);
}
