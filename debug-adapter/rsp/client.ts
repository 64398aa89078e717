/** Client of QEMU's gdbstub. There is one, the router's: a second would hang. */
import { EventEmitter } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { parseAddress } from '../../qemu-runner/address.ts';
import { connectionRefused } from '../../qemu-runner/errors.ts';
import { gdbstubLost, gdbstubTimedOut } from '../errors.ts';
import { encodePacket, PacketReader } from './codec.ts';

const ANSWER_SECONDS = 10;

/** A request whose answer is still to come. */
interface Waiting {
  resolve: (payload: string) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/**
 * A link to QEMU's gdbstub. Emits `stop` with the payload of each stop reply and `close` with an Error once.
 *
 * QEMU stops the machine on any byte that reaches it while running and never answers a packet that did so; the owner
 * therefore only calls `request` while the machine is stopped.
 */
export class RspClient extends EventEmitter<{ stop: [string]; close: [Error] }> {
  private readonly reader = new PacketReader();
  /** In the order in which they were sent, which is the order of the answers. */
  private readonly waiting: Waiting[] = [];
  /** The last packet is not acknowledged yet. */
  private owesAcknowledgement = false;
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

  /** Connects to a unix socket or a port of this machine. @throws UserFacingError `connection-refused`. */
  static async connect(address: string): Promise<RspClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(parseAddress(address), () => {
        socket.removeAllListeners('error');
        resolve(new RspClient(socket));
      });
      socket.once('error', (error) => {
        reject(connectionRefused("QEMU's gdbstub", address, error.message));
      });
    });
  }

  /** Sends a packet at once and waits for its answer, which comes behind those of the requests before. */
  async request(payload: string, seconds = ANSWER_SECONDS): Promise<string> {
    if (this.closed) throw gdbstubLost('it was closed before');
    return new Promise((resolve, reject) => {
      // Its place in the queue stays: an answer that comes late is still that of this request.
      const timer = setTimeout(() => {
        reject(gdbstubTimedOut(payload, seconds));
      }, seconds * 1000);
      this.waiting.push({ resolve, reject, timer });
      this.send(payload);
    });
  }

  /** Reads a file of the target description. */
  async readAnnex(annex: string): Promise<string> {
    let text = '';
    for (;;) {
      const answer = await this.request(`qXfer:features:read:${annex}:${text.length.toString(16)},7f0`);
      text += answer.slice(1);
      if (!answer.startsWith('m')) return text;
    }
  }

  /** Sends a packet that is answered by a stop reply later (`c`, `s`). */
  send(payload: string): void {
    this.write(encodePacket(payload));
  }

  /** Asks a running machine to stop; the stop reply follows. */
  interrupt(): void {
    this.write('\x03');
  }

  close(): void {
    this.closed = true;
    this.socket.destroy();
  }

  /** An acknowledgement goes with the next packet: alone it would wake QEMU up once more. */
  private write(text: string): void {
    this.socket.write(this.owesAcknowledgement ? '+' + text : text, 'latin1');
    this.owesAcknowledgement = false;
  }

  private receive(bytes: Buffer): void {
    for (const item of this.reader.push(bytes)) {
      if (item.kind !== 'packet') continue;
      this.owesAcknowledgement = true;
      const waiting = this.waiting.shift();
      if (waiting) {
        clearTimeout(waiting.timer);
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
    for (const { reject, timer } of this.waiting.splice(0)) {
      clearTimeout(timer);
      reject(error);
    }
    this.emit('close', error);
  }
}
