/** Runs the build's commands: logged, with a time limit, cancellable, and never left behind. */

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { buildCancelled, commandFailed, commandTimedOut } from './errors.ts';

/** How one command is run. */
export interface CommandOptions {
  /** What is being done, for errors, e.g. "compiling Linux". */
  step: string;
  cwd?: string;
  /** Added to the clean environment the build runs in. */
  environment?: Record<string, string>;
  /** Milliseconds; default one minute. */
  timeLimit?: number;
  /** Called with every complete line of stdout and stderr. */
  onLine?: (line: string) => void;
  /** Exit statuses that are no failure; default only 0. */
  allowedStatuses?: readonly number[];
}

/** What a command left. */
export interface CommandResult {
  status: number;
  /** Standard output alone. */
  stdout: string;
}

const LOGS_KEPT = 10;
const LAST_LINES = 30;
const GRACE_MILLISECONDS = 5000;

/**
 * Stands between us and a command. Descriptor 3 is a pipe from us: when it closes because we are gone, even by SIGKILL,
 * the whole process group is ended, politely first, so that make removes its half-written targets.
 */
const SUPERVISOR = `
trap : TERM
{ read -r line <&3; trap '' TERM; kill -TERM -- -$$; sleep 3; kill -KILL -- -$$; } </dev/null >/dev/null 2>&1 4<&- &
watcher=$!
"$@" </dev/null 3<&-
status=$?
kill -KILL $watcher 2>/dev/null
exit $status`;

/** One build's log file and the commands it runs. */
export class CommandRunner {
  /** Absolute path of the log with all output of all commands. */
  readonly logFile: string;
  readonly signal: AbortSignal | undefined;
  /**
   * Descriptor that every command gets as its descriptor 4. With the build's lock in it, a make that outlives us by a
   * moment still keeps others out.
   */
  inherited: number | undefined;
  readonly #log: number;

  /** Opens a new log in `directory` and keeps only the newest few there. */
  constructor(directory: string, signal?: AbortSignal) {
    mkdirSync(directory, { recursive: true });
    const old = readdirSync(directory).filter((name) => name.endsWith('.log'));
    for (const name of old.sort().slice(0, -(LOGS_KEPT - 1))) rmSync(path.join(directory, name), { force: true });
    const stamp = new Date().toISOString().replaceAll(':', '-');
    this.logFile = path.join(directory, `${stamp}-${process.pid}.log`);
    this.#log = openSync(this.logFile, 'a');
    this.signal = signal;
  }

  /** Writes a line of our own into the log. */
  note(text: string): void {
    writeSync(this.#log, `${new Date().toISOString()} ${text}\n`);
  }

  close(): void {
    closeSync(this.#log);
  }

  /**
   * Runs a program to its end.
   * @throws UserFacingError lab-command-failed, lab-command-timed-out or lab-cancelled; the process group is gone then
   */
  async run(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
    if (this.signal?.aborted) throw buildCancelled();
    this.note(`+ ${[program, ...args].join(' ')}`);
    const child = spawn('/bin/sh', ['-c', SUPERVISOR, 'supervisor', program, ...args], {
      cwd: options.cwd,
      detached: true,
      env: { ...cleanEnvironment(), ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', this.inherited ?? 'ignore'],
    });

    let stdout = '';
    const lastLines: string[] = [];
    const feed = (stream: NodeJS.ReadableStream, keep: boolean): void => {
      let partial = '';
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        writeSync(this.#log, text);
        if (keep) stdout += text;
        const lines = (partial + text).split('\n');
        partial = lines.pop() ?? '';
        for (const line of lines) {
          if (lastLines.push(line) > LAST_LINES) lastLines.shift();
          options.onLine?.(line);
        }
      });
    };
    feed(child.stdout!, true);
    feed(child.stderr!, false);

    let ended: 'cancelled' | 'timed out' | undefined;
    const killers: NodeJS.Timeout[] = [];
    const end = (reason: 'cancelled' | 'timed out'): void => {
      ended ??= reason;
      killGroup(child.pid, 'SIGTERM');
      killers.push(
        setTimeout(() => {
          killGroup(child.pid, 'SIGKILL');
        }, GRACE_MILLISECONDS),
      );
    };
    const onAbort = (): void => {
      end('cancelled');
    };
    this.signal?.addEventListener('abort', onAbort, { once: true });
    const limit = options.timeLimit ?? 60_000;
    const limiter = setTimeout(() => {
      end('timed out');
    }, limit);
    try {
      const status = await new Promise<number | string>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code, killedBy) => {
          resolve(code ?? killedBy ?? 'unknown');
        });
      });
      if (ended === 'cancelled') throw buildCancelled();
      const tail = lastLines.join('\n');
      if (ended === 'timed out') throw commandTimedOut(options.step, Math.round(limit / 1000), tail, this.logFile);
      if (typeof status !== 'number' || !(options.allowedStatuses ?? [0]).includes(status)) {
        throw commandFailed(options.step, `ended with status ${status}`, tail, this.logFile);
      }
      return { status, stdout };
    } finally {
      clearTimeout(limiter);
      killers.forEach(clearTimeout);
      this.signal?.removeEventListener('abort', onAbort);
      // The group is empty after a normal end; a daemonized straggler must not survive either.
      killGroup(child.pid, 'SIGKILL');
    }
  }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has already ended.
  }
}

/** The user's variables minus everything that would steer make, the compilers or apt. */
function cleanEnvironment(): Record<string, string> {
  const kept = /^(PATH|HOME|USER|LOGNAME|TMPDIR|XDG_.*|.*_proxy|.*_PROXY)$/;
  const entries = Object.entries(process.env).filter(([name, value]) => kept.test(name) && value !== undefined);
  return { ...(Object.fromEntries(entries) as Record<string, string>), LC_ALL: 'C' };
}
