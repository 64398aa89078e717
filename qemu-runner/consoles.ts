/**
 * A guest console that any number of viewers can join at any time. QEMU's chardev takes one client: that is us; we
 * keep the latest output, and serve it on a unix socket of our own to terminals that come and go.
 */
import { EventEmitter } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** Output that a late viewer still sees, in bytes. */
const KEPT_BYTES = 256 * 1024;

/** Emits `data` with each piece of output. */
export class Console extends EventEmitter<{ data: [Buffer] }> {
  private kept = Buffer.alloc(0);
  private readonly viewers = new Set<Socket>();
  private server: Server | undefined;

  constructor(private readonly write_: (bytes: Buffer | string) => void) {
    super();
  }

  /** Takes the one client's place at a chardev of QEMU. */
  static async connect(path: string): Promise<Console> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path, () => {
        socket.removeListener('error', reject);
        resolve(console_);
      });
      const console_ = new Console((bytes) => socket.write(bytes));
      socket.once('error', reject);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        console_.receive(bytes);
      });
    });
  }

  /** The last output, as text, at most `characters` of it. */
  tail(characters = KEPT_BYTES): string {
    return this.kept.toString('utf8').slice(-characters);
  }

  receive(bytes: Buffer): void {
    this.kept = Buffer.concat([this.kept, bytes]);
    if (this.kept.length > 2 * KEPT_BYTES) this.kept = this.kept.subarray(-KEPT_BYTES);
    for (const viewer of this.viewers) viewer.write(bytes);
    this.emit('data', bytes);
  }

  /** Types into the console. */
  write(bytes: Buffer | string): void {
    this.write_(bytes);
  }

  /** Lets viewers join on a unix socket: each first gets the kept output. */
  async serve(path: string): Promise<void> {
    const server = createServer((viewer) => {
      viewer.on('error', () => viewer.destroy());
      viewer.on('close', () => this.viewers.delete(viewer));
      viewer.on('data', (bytes) => {
        this.write_(bytes);
      });
      viewer.write(this.kept);
      this.viewers.add(viewer);
    });
    this.server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  }

  close(): void {
    this.server?.close();
    for (const viewer of this.viewers) viewer.destroy();
  }
}
