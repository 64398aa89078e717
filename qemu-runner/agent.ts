/**
 * The guest agent's protocol: one line a request (`ID VERB ARGUMENTS`), one line an answer
 * (`ID ok KERNEL TEXT` or `ID error KERNEL TEXT`), before which `ID progress KERNEL BYTES TOTAL` may come;
 * `hello KERNEL …` when a kernel's agent starts.
 * The other side is guest/initramfs/agent. Lines are hostile until parsed: a guest can print anything.
 */
import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { agentRefused, agentSilent } from './errors.ts';
import type { Console } from './consoles.ts';

const LONGEST_LINE = 128 * 1024;

/** One line from the guest. */
export type AgentLine =
  | { kind: 'hello'; kernel: string; text: string }
  | { kind: 'progress'; id: number; kernel: string; bytes: number; total: number }
  | { kind: 'answer'; id: number; ok: boolean; kernel: string; text: string };

/** Parses a line, or returns `undefined` for anything else that came through the channel. */
export function parseAgentLine(line: string): AgentLine | undefined {
  const hello = /^hello ([A-Z])(?: (.*))?$/.exec(line);
  if (hello) return { kind: 'hello', kernel: hello[1]!, text: hello[2] ?? '' };
  const progress = /^(\d{1,9}) progress ([A-Z]) (\d{1,15}) (\d{1,15})$/.exec(line);
  if (progress) {
    const [id, bytes, total] = [progress[1], progress[3], progress[4]].map(Number) as [number, number, number];
    return { kind: 'progress', id, kernel: progress[2]!, bytes, total };
  }
  const answer = /^(\d{1,9}) (ok|error) ([A-Z])(?: (.*))?$/.exec(line);
  if (!answer) return undefined;
  return { kind: 'answer', id: Number(answer[1]), ok: answer[2] === 'ok', kernel: answer[3]!, text: answer[4] ?? '' };
}

/** The `key=value` words of an answer. */
export function parseFields(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\S+?)=(\S*)/g)].map(([, key = '', value = '']) => [key, value]));
}

/** How far a request is, in bytes. */
export type OnAgentProgress = (bytes: number, total: number) => void;

interface Waiting {
  verb: string;
  onProgress: OnAgentProgress;
  resolve: (text: string) => void;
  reject: (error: Error) => void;
  limit: Limit;
}

/** A time limit that runs while the guest does. */
interface Limit {
  timer: NodeJS.Timeout;
  seconds: number;
  /** What is left of it. */
  milliseconds: number;
}

const TICK_MILLISECONDS = 100;

/** What the agent needs to know of its machine. */
export interface AgentSurroundings {
  /** The end of the guest's console, for errors. */
  consoleTail(): string;
  /** Whether the guest runs: time in which a debugger holds it does not count against a limit. */
  isRunning(): boolean;
}

/** Talks to the agent of whichever kernel is live. Emits `hello` with the kernel's name and the rest of the line. */
export class GuestAgent extends EventEmitter<{ hello: [string, string]; closed: [Error] }> {
  private readonly waiting = new Map<number, Waiting>();
  private readonly greeted = new Set<string>();
  private partial = '';

  constructor(
    private readonly channel: Console,
    private readonly surroundings: AgentSurroundings,
    /** A kernel that is resumed here answers what it was asked in another session: ids are not to be the same. */
    private nextId = randomInt(1, 900_000_000),
  ) {
    super();
    channel.on('data', (bytes) => {
      this.receive(bytes.toString('latin1'));
    });
  }

