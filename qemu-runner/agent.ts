/**
 * The guest agent's protocol: one line a request (`ID VERB ARGUMENTS`), one line an answer
 * (`ID ok KERNEL TEXT` or `ID error KERNEL TEXT`); `hello KERNEL …` when a kernel's agent starts.
 * The other side is guest/initramfs/agent. Lines are hostile until parsed: a guest can print anything.
 */
import { EventEmitter } from 'node:events';
import { agentRefused, agentSilent } from './errors.ts';
import type { Console } from './consoles.ts';

const LONGEST_LINE = 128 * 1024;

/** One line from the guest. */
export type AgentLine =
  | { kind: 'hello'; kernel: string; text: string }
  | { kind: 'answer'; id: number; ok: boolean; kernel: string; text: string };

/** Parses a line, or returns `undefined` for anything else that came through the channel. */
export function parseAgentLine(line: string): AgentLine | undefined {
  const hello = /^hello ([A-Z])(?: (.*))?$/.exec(line);
  if (hello) return { kind: 'hello', kernel: hello[1]!, text: hello[2] ?? '' };
  const answer = /^(\d{1,9}) (ok|error) ([A-Z])(?: (.*))?$/.exec(line);
  if (!answer) return undefined;
  return { kind: 'answer', id: Number(answer[1]), ok: answer[2] === 'ok', kernel: answer[3]!, text: answer[4] ?? '' };
}

/** The `key=value` words of an answer. */
export function parseFields(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\S+?)=(\S*)/g)].map(([, key = '', value = '']) => [key, value]));
}

interface Waiting {
  verb: string;
  resolve: (text: string) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
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
  private nextId = 1;
  private partial = '';

  constructor(
    private readonly channel: Console,
    private readonly surroundings: AgentSurroundings,
  ) {
    super();
    channel.on('data', (bytes) => {
      this.receive(bytes.toString('latin1'));
    });
  }

  /**
   * Sends a request to the live kernel's agent.
   * @param seconds time limit, of the guest's running time; Infinity for a jump, which is answered on the way back.
   * @throws UserFacingError `agent-refused` with the guest's words, or `agent-silent`.
   */
  async request(verb: string, argument = '', seconds = 30): Promise<string> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = this.limit(seconds, () => {
        this.waiting.delete(id);
        reject(agentSilent(verb, seconds, this.surroundings.consoleTail()));
      });
      this.waiting.set(id, { verb, resolve, reject, timer });
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

  /** Waits until the agent of a kernel has said hello. @throws UserFacingError `agent-silent`. */
  async waitForHello(kernel: string, seconds: number): Promise<void> {
    if (this.greeted.has(kernel)) return;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearInterval(timer);
        this.off('hello', onHello);
        this.off('closed', onClosed);
      };
      const timer = this.limit(seconds, () => {
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

  /** Gives up on the requests that wait: the machine was brought back to before they were made. */
  abandon(reason: Error): void {
    for (const waiting of this.waiting.values()) {
      clearInterval(waiting.timer);
      waiting.reject(reason);
    }
    this.waiting.clear();
  }

  /** Gives up on everything that waits. */
  close(reason: Error): void {
    this.abandon(reason);
    this.emit('closed', reason);
  }

  private limit(seconds: number, onExpired: () => void): NodeJS.Timeout {
    let left = seconds * 1000;
    const timer = setInterval(() => {
      if (this.surroundings.isRunning()) left -= TICK_MILLISECONDS;
      if (left > 0) return;
      clearInterval(timer);
      onExpired();
    }, TICK_MILLISECONDS);
    return timer;
  }

  private receive(text: string): void {
    const lines = (this.partial + text).split('\n');
    this.partial = lines.pop()!.slice(-LONGEST_LINE);
    for (const line of lines) this.receiveLine(line.replace(/\r$/, ''));
  }

  private receiveLine(line: string): void {
    const parsed = parseAgentLine(line);
    if (parsed?.kind === 'hello') {
      this.greeted.add(parsed.kernel);
      this.emit('hello', parsed.kernel, parsed.text);
    }
    if (parsed?.kind !== 'answer') return;
    const waiting = this.waiting.get(parsed.id);
    if (!waiting) return;
    this.waiting.delete(parsed.id);
    clearInterval(waiting.timer);
    if (parsed.ok) waiting.resolve(parsed.text);
    else waiting.reject(agentRefused(waiting.verb, parsed.text));
  }
}
