/** A real Emacs with dap-mode, set up as docs/other-clients.md says and driven through its server. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cacheFolders } from '../../qemu-runner/guest/cache.ts';
import { startProcess, type OwnedProcess } from '../vscode/processes.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ANSWER_MS = 30_000;

/** Where Emacs stands: what its selected window shows. */
export interface Place {
  file: string;
  line: number;
}

/** Why there is no Emacs with dap-mode here, or `undefined` if there is. */
export function emacsMissing(): string | undefined {
  const { error, status, stderr } = spawnSync('emacs', ['-q', '--batch', '--eval', "(require 'dap-mode)"], {
    encoding: 'utf8',
  });
  if (error) return 'there is no emacs';
  return status === 0 ? undefined : `emacs has no dap-mode: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}

/** The lines that docs/other-clients.md tells a user to put into init.el. */
function initFile(): string {
  const text = readFileSync(join(ROOT, 'docs', 'other-clients.md'), 'utf8');
  const block = /```elisp\n(.*?)```/s.exec(text)?.[1] ?? '';
  assert.match(block, /~\/kexec-jump\//, 'the documentation has the lines for init.el');
  return block.replaceAll('~/kexec-jump/', `${ROOT}/`);
}

export class Emacs {
  private constructor(
    /** Marks all processes that descend from this Emacs: their TMPDIR. */
    readonly temporaryFolder: string,
    private readonly daemon: OwnedProcess,
  ) {}

  /** Starts Emacs without a window of its own, with a home folder of its own. */
  static async start(): Promise<Emacs> {
    const temporaryFolder = mkdtempSync(join(tmpdir(), 'emacs-'));
    const settings = join(temporaryFolder, '.emacs.d');
    mkdirSync(settings);
    // Compiling the packages natively in the background would compete with the guest.
    writeFileSync(join(settings, 'init.el'), `(setq native-comp-deferred-compilation nil)\n${initFile()}`);
    const env = {
      ...process.env,
      HOME: temporaryFolder,
      TMPDIR: temporaryFolder,
      LANG: 'C.UTF-8',
      KEXEC_JUMP_CACHE: cacheFolders().root,
    };
    const daemon = startProcess('emacs', [`--fg-daemon=${join(temporaryFolder, 'socket')}`], { env });
    const emacs = new Emacs(temporaryFolder, daemon);
    await emacs.until('Emacs', async () => (await emacs.evaluate('t').catch(() => false)) === true);
    // The frame that nobody sees is too small for dap-mode's windows.
    await emacs.evaluate('(set-frame-size nil 180 50)');
    return emacs;
  }

  /** The value of an expression, as JSON has it. @throws Error with Emacs' sentence. */
  async evaluate(expression: string): Promise<unknown> {
    const socket = join(this.temporaryFolder, 'socket');
    // Through a file, because emacsclient loses characters of long answers.
    const answer = join(this.temporaryFolder, 'answer.json');
    const json = `(json-serialize (with-current-buffer (window-buffer) ${expression}) :null-object nil)`;
    const write = `(let ((coding-system-for-write 'utf-8)) (write-region ${json} nil ${JSON.stringify(answer)} nil 'silent))`;
    await promisify(execFile)('emacsclient', ['-s', socket, '--eval', write], { timeout: ANSWER_MS });
    return JSON.parse(readFileSync(answer, 'utf8'));
  }

  /** What `M-x command` does. */
  async run(command: string): Promise<void> {
    await this.evaluate(`(progn (call-interactively '${command}) t)`);
  }

  /** Answers the next questions for one of several names with the first that begins so. */
  async choose(beginning: string): Promise<void> {
    await this.evaluate(
      `(progn (setq completing-read-function (lambda (_prompt names &rest _)
         (seq-find (lambda (name) (string-prefix-p ${JSON.stringify(beginning)} name)) names))) t)`,
    );
  }

  /** Text of a buffer, empty if there is none. */
  async text(buffer: string): Promise<string> {
    const name = JSON.stringify(buffer);
    const expression = `(if (get-buffer ${name}) (with-current-buffer ${name} (buffer-substring-no-properties 1 (point-max))) "")`;
    return (await this.evaluate(expression)) as string;
  }

  /** Waits until a buffer's text has something. */
  async shows(buffer: string, wanted: RegExp, seconds = 60): Promise<void> {
    await this.until(`${String(wanted)} in ${buffer}`, async () => wanted.test(await this.text(buffer)), seconds);
  }

  /** What the selected window shows. */
  async place(): Promise<Place> {
    const [file, line] = (await this.evaluate('(vector (buffer-name) (line-number-at-pos (window-point)))')) as [
      string,
      number,
    ];
    return { file, line };
  }

  /** Id of the stopped thread that dap-mode looks at; null while there is none. */
  async thread(): Promise<number | null> {
    return (await this.evaluate('(dap--debug-session-thread-id (dap--cur-session))')) as number | null;
  }

  /** Waits for a stop and its stack, and gives the thread's id. */
  async stop(seconds = 120): Promise<number> {
    await this.until(
      'a stop',
      async () => (await this.thread()) !== null && (await this.functions()).length > 0,
      seconds,
    );
    return (await this.thread())!;
  }

  /** Names of the functions on the stack of the thread that dap-mode looks at, innermost first. */
  async functions(): Promise<string[]> {
    const names = await this.evaluate(
      `(let ((session (dap--cur-session)))
         (vconcat (mapcar (lambda (frame) (gethash "name" frame))
                          (gethash (dap--debug-session-thread-id session)
                                   (dap--debug-session-thread-stack-frames session)))))`,
    );
    return names as string[];
  }

  async until(what: string, look: () => Promise<boolean>, seconds = 30): Promise<void> {
    for (let waited = 0; waited < seconds * 1000; waited += 100) {
      if (await look()) return;
      await delay(100);
    }
    const messages = await this.text('*Messages*').catch(() => this.daemon.output());
    assert.fail(`${what} did not come within ${seconds} s; Emacs says:\n${messages}`);
  }

  /** Closes Emacs as a user does, with whatever it is doing. */
  async close(): Promise<void> {
    await this.evaluate('(kill-emacs)').catch(() => undefined);
    await this.daemon.ended;
  }

  /** Ends Emacs by force if it is still there, and removes its folder. */
  async remove(): Promise<void> {
    await this.daemon.stop();
    rmSync(this.temporaryFolder, { recursive: true, force: true });
  }
}
