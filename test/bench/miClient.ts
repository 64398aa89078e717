/**
 * The least there can be between gdb's MI and a measurement: lines out, lines in. Answers are parsed by who needs them,
 * so that a step is not charged for it.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseMiLine, text, type MiTuple } from '../../debug-adapter/gdb/mi.ts';

const ANSWER_SECONDS = 120;

interface Waiting {
  resolve: (line: string) => void;
  reject: (error: Error) => void;
}

export class MiClient {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly answers = new Map<string, Waiting>();
  private stop: Waiting | undefined;
  private nextToken = 1;
  private readonly exited: Promise<void>;

  /** Starts gdb; the kernel ends it with us. */
  constructor(program = 'gdb') {
    const command = ['--pdeathsig', 'KILL', '--', program, '--interpreter=mi3', '-q', '-nx'];
    this.child = spawn('setpriv', command, { stdio: 'pipe' });
    this.child.stdin.on('error', () => undefined);
    this.child.stderr.resume();
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.receive(line);
    });
    this.exited = new Promise((resolve) => {
      const onEnd = (): void => {
        this.fail(new Error('gdb ended'));
        resolve();
      };
      this.child.once('exit', onEnd).once('error', onEnd);
    });
  }

  /** Runs a command and returns the line that answers it. Rejects with gdb's own words. */
  async command(command: string): Promise<string> {
    const token = String(this.nextToken++);
    return this.within(
      command,
      new Promise((resolve, reject) => {
        this.answers.set(token, { resolve, reject });
        this.child.stdin.write(`${token}${command}\n`);
      }),
    );
  }

  /** Runs a command and returns its results. */
  async results(command: string): Promise<MiTuple> {
    return resultsOf(await this.command(command));
  }

  /** Runs a command that lets the machine run, and returns the `*stopped` line that ends it. */
  async run(command: string): Promise<string> {
    const stopped = new Promise<string>((resolve, reject) => {
      this.stop = { resolve, reject };
    });
    stopped.catch(() => undefined);
    await this.command(command);
    return this.within(command, stopped);
  }

  /** Ends gdb by force: it has nothing to lose. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  private async within(command: string, work: Promise<string>): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`gdb did not answer ${command} within ${ANSWER_SECONDS} s`));
      }, ANSWER_SECONDS * 1000);
    });
    return Promise.race([work, late]).finally(() => {
      clearTimeout(timer);
    });
  }

  private receive(line: string): void {
    if (line.startsWith('*stopped')) {
      this.stop?.resolve(line);
      this.stop = undefined;
      return;
    }
    const token = /^(\d+)\^/.exec(line)?.[1];
    const waiting = token === undefined ? undefined : this.answers.get(token);
    if (token === undefined || !waiting) return;
    this.answers.delete(token);
    if (line.startsWith('^error', token.length)) waiting.reject(new Error(text(resultsOf(line)['msg'])));
    else waiting.resolve(line);
  }

  private fail(error: Error): void {
    for (const waiting of [...this.answers.values(), ...(this.stop ? [this.stop] : [])]) waiting.reject(error);
    this.answers.clear();
    this.stop = undefined;
  }
}

/** The results of a line of MI that has some. */
export function resultsOf(line: string): MiTuple {
  const record = parseMiLine(line);
  return record && 'results' in record ? record.results : {};
}
