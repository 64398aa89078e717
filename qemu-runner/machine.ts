/** The machine: starts QEMU in a terminal of its own, watches it, and ends it in every way. */
import { EventEmitter } from 'node:events';
import { existsSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { IPty } from 'node-pty';
import { Console } from './consoles.ts';
import { qemuDidNotStart, qemuDied, qemuMissing, terminalLibraryMissing } from './errors.ts';
import type { PrivateFolder } from './janitor.ts';
import { findProgram } from './programs.ts';
import { qemuArguments, type MachineOptions, type MachinePaths } from './qemuArguments.ts';
import { QmpClient, type QmpObject } from './qmp.ts';

/** An image is a little larger than the memory that it is of. */
const HIBERNATION_HEADERS_MIB = 16;
const START_SECONDS = 20;
const QUIT_SECONDS = 3;
/** Characters. */
const CONSOLE_TAIL = 4000;

interface MachineEvents {
  /** QMP's events, such as SHUTDOWN, RESET, STOP. */
  event: [string, QmpObject];
  /** QEMU ended without being asked to. */
  died: [Error];
}

export class Machine extends EventEmitter<MachineEvents> {
  /** QEMU's own terminal: what it prints itself. */
  readonly terminal: Console;
  private ending = false;
  private readonly exited: Promise<void>;

  private constructor(
    private readonly pty: IPty,
    folder: PrivateFolder,
    readonly paths: MachinePaths,
  ) {
    super();
    this.terminal = new Console((bytes) => {
      pty.write(bytes.toString());
    });
    pty.onData((text) => {
      this.terminal.receive(Buffer.from(text));
    });
    folder.own(pty.pid);
    this.exited = new Promise((resolve) => {
      pty.onExit(({ exitCode, signal }) => {
        folder.gone(pty.pid);
        resolve();
        this.terminal.close();
        if (this.ending) return;
        this.ending = true;
        this.emit('died', qemuDied(signal ? `signal ${signal}` : `exit status ${exitCode}`, this.terminal.tail(4000)));
      });
    });
  }

  /** Set by `connect`. */
  qmp!: QmpClient;
  consoleA!: Console;
  consoleB!: Console;
  agentChannel!: Console;

  get pid(): number {
    return this.pty.pid;
  }

  /**
   * Starts QEMU, stopped before its first instruction, and connects to everything but the gdbstub.
   * @throws UserFacingError `qemu-missing`, `node-pty-missing`, `qemu-died` (with its output), `qemu-not-started`.
   */
  static async start(qemu: string, options: MachineOptions, folder: PrivateFolder): Promise<Machine> {
    const program = findProgram(qemu);
    if (program === undefined) throw qemuMissing(qemu);
    const paths: MachinePaths = {
      ram: folder.file('ram'),
      hibernationDisk: folder.file('hibernation.raw'),
      qmp: folder.file('qmp.socket'),
      gdb: folder.file('gdb.socket'),
      serial: [folder.file('com1.socket'), folder.file('com2.socket'), folder.file('com3.socket')],
    };
    const { spawn } = await import('node-pty').catch((error: unknown) => {
      throw terminalLibraryMissing((error as Error).message);
    });
    makeSparse(paths.hibernationDisk, (options.memory + HIBERNATION_HEADERS_MIB) * 2 ** 20);
    const command = ['--pdeathsig', 'KILL', '--', program, ...qemuArguments(options, paths)];
    const machine = new Machine(spawn('setpriv', command, { name: 'xterm-256color', cols: 120 }), folder, paths);
    try {
      await machine.connect(folder);
    } catch (error) {
      await machine.stop();
      throw error;
    }
    return machine;
  }

  /** What a kernel's console printed last. */
  consoleTail(kernel: 'A' | 'B'): string {
    return (kernel === 'A' ? this.consoleA : this.consoleB).tail(CONSOLE_TAIL);
  }

  /** Ends QEMU: asks it, then terminates it, then kills it. */
  async stop(): Promise<void> {
    const gone = this.exited.then(() => true);
    if (!this.ending) {
      this.ending = true;
      // `qmp` is missing when QEMU never opened its sockets.
      (this.qmp as QmpClient | undefined)?.command('quit', {}, QUIT_SECONDS).catch(() => undefined);
      for (const signal of ['SIGTERM', 'SIGKILL']) {
        if (await Promise.race([gone, delay(QUIT_SECONDS * 1000, false, { ref: false })])) break;
        this.pty.kill(signal);
      }
    }
    await gone;
    for (const part of [this.qmp, this.consoleA, this.consoleB, this.agentChannel]) {
      (part as { close(): void } | undefined)?.close();
    }
  }

  private async connect(folder: PrivateFolder): Promise<void> {
    const sockets = [this.paths.qmp, this.paths.gdb, ...this.paths.serial];
    const died = new Promise<never>((_, reject) => this.once('died', reject));
    const opened = (async () => {
      for (let waited = 0; !sockets.every((path) => existsSync(path)); waited += 10) {
        if (waited >= START_SECONDS * 1000) throw qemuDidNotStart(START_SECONDS, this.terminal.tail(4000));
        await delay(10);
        if (this.ending) return;
      }
    })();
    await Promise.race([opened, died]);
    died.catch(() => undefined);
    this.removeAllListeners('died');

    this.qmp = await QmpClient.connect(this.paths.qmp);
    this.qmp.on('event', (name, data) => this.emit('event', name, data));
    const [consoleA, agent, consoleB] = this.paths.serial;
    this.consoleA = await Console.connect(consoleA);
    this.agentChannel = await Console.connect(agent);
    this.consoleB = await Console.connect(consoleB);
    await this.consoleA.serve(folder.file('console-A.socket'));
    await this.consoleB.serve(folder.file('console-B.socket'));
    await this.terminal.serve(folder.file('qemu.socket'));
  }
}

/** A file that takes no room until it is written. */
function makeSparse(path: string, size: number): void {
  writeFileSync(path, '', { mode: 0o600 });
  truncateSync(path, size);
}
