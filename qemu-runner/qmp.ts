/**
 * QEMU's control connection.
 * Source: QEMU Machine Protocol Specification (docs/interop/qmp-spec.txt).
 */
import { EventEmitter } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { parseAddress } from './address.ts';
import { qmpError, qmpLost, qmpTimedOut } from './errors.ts';

const ANSWER_SECONDS = 10;

/** QEMU tells of each single step that the machine goes on and that it stops: nobody is woken up for each of them. */
const EVENTS_TOGETHER_MS = 10;
const READ_BYTES = 64 << 10;

/** A QMP object as it comes from the wire. */
export type QmpObject = Record<string, unknown>;

/** One message from QEMU, told apart. */
export type QmpMessage =
  | { kind: 'greeting' }
  | { kind: 'answer'; id: number; value: unknown }
  | { kind: 'error'; id: number | undefined; description: string }
  | { kind: 'event'; name: string; data: QmpObject };

/** Parses one line. Returns `undefined` for what is not a QMP message. */
export function parseQmpLine(line: string): QmpMessage | undefined {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(message)) return undefined;
  const id = typeof message['id'] === 'number' ? message['id'] : undefined;
  if ('QMP' in message) return { kind: 'greeting' };
  if (typeof message['event'] === 'string') {
    return { kind: 'event', name: message['event'], data: isObject(message['data']) ? message['data'] : {} };
  }
  const error = message['error'];
  if (isObject(error)) return { kind: 'error', id, description: String(error['desc'] ?? error['class']) };
  if ('return' in message && id !== undefined) return { kind: 'answer', id, value: message['return'] };
  return undefined;
}

interface Waiting {
  command: string;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** A QMP connection. Emits `event` (name, data) and, when it breaks, `lost` once. */
export class QmpClient extends EventEmitter<{ event: [string, QmpObject]; lost: [Error] }> {
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private closed = false;

  private readonly decoder = new StringDecoder();
  private pending = '';
  private pause: NodeJS.Timeout | undefined;

  private constructor(private readonly socket: Socket) {
    super();
    socket.on('error', (error) => {
      this.lose(error.message);
    });
    socket.on('close', () => {
      this.lose('it was closed');
    });
  }

  /** Connects to a unix socket or a port of this machine, and leaves negotiation mode. */
  static async connect(address: string): Promise<QmpClient> {
    const client = await new Promise<QmpClient>((resolve, reject) => {
      let connected: QmpClient | undefined;
      // Only with a buffer of its own does a socket that pauses stop to read.
      const onread = {
        buffer: Buffer.alloc(READ_BYTES),
        callback: (length: number, buffer: Uint8Array): boolean => {
          connected?.read(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      };
      const connecting = createConnection({ ...parseAddress(address), onread }, () => {
        connecting.removeAllListeners('error');
        connected = new QmpClient(connecting);
        resolve(connected);
      });
      connecting.once('error', (error) => {
        reject(qmpLost(error.message));
      });
    });
    await client.command('qmp_capabilities');
    return client;
  }

  /**
   * Runs a command.
   * @throws UserFacingError `qmp-error` when QEMU refuses, `qmp-timeout`, `qmp-lost`.
   */
  async command(name: string, argumentsOfCommand: QmpObject = {}, seconds = ANSWER_SECONDS): Promise<unknown> {
    if (this.closed) throw qmpLost('it was closed before');
    this.goOnReading();
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(qmpTimedOut(name, seconds));
      }, seconds * 1000);
      this.waiting.set(id, { command: name, resolve, reject, timer });
      this.socket.write(JSON.stringify({ execute: name, arguments: argumentsOfCommand, id }) + '\n');
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.pause);
    this.socket.destroy();
  }

  private read(bytes: Buffer): void {
    const lines = (this.pending + this.decoder.write(bytes)).split('\n');
    this.pending = lines.pop() ?? '';
    for (const line of lines) this.receive(line);
    if (this.closed || this.waiting.size > 0) return;
    this.socket.pause();
    this.pause = setTimeout(() => {
      this.goOnReading();
    }, EVENTS_TOGETHER_MS);
  }

  private goOnReading(): void {
    clearTimeout(this.pause);
    this.socket.resume();
  }

  private receive(line: string): void {
    const message = parseQmpLine(line);
    if (message?.kind === 'event') this.emit('event', message.name, message.data);
    if (message?.kind !== 'answer' && message?.kind !== 'error') return;
    const waiting = message.id === undefined ? undefined : this.waiting.get(message.id);
    if (!waiting || message.id === undefined) return;
    this.waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.kind === 'answer') waiting.resolve(message.value);
    else waiting.reject(qmpError(waiting.command, message.description));
  }

  private lose(cause: string): void {
    const error = qmpLost(cause);
    for (const waiting of this.waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
    this.waiting.clear();
    if (this.closed) return;
    this.closed = true;
    this.emit('lost', error);
  }
}

function isObject(value: unknown): value is QmpObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
