/** A session with the real adapter, as a debug client has it, for tests. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { DapClient } from '../../debug-adapter/cli/dapClient.ts';
import type {
  AttachConfiguration,
  HibernateWish,
  HibernationReport,
  JumpState,
  LaunchConfiguration,
  PhaseEvent,
  TransferEvent,
} from '../../debug-adapter/protocol.ts';
import { parseFields } from '../../qemu-runner/agent.ts';

const ADAPTER = join(import.meta.dirname, '..', '..', 'dist', 'adapter.cjs');
const SECONDS = 120;
/** Time limit for kernel A to be saved, which has up to 5 GiB. */
export const SAVING_SECONDS = 280;

/** Where the session stopped: the stop event and its stack, innermost first, as "function file:line". */
export interface Stop {
  description: string;
  reason: string;
  threadId: number;
  frames: DebugProtocol.StackFrame[];
  /** Names of the functions, innermost first. */
  functions: string[];
  /** "file.c:line" of the innermost frame, or an address. */
  place: string;
  /** Text of that line in the source. */
  line: string;
}

export class Debuggee {
  readonly phases: PhaseEvent[] = [];
  /** What was told of saving and resuming. */
  readonly transfers: TransferEvent[] = [];
  /** Threads that were said to stand still. */
  readonly dormant = new Set<number>();
  /** What the debug console shows. */
  output = '';
  private readonly stops: DebugProtocol.StoppedEvent[] = [];
  private state: JumpState | undefined;
  private terminated = false;
  /** Folder of the session's sockets. */
  folder = '';

  private static readonly started = new Set<Debuggee>();

  /** Ends what a failed test left, so that the run itself ends. */
  static async endAll(): Promise<void> {
    await Promise.all([...Debuggee.started].map(async ({ client }) => client.stop()));
    Debuggee.started.clear();
  }

  private constructor(readonly client: DapClient) {
    Debuggee.started.add(this);
    client.on('event', (event) => {
      if (event.event === 'kexecJump/phase') this.phases.push(event.body as PhaseEvent);
      if (event.event === 'kexecJump/transfer') this.transfers.push(event.body as TransferEvent);
      if (event.event === 'kexecJump/state') this.state = event.body as JumpState;
      if (event.event === 'kexecJump/consoles') this.folder = join((event.body as { qemu: string }).qemu, '..');
      if (event.event === 'stopped') this.onStopped(event as DebugProtocol.StoppedEvent);
      if (event.event === 'terminated') this.terminated = true;
      if (event.event === 'output') this.output += (event as DebugProtocol.OutputEvent).body.output;
    });
  }

  /** That a kernel went dormant is no stop of the machine. */
  private onStopped(event: DebugProtocol.StoppedEvent): void {
    if (event.body.reason === 'dormant') this.dormant.add(event.body.threadId!);
    else if (!event.body.preserveFocusHint) this.stops.push(event);
  }

  /** Starts the adapter and asks it to launch. Rejects with the adapter's sentence. */
  static async launch(configuration: LaunchConfiguration, environment: NodeJS.ProcessEnv = {}): Promise<Debuggee> {
    const debuggee = Debuggee.start(environment);
    try {
      await debuggee.initialize(configuration);
      await debuggee.client.request('configurationDone');
      return debuggee;
    } catch (error) {
      await debuggee.client.stop();
      throw error;
    }
  }

  /** Starts the adapter and asks it to attach. Rejects with the adapter's sentence. */
  static async attach(configuration: AttachConfiguration): Promise<Debuggee> {
    const debuggee = Debuggee.start();
    try {
      await debuggee.initialize(configuration, 'attach');
      await debuggee.client.request('configurationDone');
      return debuggee;
    } catch (error) {
      await debuggee.client.stop();
      throw error;
    }
  }

