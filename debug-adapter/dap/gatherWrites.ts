/** Fewer writes to the client: each of them costs a system call and wakes the client up. */
import type { Writable } from 'node:stream';

/** Lets what is written to a stream in one turn go out in one piece, at the end of the turn. */
export function gatherWrites(stream: Writable): void {
  const write = stream.write.bind(stream) as (...parameters: unknown[]) => boolean;
  stream.write = (...parameters: unknown[]): boolean => {
    if (stream.writableCorked === 0) {
      stream.cork();
      process.nextTick(() => {
        stream.uncork();
      });
    }
    return write(...parameters);
  };
}
