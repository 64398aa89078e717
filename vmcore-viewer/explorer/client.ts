/** Asks the explorer of an image, which works in a thread of its own: nobody waits for a big file but who asked. */
import { Worker } from 'node:worker_threads';
import { Cancelled } from '../core/watch.ts';
import type { ExplorerMessage, ExplorerRequests } from './protocol.ts';

/** Who waits for an answer that may take long. */
export interface Patience {
  /** Hears how far what is being done is, 0 to 1. */
  progress?(doing: string, fraction: number): void;
  /** Ends the work: the answer is a `Cancelled`. */
  signal?: AbortSignal;
}

interface Waiting {
  resolve: (body: unknown) => void;
  reject: (error: Error) => void;
  patience: Patience;
}

export class ExplorerClient {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;
  /** Why nothing is answered any more. */
  private ended: Error | undefined;

  /** @param program path of the bundled worker. */
  constructor(program: string) {
    this.worker = new Worker(program);
    this.worker.on('message', (message: ExplorerMessage) => {
      this.hear(message);
    });
    this.worker.on('error', (error) => {
      this.giveUp(error);
    });
    this.worker.on('exit', () => {
      this.giveUp(new Error('The image was closed.'));
    });
  }

  /** @throws Error with a sentence when the image does not have what was asked for, or was closed; `Cancelled`. */
  async request<Name extends keyof ExplorerRequests>(
    name: Name,
    wanted: ExplorerRequests[Name]['arguments'],
    patience: Patience = {},
  ): Promise<ExplorerRequests[Name]['body']> {
    const { signal } = patience;
    if (this.ended) throw this.ended;
    if (signal?.aborted) throw new Cancelled();
    const id = ++this.asked;
    const cancelled = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const cancel = (): void => void Atomics.store(new Int32Array(cancelled), 0, 1);
    const answer = new Promise<unknown>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, patience });
    });
    this.worker.postMessage({ id, name, arguments: wanted, cancelled });
    signal?.addEventListener('abort', cancel);
    try {
      return (await answer) as ExplorerRequests[Name]['body'];
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Closes the image, in the middle of whatever it is asked. */
  dispose(): void {
    void this.worker.terminate();
  }

  private hear(message: ExplorerMessage): void {
    const { id } = message;
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    if ('doing' in message) {
      waiting.patience.progress?.(message.doing, message.fraction);
      return;
    }
    this.waiting.delete(id);
    if ('body' in message) waiting.resolve(message.body);
    else waiting.reject(message.isCancelled ? new Cancelled() : new Error(message.error));
  }

  private giveUp(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