  /** Starts the adapter only. @param within a command that runs it, with its arguments. */
  static start(environment: NodeJS.ProcessEnv = {}, within: readonly string[] = []): Debuggee {
    const env = Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`);
    return new Debuggee(DapClient.start({ program: 'env', args: [...env, ...within, process.execPath, ADAPTER] }));
  }

  async initialize(
    configuration: LaunchConfiguration | AttachConfiguration,
    request: 'launch' | 'attach' = 'launch',
  ): Promise<void> {
    await this.client.request('initialize', {
      adapterID: 'kexec-jump',
      pathFormat: 'path',
      clientID: 'vscode',
      supportsInvalidatedEvent: true,
    });
    const initialized = this.client.waitFor('initialized', SECONDS);
    initialized.catch(() => undefined);
    await this.client.request(request, configuration, SECONDS);
    await initialized;
  }

  /** Saves kernel A. Rejects with the adapter's sentence. */
  async hibernate(wish: HibernateWish): Promise<HibernationReport> {
    return this.client.request<HibernationReport>('kexecJump/hibernate', wish, SAVING_SECONDS);
  }

  /** Waits for the next stop that was not taken yet. */
  async stop(seconds = SECONDS): Promise<Stop> {
    const event = await this.until(() => this.stops.shift(), seconds, 'a stop');
    const threadId = event.body.threadId!;
    const frames = await this.stack(threadId);
    const [innermost] = frames;
    const path = innermost?.source?.path;
    return {
      description: event.body.description ?? '',
      reason: event.body.reason,
      threadId,
      frames,
      functions: frames.map(({ name }) => name),
      place: path ? `${basename(path)}:${innermost.line}` : (innermost?.instructionPointerReference ?? ''),
      line: path ? (readFileSync(path, 'utf8').split('\n')[innermost.line - 1]?.trim() ?? '') : '',
    };
  }

  /** Descriptions of the stops that nobody has taken yet. */
  stopsSoFar(): string[] {
    return this.stops.map(({ body }) => body.description ?? body.reason);
  }

  async stack(threadId: number): Promise<DebugProtocol.StackFrame[]> {
    const { stackFrames } = await this.client.request<DebugProtocol.StackTraceResponse['body']>('stackTrace', {
      threadId,
    });
    return stackFrames;
  }

  async evaluate(expression: string, frameId?: number, context = 'watch'): Promise<string> {
    const { result } = await this.client.request<{ result: string }>('evaluate', { expression, frameId, context });
    return result;
  }

  async proceed(threadId: number, command: 'continue' | 'next' | 'stepIn' | 'stepOut' = 'continue'): Promise<void> {
    await this.client.request(command, { threadId });
  }

  can(what: 'canJump' | 'canJumpBack'): boolean {
    return this.state?.[what] ?? false;
  }

  /** Waits until the session says that the machine is suspended to RAM. */
  async asleep(): Promise<void> {
    await this.until(() => (this.state?.asleep ? true : undefined), SECONDS, 'sleep');
  }

  /** Waits until the session says that something can be done. */
  async ready(what: 'canJump' | 'canJumpBack', seconds = SECONDS): Promise<void> {
    await this.until(() => this.can(what) || undefined, seconds, what);
  }

  async agent(verb: string, argument = '', seconds = 60): Promise<Record<string, string>> {
    const { text } = await this.client.request<{ text: string }>(
      'kexecJump/agent',
      { verb, argument, seconds },
      seconds + 30,
    );
    return parseFields(text);
  }

  async hasTerminated(seconds = 30): Promise<void> {
    await this.until(() => this.terminated || undefined, seconds, 'the end of the session');
  }

  /** Processes that the session started: those below the adapter, and QEMU. */
  processes(): number[] {
    return descendants(this.client.pid!);
  }

  /** Ends the session and checks that nothing of it is left. */
  async end(): Promise<void> {
    const processes = this.processes();
    await this.client.stop();
    await nothingLeft(processes, this.folder);
  }

  async until<T>(look: () => T | undefined, seconds: number, what: string): Promise<T> {
    for (let waited = 0; waited < seconds * 1000; waited += 20) {
      const found = look();
      if (found !== undefined) return found;
      await delay(20);
    }
    assert.fail(`${what} did not come within ${seconds} s; the debug console:\n${this.output}`);
  }
}

/** Checks that processes and a folder go away within the time that an orderly end takes. */
export async function nothingLeft(processes: readonly number[], folder: string): Promise<void> {
  const left = (): string[] => [
    ...processes.filter(isAlive).map((pid) => `process ${pid} (${commandLine(pid)})`),
    ...(folder && readable(folder) ? [folder] : []),
  ];
  for (let waited = 0; waited < 10_000 && left().length > 0; waited += 50) await delay(50);
  assert.deepEqual(left(), []);
}

function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = status(Number(name))?.parent;
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const found = [pid];
  for (const ancestor of found) {
    for (const [child, parent] of parents) if (parent === ancestor) found.push(child);
  }
  return found;
}

/** A zombie has ended: who should reap it is not ours to say. */
function isAlive(pid: number): boolean {
  const found = status(pid);
  return found !== undefined && found.state !== 'Z';
}

function status(pid: number): { state: string; parent: number } | undefined {
  try {
    const [, state = '', parent] = /\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 120);
  } catch {
    return 'gone';
  }
}

function readable(folder: string): boolean {
  try {
    readdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
