/** Client of QEMU's gdbstub. There is one, the router's: a second would hang. */
import { EventEmitter } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { gdbstubLost, gdbstubTimedOut } from '../errors.ts';
import { encodePacket, PacketReader } from './codec.ts';

const ANSWER_SECONDS = 10;

interface Waiting {
  resolve: (payload: string) => void;
  reject: (error: Error) => void;
}

/**
 * A link to QEMU's gdbstub. Emits `stop` with the payload of each stop reply and `close` with an Error once.
 *
 * QEMU stops the machine on any byte that reaches it while running and never answers a packet that did so; the owner
 * therefore only calls `request` while the machine is stopped.
 */
export class RspClient extends EventEmitter<{ stop: [string]; close: [Error] }> {
  private readonly reader = new PacketReader();
  private waiting: Waiting | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(private readonly socket: Socket) {
    super();
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.receive(bytes);
    });
    socket.on('error', (error) => {
      this.lose(error.message);
    });
    socket.on('close', () => {
      this.lose('it was closed');
    });
  }

  /** Connects to a unix socket. @throws UserFacingError `gdbstub-lost` when nobody listens there. */
  static async connect(path: string): Promise<RspClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path, () => {
        socket.removeAllListeners('error');
        resolve(new RspClient(socket));
      });
      socket.once('error', (error) => {
        reject(gdbstubLost(error.message));
      });
    });
  }

  /** Sends a packet and waits for its answer; requests wait for each other. */
  async request(payload: string, seconds = ANSWER_SECONDS): Promise<string> {
    const answer = this.queue.then(async () => this.exchange(payload, seconds));
    this.queue = answer.catch(() => undefined);
    return answer;
  }

  /** Sends a packet that is answered by a stop reply later (`c`, `s`). */
  send(payload: string): void {
    this.socket.write(encodePacket(payload), 'latin1');
  }

  /** Asks a running machine to stop; the stop reply follows. */
  interrupt(): void {
    this.socket.write('\x03', 'latin1');
  }

  close(): void {
    this.closed = true;
    this.socket.destroy();
  }

  private async exchange(payload: string, seconds: number): Promise<string> {
    if (this.closed) throw gdbstubLost('it was closed before');
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting = undefined;
        reject(gdbstubTimedOut(payload, seconds));
      }, seconds * 1000);
      this.waiting = {
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.send(payload);
    });
  }

  private receive(bytes: Buffer): void {
    for (const item of this.reader.push(bytes)) {
      if (item.kind !== 'packet') continue;
      this.socket.write('+', 'latin1');
      const waiting = this.waiting;
      if (waiting) {
        this.waiting = undefined;
        waiting.resolve(item.payload);
      } else if (/^[TSWX]/.test(item.payload)) {
        this.emit('stop', item.payload);
      }
    }
  }

  private lose(cause: string): void {
    if (this.closed) return;
    this.closed = true;
    const error = gdbstubLost(cause);
    this.waiting?.reject(error);
    this.waiting = undefined;
    this.emit('close', error);
  }
}
