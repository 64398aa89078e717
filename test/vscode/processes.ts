/**
 * Child processes of the harness, each with one owner: us. When we end, in whatever way (also by SIGKILL), the child's
 * whole process group ends with us, because a watcher inside the group holds the read end of a pipe of ours.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a group may take to end after SIGTERM before it gets SIGKILL, in milliseconds. */
const GRACE_MS = 5000;
/** How much of a child's output is kept as evidence, in characters. */
const OUTPUT_KEPT = 64 * 1024;

/**
 * Runs "$@" and a watcher in one group. The watcher reads descriptor 3 until its writer (we) closes it or is gone, then
 * ends the group: SIGTERM, at most 5 s of patience with the main process, SIGKILL. This covers an orderly stop, a main
 * process that left children behind, and an owner that was killed.
 */
const SUPERVISOR = `
"$@" 3<&- &
main=$!
(
  trap '' TERM
  cat <&3 >/dev/null
  kill -TERM 0
  n=0
  while kill -0 $main 2>/dev/null && [ $n -lt ${GRACE_MS / 100} ]; do sleep 0.1; n=$((n + 1)); done
  kill -KILL 0
) >/dev/null 2>&1 &
wait $main
`;

/** How a process ended: an exit code, or the signal that ended it. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Where and how to start a process, and who listens to it. */
export interface StartOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Called with every complete line of stdout and stderr. */
  onLine?: (line: string) => void;
}

/** A process group that lives no longer than this Node process. */
export interface OwnedProcess {
  /** Process id of the group's leader; the group has the same id. */
  readonly pid: number;
  /** Settles when the main process has ended by itself or was stopped. Never rejects. */
  readonly ended: Promise<Ending>;
  /** The last 64 Ki characters of stdout and stderr, mixed in order of arrival. */
  output(): string;
  /** Ends the whole group and waits until it is gone: SIGTERM, then SIGKILL after 5 s. Safe to call twice. */
  stop(): Promise<void>;
}

/** Starts `command` in a process group of its own. A command that cannot be found shows up as exit code 127. */
export function startProcess(command: string, args: readonly string[], options: StartOptions = {}): OwnedProcess {
  const child = spawn('/bin/sh', ['-c', SUPERVISOR, 'supervisor', command, ...args], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const output = collectOutput(child, options.onLine);
  const lifeline = child.stdio[3];
  const letGo = (): void => {
    if (lifeline && 'destroy' in lifeline) lifeline.destroy();
  };
  lifeline?.on('error', () => undefined);
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', () => {
      resolve({ code: 127, signal: null });
    });
    child.once('exit', (code, signal) => {
      letGo(); // the watcher now ends whatever the main process left behind
      resolve({ code, signal });
    });
  });
  const pid = child.pid ?? 0;
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    letGo();
    await ended;
    if (pid > 0 && !(await groupIsGone(pid, GRACE_MS + 2000))) killGroup(pid);
  };
  return { pid, ended, output, stop: () => (stopping ??= stop()) };
}

/** Runs `command` to its end and gives how it ended and what it printed; past `timeoutMs` the group is ended. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: StartOptions & { timeoutMs: number },
): Promise<Ending & { output: string; timedOut: boolean }> {
  const running = startProcess(command, args, options);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void running.stop();
  }, options.timeoutMs);
  const ending = await running.ended;
  clearTimeout(timer);
  await running.stop();
  return { ...ending, output: running.output(), timedOut };
}

function collectOutput(child: ChildProcess, onLine?: (line: string) => void): () => string {
  let kept = '';
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      kept = (kept + text).slice(-OUTPUT_KEPT);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (onLine) lines.forEach(onLine);
    });
  }
  return () => kept;
}

async function groupIsGone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      process.kill(-pid, 0);
    } catch {
      return true;
    }
    if (Date.now() > deadline) return false;
    await sleep(30);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // gone in the meantime, which is what we wanted
  }
}