  /**
   * Sends a request to the live kernel's agent.
   * @param seconds time limit, of the guest's running time in which there is no progress; Infinity for a jump, which is
   * answered on the way back.
   * @throws UserFacingError `agent-refused` with the guest's words, or `agent-silent`.
   */
  async request(
    verb: string,
    argument = '',
    seconds = 30,
    onProgress: OnAgentProgress = () => undefined,
  ): Promise<string> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const limit = this.limit(seconds, () => {
        this.waiting.delete(id);
        reject(agentSilent(verb, seconds, this.surroundings.consoleTail()));
      });
      this.waiting.set(id, { verb, onProgress, resolve, reject, limit });
      this.channel.write(`${id} ${verb}${argument ? ' ' + argument : ''}\n`);
    });
  }

  /** Whether the agent of a kernel has said hello since the kernel booted. */
  isReady(kernel: string): boolean {
    return this.greeted.has(kernel);
  }

  /** A kernel boots anew: its agent has not said hello yet. */
  forget(kernel: string): void {
    this.greeted.delete(kernel);
  }

  /** The kernels whose agents have said hello. */
  get ready(): string[] {
    return [...this.greeted];
  }

  /** The machine was brought back to a moment when the agents of these kernels had said hello. */
  rewind(ready: readonly string[], reason: Error): void {
    this.abandon(reason);
    this.partial = '';
    this.greeted.clear();
    for (const kernel of ready) this.greeted.add(kernel);
  }

  /** Waits until the agent of a kernel has said hello. @throws UserFacingError `agent-silent`. */
  async waitForHello(kernel: string, seconds: number): Promise<void> {
    if (this.greeted.has(kernel)) return;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearInterval(limit.timer);
        this.off('hello', onHello);
        this.off('closed', onClosed);
      };
      const limit = this.limit(seconds, () => {
        settle();
        reject(agentSilent('hello', seconds, this.surroundings.consoleTail()));
      });
      const onHello = (name: string): void => {
        if (name !== kernel) return;
        settle();
        resolve();
      };
      const onClosed = (reason: Error): void => {
        settle();
        reject(reason);
      };
      this.on('hello', onHello);
      this.on('closed', onClosed);
    });
  }

  private abandon(reason: Error): void {
    for (const waiting of this.waiting.values()) {
      clearInterval(waiting.limit.timer);
      waiting.reject(reason);
    }
    this.waiting.clear();
  }

  /** Gives up on everything that waits. */
  close(reason: Error): void {
    this.abandon(reason);
    this.emit('closed', reason);
  }

  private limit(seconds: number, onExpired: () => void): Limit {
    const timer = setInterval(() => {
      if (this.surroundings.isRunning()) limit.milliseconds -= TICK_MILLISECONDS;
      if (limit.milliseconds > 0) return;
      clearInterval(timer);
      onExpired();
    }, TICK_MILLISECONDS);
    const limit: Limit = { timer, seconds, milliseconds: seconds * 1000 };
    return limit;
  }

  private receive(text: string): void {
    const lines = (this.partial + text).split('\n');
    this.partial = lines.pop()!.slice(-LONGEST_LINE);
    for (const line of lines) this.receiveLine(line.replace(/\r$/, ''));
  }

  private receiveLine(line: string): void {
    const parsed = parseAgentLine(line);
    // The agent of a kernel that was resumed has said hello in another session: an answer is as good.
    if (parsed?.kind === 'hello' || (parsed && !this.greeted.has(parsed.kernel))) {
      this.greeted.add(parsed.kernel);
      this.emit('hello', parsed.kernel, parsed.kind === 'hello' ? parsed.text : '');
    }
    if (parsed?.kind === 'progress') this.onProgress(parsed.id, parsed.bytes, parsed.total);
    if (parsed?.kind !== 'answer') return;
    const waiting = this.waiting.get(parsed.id);
    if (!waiting) return;
    this.waiting.delete(parsed.id);
    clearInterval(waiting.limit.timer);
    if (parsed.ok) waiting.resolve(parsed.text);
    else waiting.reject(agentRefused(waiting.verb, parsed.text));
  }

  private onProgress(id: number, bytes: number, total: number): void {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    // It may go on as long as it gets further.
    waiting.limit.milliseconds = waiting.limit.seconds * 1000;
    waiting.onProgress(bytes, total);
  }
}
