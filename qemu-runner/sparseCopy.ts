/** Copies the beginning of a file so that pieces of zeros take no room. */
import { open, rename, rm } from 'node:fs/promises';

const PIECE = 1 << 20;

/**
 * Copies into a file that has its name only when it is whole.
 * @param bytes how much of the file.
 * @param onProgress bytes done.
 * @throws the system's error, or the signal's reason; then there is no file.
 */
export async function copySparse(
  from: string,
  to: string,
  bytes: number,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const unfinished = `${to}.unfinished`;
  const source = await open(from, 'r');
  try {
    const target = await open(unfinished, 'w', 0o600);
    try {
      const piece = Buffer.alloc(PIECE);
      const zeros = Buffer.alloc(PIECE);
      await target.truncate(bytes);
      for (let done = 0; done < bytes;) {
        signal.throwIfAborted();
        const { bytesRead } = await source.read(piece, 0, Math.min(PIECE, bytes - done), done);
        if (bytesRead === 0) throw new Error(`${from} ends at byte ${done} of ${bytes}`);
        const isZero = piece.compare(zeros, 0, bytesRead, 0, bytesRead) === 0;
        if (!isZero) await target.write(piece, 0, bytesRead, done);
        done += bytesRead;
        onProgress(done);
      }
      await target.sync();
    } finally {
      await target.close();
    }
    await rename(unfinished, to);
  } finally {
    await source.close();
    await rm(unfinished, { force: true });
  }
}
