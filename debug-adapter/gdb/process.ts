/** One gdb process behind MI: commands with time limits, events, and a clear end. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import { GdbCommandError, gdbDied, gdbMissing, gdbTimedOut } from '../errors.ts';
import { parseMiLine, quote, text, type MiRecord, type MiTuple } from './mi.ts';

const ANSWER_SECONDS = 30;
const KEPT_LINES = 40;

type MiResult = MiRecord & { kind: 'result' };

interface Waiting {
  console: string[];
  resolve: (record: MiResult) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

interface GdbEvents {
  /** `*stopped`: the results of the record. */
  stopped: [MiTuple];
  running: [];
  /** Every line in (`<`) and out (`>`), for the log. */
  line: [string];
  /** It ended without being asked to. */
  died: [Error];
  /** It ended, in whatever way. */
  exited: [];
}

export class GdbProcess extends EventEmitter<GdbEvents> {
  private readonly waiting = new Map<number, Waiting>();
  private readonly lastLines: string[] = [];
  private nextToken = 1;
  private ended = false;

  private constructor(
    private readonly kernel: string,
    private readonly child: ChildProcessWithoutNullStreams,
  ) {
    super();
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.receive(line);
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.remember(line);
    });
    child.stdin.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      this.end(signal ?? `exit status ${code ?? '?'}`);
    });
  }

  /**
   * Starts gdb. The kernel ends it with us, however we end.
   * @throws UserFacingError `gdb-missing` when it cannot be started.
   */
  static async start(kernel: string, path: string): Promise<GdbProcess> {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', path, '--interpreter=mi3', '-q', '-nx'], {
      stdio: 'pipe',
    });
    return new Promise((resolve, reject) => {
      child.once('error', (error) => {
        reject(gdbMissing(path, error.message));
      });
      const gdb = new GdbProcess(kernel, child);
      gdb.once('died', (error) => {
        reject(gdbMissing(path, error.message));
      });
      gdb
        .command('-gdb-version')
        .then(() => {
          gdb.removeAllListeners('died');
          resolve(gdb);
        })
        .catch(reject);
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /**
   * Runs an MI command (`-break-insert …`).
   * @throws GdbCommandError with gdb's own words; UserFacingError when it dies or takes too long.
   */
  async command(command: string, seconds = ANSWER_SECONDS): Promise<MiTuple> {
    return (await this.run(command, seconds)).results;
  }

  /** Runs a command of gdb's command line and returns what it printed. */
  async console(command: string, seconds = ANSWER_SECONDS): Promise<string> {
    return (await this.run(`-interpreter-exec console ${quote(command)}`, seconds)).output;
  }

  /** Ends gdb; by force if it does not go at once. */
  async stop(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    const gone = new Promise<void>((resolve) =>
      this.child.once('exit', () => {
        resolve();
      }),
    );
    this.child.stdin.end('-gdb-exit\n');
    const force = setTimeout(() => this.child.kill('SIGKILL'), 1000);
    await gone;
    clearTimeout(force);
  }

  private async run(command: string, seconds: number): Promise<{ results: MiTuple; output: string }> {
    if (this.ended) throw gdbDied(this.kernel, 'before', this.lastLines.join('\n'));
    const token = this.nextToken++;
    const output: string[] = [];
    const record = await new Promise<MiResult>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(token);
        reject(gdbTimedOut(command, seconds));
      }, seconds * 1000);
      this.waiting.set(token, { console: output, resolve, reject, timer });
      this.emit('line', `> ${command}`);
      this.child.stdin.write(`${token}${command}\n`);
    });
    // Made here and not where the answer is read, so that the stack names the caller.
    if (record.class === 'error') throw new GdbCommandError(command, text(record.results['msg']));
    return { results: record.results, output: output.join('') };
  }

  private receive(line: string): void {
    this.emit('line', `< ${line}`);
    const record = parseMiLine(line);
    if (!record) {
      this.remember(line);
      return;
    }
    switch (record.kind) {
      case 'result':
        this.settle(record);
        break;
      case 'exec':
        if (record.class === 'stopped') this.emit('stopped', record.results);
        else this.emit('running');
        break;
      case 'console':
      case 'target':
      case 'log':
        this.print(record.text);
        break;
    }
  }

  /** gdb works on commands in order: what it prints belongs to the oldest one that waits. */
  private print(line: string): void {
    const [oldest] = this.waiting.values();
    oldest?.console.push(line);
    this.remember(line.trimEnd());
  }

  private settle(record: MiResult): void {
    const waiting = record.token === undefined ? undefined : this.waiting.get(record.token);
    if (!waiting || record.token === undefined) return;
    this.waiting.delete(record.token);
    clearTimeout(waiting.timer);
    // A stop may follow in the same breath: whoever asked must not take the machine for running after it.
    if (record.class === 'running') this.emit('running');
    waiting.resolve(record);
  }

  private remember(line: string): void {
    if (!line) return;
    this.lastLines.push(line);
    if (this.lastLines.length > KEPT_LINES) this.lastLines.shift();
  }

  private end(how: string): void {
    const error = gdbDied(this.kernel, how, this.lastLines.join('\n'));
    for (const waiting of this.waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
    this.waiting.clear();
    this.emit('exited');
    if (this.ended) return;
    this.ended = true;
    this.emit('died', error);
  }
}
