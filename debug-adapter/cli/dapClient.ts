/** A small client of the debug adapter: the process, requests with time limits, events. */
import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { adapterEnded, adapterRefused, adapterSilent } from '../errors.ts';

const ANSWER_SECONDS = 60;

interface Waiting {
  command: string;
  resolve: (body: unknown) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** How the adapter is started: a program and its arguments. */
export interface AdapterCommand {
  program: string;
  args: readonly string[];
}

/** Emits `event` with each event of the adapter, and `exit` when its process ended. */
export class DapClient extends EventEmitter<{ event: [DebugProtocol.Event]; exit: [Error] }> {
  private readonly waiting = new Map<number, Waiting>();
  private nextSequence = 1;
  private pieces: Buffer[] = [];
  private received = 0;
  /** Bytes that have to be there before it pays to look at them. */
  private wanted = 1;
  private errorOutput = '';
  readonly exited: Promise<void>;

  private constructor(private readonly child: ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable }) {
    super();
    child.stdout.on('data', (bytes: Buffer) => {
      this.receive(bytes);
    });
    child.stderr.on('data', (bytes: Buffer) => {
      this.errorOutput = (this.errorOutput + bytes.toString()).slice(-4000);
    });
    child.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.onExit(signal ?? `exit status ${code ?? '?'}`);
        resolve();
      });
    });
  }

  static start({ program, args }: AdapterCommand): DapClient {
    return new DapClient(spawn(program, args, { stdio: 'pipe' }));
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** @throws UserFacingError with the adapter's sentence, or when it is silent or gone. */
  async request<Body = unknown>(
    command: string,
    argumentsOfCommand: object = {},
    seconds = ANSWER_SECONDS,
  ): Promise<Body> {
    const seq = this.nextSequence++;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(seq);
        reject(adapterSilent(command, seconds));
      }, seconds * 1000);
      this.waiting.set(seq, { command, resolve, reject, timer });
      const message = JSON.stringify({ seq, type: 'request', command, arguments: argumentsOfCommand });
      this.child.stdin.write(`Content-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`);
    }) as Promise<Body>;
  }

  /** Waits for the next event that fits. */
  async waitFor<Event extends DebugProtocol.Event = DebugProtocol.Event>(
    name: string,
    seconds: number,
    fits: (event: Event) => boolean = () => true,
  ): Promise<Event> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.off('event', onEvent);
        this.off('exit', onExit);
      };
      const timer = setTimeout(() => {
        settle();
        reject(adapterSilent(`event ${name}`, seconds));
      }, seconds * 1000);
      const onEvent = (event: DebugProtocol.Event): void => {
        if (event.event !== name || !fits(event as Event)) return;
        settle();
        resolve(event as Event);
      };
      const onExit = (error: Error): void => {
        settle();
        reject(error);
      };
      this.on('event', onEvent);
      this.on('exit', onExit);
    });
  }

  /** Ends the session and waits for the adapter to go; by force if it does not. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    await this.request('disconnect', {}, 15).catch(() => undefined);
    this.child.stdin.end();
    const force = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await this.exited;
    clearTimeout(force);
  }

  /** A long message comes in many pieces: they are put together once, when all are there. */
  private receive(bytes: Buffer): void {
    this.pieces.push(bytes);
    this.received += bytes.length;
    while (this.received >= this.wanted) {
      const all = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces);
      const headerEnd = all.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(all.toString('latin1', 0, Math.max(headerEnd, 0)))?.[1]);
      const end = headerEnd + 4 + length;
      const isWhole = headerEnd >= 0 && all.length >= end;
      const rest = isWhole ? all.subarray(end) : all;
      this.pieces = [rest];
      this.received = rest.length;
      this.wanted = isWhole ? 1 : headerEnd < 0 ? rest.length + 1 : end;
      if (isWhole) this.handle(JSON.parse(all.toString('utf8', headerEnd + 4, end)) as DebugProtocol.ProtocolMessage);
    }
  }

  private handle(message: DebugProtocol.ProtocolMessage): void {
    if (message.type === 'event') this.emit('event', message as DebugProtocol.Event);
    else if (message.type === 'response') this.settle(message as DebugProtocol.Response);
  }

  private settle(response: DebugProtocol.Response): void {
    const waiting = this.waiting.get(response.request_seq);
    if (!waiting) return;
    this.waiting.delete(response.request_seq);
    clearTimeout(waiting.timer);
    if (response.success) waiting.resolve(response.body);
    else waiting.reject(adapterRefused(waiting.command, response.message ?? 'no reason given'));
  }

  private onExit(how: string): void {
    const error = adapterEnded(how, this.errorOutput);
    for (const waiting of this.waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
    this.waiting.clear();
    this.emit('exit', error);
  }
}
