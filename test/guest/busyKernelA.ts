/** A kernel A with much to lose: files in memory and on a disk, programs, mounts, sockets, a shell with variables. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Console } from '../../qemu-runner/consoles.ts';
import type { Debuggee } from './debuggee.ts';
import { runInGuest } from './savedImage.ts';

/** Seconds that a line takes at most from one program to the other: `tail -f` looks once a second. */
const HEARD_SECONDS = 15;
const SHELL_SECONDS = 20;
/** Where the disk is mounted. */
export const DISK_FOLDER = '/mnt/disk';
const DATES_PID = '/tmp/dates.pid';

/** Programs that run on, each with its own output: none of them keeps the agent waiting. */
const detached = (command: string): string => `(setsid ${command} </dev/null >/dev/null 2>&1 &)`;

/**
 * Both ends of a TCP connection are programs of kernel A: each says what is appended to its .say file, and writes what it hears to its
 * .heard file. The system logger hears /dev/log, a unix socket.
 */
const FILL = [
  `mkdir -p ${DISK_FOLDER} /mnt/notes && mount -t ext2 /dev/vda ${DISK_FOLDER}`,
  'mount -t tmpfs -o size=3m notes /mnt/notes && echo kept >/mnt/notes/note',
  'cd /tmp && touch server.say server.heard client.say client.heard',
  detached("sh -c 'tail -f server.say | nc -l -p 7000 >server.heard'"),
  'sleep 1',
  detached("sh -c 'tail -f client.say | nc 127.0.0.1 7000 >client.heard'"),
  detached('syslogd -n -O /tmp/messages'),
  detached('sleep 86400'),
  detached(`sh -c 'echo $$ >dates.pid; while :; do date >>${DISK_FOLDER}/dates; sleep 1; done'`),
  `head -c 5000000 /dev/urandom >${DISK_FOLDER}/synced && sync`,
];

/** What has to be the same after each resume. */
export interface Kept {
  /** Of 20 MB in tmpfs. */
  canary: string;
  /** Of the file on the disk, read from it again. */
  disk: string;
  /** Process numbers, parents and command lines; of the loop that writes to the disk its number. */
  processes: string;
  mounts: string;
  /** The TCP connection, from both ends. */
  connection: string;
}

/** A raw disk with an ext2 file system on it. @param size in MiB. */
export function makeExt2(path: string, size: number): void {
  execFileSync('mke2fs', ['-q', '-t', 'ext2', '-F', path, `${size}M`], { stdio: 'pipe' });
}

/** What e2fsck finds of a disk that nobody has mounted; empty when it is whole. */
export function faultsOf(path: string): string {
  try {
    execFileSync('e2fsck', ['-fn', path], { stdio: 'pipe' });
    return '';
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout);
  }
}

/** Kernel A of a session, whose first disk of the user's is /dev/vda. */
export class BusyKernelA {
  /** Lines that were said on the connection, and are heard at its other end. */
  private readonly said: string[] = [];

  constructor(readonly debuggee: Debuggee) {}

  async fill(): Promise<void> {
    await this.debuggee.agent('plant', '20');
    await this.run(FILL.join('\n'));
    await this.shell('word=kept; words() { echo "it is $word twice: $word"; }');
    await this.says('before the jump');
  }

  /** The same kernel A in another machine. */
  in(debuggee: Debuggee): BusyKernelA {
    const same = new BusyKernelA(debuggee);
    same.said.push(...this.said);
    return same;
  }

  async kept(): Promise<Kept> {
    const { sha256 = '' } = await this.debuggee.agent('check');
    const userland = "ps -o pid,ppid,args | grep -E 'tail -f|nc |sleep 86400|syslogd|/bin/sh -l' | grep -v grep";
    // Between fork and exec a program of this loop is called what the loop is: it is known by its number.
    const loop = `kill -0 $(cat ${DATES_PID}) && cat ${DATES_PID}`;
    return {
      canary: sha256,
      disk: await this.run(`echo 1 >/proc/sys/vm/drop_caches; sha256sum ${DISK_FOLDER}/synced`),
      processes: (await this.run(userland)) + (await this.run(loop)),
      mounts: await this.run('cat /proc/mounts'),
      connection: await this.run('netstat -tn | grep 7000'),
    };
  }

  /** Ends what writes to the disk, and unmounts it. */
  async unmount(): Promise<void> {
    const isFree = `for i in 1 2 3 4 5; do umount ${DISK_FOLDER} && exit; sleep 1; done; exit 1`;
    await this.run(`kill $(cat ${DATES_PID}); (${isFree})`);
  }

  /** Says a line at each end of the connection, and to the logger; returns when both have come to the other end. */
  async says(line: string): Promise<void> {
    this.said.push(line);
    await this.run(
      `cd /tmp; echo "client: ${line}" >>client.say; echo "server: ${line}" >>server.say; logger "${line}"`,
    );
    const wanted = (end: string): string => this.said.map((one) => `${end}: ${one}\n`).join('');
    const heard = async (): Promise<string> => this.run('cat /tmp/server.heard /tmp/client.heard');
    let last = '';
    for (let waited = 0; waited < HEARD_SECONDS; waited++) {
      last = await heard();
      if (last === wanted('client') + wanted('server')) break;
      await delay(1000);
    }
    assert.equal(last, wanted('client') + wanted('server'));
    const messages = await this.run('cat /tmp/messages');
    for (const one of this.said) assert.ok(messages.includes(one), `"${one}" is not in the log:\n${messages}`);
  }

  /** Types a line into the shell on kernel A's console, and waits for what it prints. */
  async shell(line: string, answer?: string): Promise<void> {
    const terminal = await Console.connect(join(this.debuggee.folder, 'console-A.socket'));
    terminal.write(`${line}\n`);
    for (let waited = 0; answer !== undefined && !terminal.tail().includes(answer); waited += 50) {
      assert.ok(waited < SHELL_SECONDS * 1000, `the shell did not print ${answer}:\n${terminal.tail()}`);
      await delay(50);
    }
  }

  async run(script: string): Promise<string> {
    return runInGuest(this.debuggee, script.replaceAll('\n', '; '));
  }
}
