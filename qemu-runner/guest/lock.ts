/** One build at a time in a cache folder. */

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { CommandRunner } from './command.ts';

/** Longest time one build may wait for another one. */
const WAIT_MILLISECONDS = 30 * 60_000;

/**
 * Takes the lock on `file`, waiting for whoever holds it. The lock is flock(2) on a descriptor of ours, which `commands`
 * inherit: the kernel lets it go when we and they are gone, however we die. The `flock` program only makes the system
 * call that Node lacks.
 * @param onWait called once if somebody else holds the lock, with the process id they wrote into it
 * @returns releases the lock
 * @throws UserFacingError lab-cancelled, or lab-command-timed-out after half an hour
 */
export async function takeLock(
  file: string,
  commands: CommandRunner,
  onWait: (holder: string) => void,
): Promise<() => void> {
  const descriptor = openSync(file, 'a+');
  commands.inherited = descriptor;
  try {
    const step = 'waiting for another lab build';
    const attempt = await commands.run('flock', ['--nonblock', '--conflict-exit-code', '9', '4'], {
      step,
      allowedStatuses: [0, 9],
    });
    if (attempt.status === 9) {
      onWait(readFileSync(file, 'utf8').trim());
      await commands.run('flock', ['4'], { step, timeLimit: WAIT_MILLISECONDS });
    }
    ftruncateSync(descriptor);
    writeSync(descriptor, `${process.pid}\n`);
  } catch (error) {
    commands.inherited = undefined;
    closeSync(descriptor);
    throw error;
  }
  return () => {
    commands.inherited = undefined;
    closeSync(descriptor);
  };
}
