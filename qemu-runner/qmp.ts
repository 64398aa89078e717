/**
 * QEMU's control connection.
 * Source: QEMU Machine Protocol Specification (docs/interop/qmp-spec.txt).
 */
import { EventEmitter } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { qmpError, qmpLost, qmpTimedOut } from './errors.ts';

const ANSWER_SECONDS = 10;

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

  private constructor(private readonly socket: Socket) {
    super();
    // readline passes the socket's errors on, so they are heard there.
    createInterface({ input: socket })
      .on('line', (line) => {
        this.receive(line);
      })
      .on('error', (error: Error) => {
        this.lose(error.message);
      });
    socket.on('close', () => {
      this.lose('it was closed');
    });
  }

  /** Connects and leaves negotiation mode. */
  static async connect(path: string): Promise<QmpClient> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const connecting = createConnection(path, () => {
        connecting.removeAllListeners('error');
        resolve(connecting);
      });
      connecting.once('error', (error) => {
        reject(qmpLost(error.message));
      });
    });
    const client = new QmpClient(socket);
    await client.command('qmp_capabilities');
    return client;
  }

  /**
   * Runs a command.
   * @throws UserFacingError `qmp-error` when QEMU refuses, `qmp-timeout`, `qmp-lost`.
   */
  async command(name: string, argumentsOfCommand: QmpObject = {}, seconds = ANSWER_SECONDS): Promise<unknown> {
    if (this.closed) throw qmpLost('it was closed before');
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
    this.socket.destroy();
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
