/**
 * The private folder of a session and the janitor who clears it away.
 *
 * The janitor is a small shell of its own process group whose standard input is a pipe from us. When that pipe ends,
 * because we closed it or because we were killed, it ends the processes it was told of and removes the folder.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { folderNotMade, socketPathTooLong } from './errors.ts';

/** Longest path of a unix socket in bytes. Source: unix(7), sun_path. */
const LONGEST_SOCKET_PATH = 107;
const LONGEST_SOCKET_NAME = 'console-B.socket'.length;

/** Reads "own PID" and "gone PID" lines until its input ends. */
const JANITOR = `
pids=
while read -r word pid; do
  case $word in
    own) pids="$pids $pid" ;;
    gone) pids=$(printf '%s\\n' $pids | grep -vx "$pid" | tr '\\n' ' ') ;;
  esac
done
[ -n "$pids" ] && kill -KILL $pids 2>/dev/null
rm -rf -- "$1"
`;

/** A folder that only its user can read, for the sockets and the guest RAM of one session. */
export class PrivateFolder {
  private constructor(
    readonly path: string,
    private readonly janitor: ChildProcess & { stdin: Writable },
  ) {}

  /**
   * Makes the folder and starts its janitor.
   * @param parent where to make it; the system's temporary folder if not given.
   * @throws UserFacingError `folder-not-made` or `socket-path-too-long`.
   */
  static make(parent = tmpdir()): PrivateFolder {
    let path: string;
    try {
      path = mkdtempSync(join(parent, 'kexec-jump-'));
    } catch (error) {
      throw folderNotMade(parent, (error as Error).message);
    }
    const janitor = spawn('sh', ['-c', JANITOR, 'kexec-jump-janitor', path], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    janitor.stdin.on('error', () => undefined);
    janitor.unref();
    const folder = new PrivateFolder(path, janitor);
    if (Buffer.byteLength(path) + 1 + LONGEST_SOCKET_NAME > LONGEST_SOCKET_PATH) {
      folder.release();
      throw socketPathTooLong(path);
    }
    return folder;
  }

  /** Path of a file in the folder. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** A process that must not outlive us. */
  own(pid: number): void {
    this.janitor.stdin.write(`own ${pid}\n`);
  }

  /** The process ended: its number may be given to another. */
  gone(pid: number): void {
    this.janitor.stdin.write(`gone ${pid}\n`);
  }

  /** Ends what is still there and removes the folder. */
  release(): void {
    this.janitor.stdin.end();
  }
}
