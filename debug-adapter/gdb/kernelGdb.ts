/** The gdb of one kernel: set up for a kernel behind our stub, with run control that waits for what it asked for. */
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GdbCommandError, gdbTimedOut } from '../errors.ts';
import type { KernelName } from '../jump/kernel.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { list, quote, text, tuple, type MiTuple } from './mi.ts';
import { GdbProcess } from './process.ts';

const STOP_SECONDS = 15;
const SYMBOL_SECONDS = 120;

const SETTINGS = [
  'set pagination off',
  'set confirm off',
  'set width 0',
  'set print elements 200',
  'set disassembly-flavor att',
  'set auto-load off',
  'set python print-stack none',
  // Else gdb withdraws its breakpoints at a stop that the jump makes, and arms them too late.
  'set breakpoint always-inserted on',
  // "Went dormant" arrives as SIGSTOP; the guest never sees it.
  'handle SIGSTOP stop nopass',
  'set remotetimeout 20',
  'set tcp connect-timeout 20',
];

/** Emits `stopped` with MI's results at each stop, `line` for the log, `died` when it ends unasked. */
export class KernelGdb extends EventEmitter<{ stopped: [MiTuple]; died: [Error]; line: [string] }> {
  private running = false;
  /** Names of the object files whose symbols were added, by address, so that none is added twice. */
  private readonly added = new Set<string>();

  private constructor(
    readonly kernel: KernelName,
    readonly process: GdbProcess,
  ) {
    super();
    process.on('stopped', (results) => {
      this.running = false;
      this.emit('stopped', results);
    });
    process.on('running', () => {
      this.running = true;
    });
    process.on('line', (line) => this.emit('line', line));
    process.on('died', (error) => this.emit('died', error));
  }

  /** Starts gdb and gives it its settings and the user's own commands. */
  static async start(kernel: KernelName, path: string, setup: readonly string[]): Promise<KernelGdb> {
    const gdb = new KernelGdb(kernel, await GdbProcess.start(kernel, path));
    try {
      await gdb.command('-gdb-set mi-async on');
      for (const setting of SETTINGS) await gdb.console(setting);
      for (const command of setup) await gdb.console(command);
    } catch (error) {
      await gdb.stop();
      throw error;
    }
    return gdb;
  }

  get isRunning(): boolean {
    return this.running;
  }

  async command(command: string, seconds?: number): Promise<MiTuple> {
    return this.process.command(command, seconds);
  }

  async console(command: string, seconds?: number): Promise<string> {
    return this.process.console(command, seconds);
  }

  /** Loads vmlinux where it is linked: enough to ask for types and for addresses in the file. */
  async loadSymbols(vmlinux: string): Promise<void> {
    await this.command(`-file-exec-and-symbols ${quote(vmlinux)}`, SYMBOL_SECONDS);
  }

  /** Loads the kernel's own gdb commands, if they were built (CONFIG_GDB_SCRIPTS). A gdb without Python goes without. */
  async loadKernelCommands(script: string): Promise<void> {
    if (!existsSync(script)) return;
    await this.console(`source ${script}`).catch((error: unknown) => {
      if (!(error instanceof GdbCommandError)) throw error;
      this.emit('line', `! ${script}: ${error.gdbMessage}`);
    });
  }

  /** Where source files are looked for beside the places that the line tables name. */
  async addSourceDirectory(path: string): Promise<void> {
    await this.command(`-environment-directory ${quote(path)}`);
  }

  /**
   * Moves the symbols to where the kernel runs. `offset` is in bytes. gdb must be stopped. The new file replaces the old
   * one in one command: without symbols in between gdb would disable its breakpoints.
   */
  async relocateSymbols(vmlinux: string, offset: number): Promise<void> {
    this.added.clear();
    await this.console(`symbol-file ${quoted(vmlinux)} -o ${offset}`, SYMBOL_SECONDS);
  }

  /** Adds the control page's symbols at an address. Does nothing if they are there, or the object file is not. */
  async addControlPageSymbols(object: string, address: number): Promise<void> {
    const name = `${object} ${hex(address)}`;
    if (this.added.has(name) || !existsSync(object)) return;
    await this.console(`add-symbol-file ${quoted(object)} -s .text ${hex(address)}`);
    this.added.add(name);
  }

  /** Connects to the kernel's stub. */
  async connect(socket: string): Promise<void> {
    const stopped = this.nextStop();
    await this.command(`-target-select remote ${socket}`);
    await stopped;
  }

  /** The number of bytes between the start of a struct and a member, from DWARF. */
  async offsetOf(struct: string, member: string): Promise<number> {
    return Number(await this.evaluate(`(unsigned long)&((struct ${struct} *)0)->${member}`));
  }

  /**
   * Where a function's first statement begins, as linked: behind the prologue and whatever the compiler inlined there,
   * so that a stop shows the function's own line. The kernel writes `{` on a line of its own.
   */
  async bodyOf(name: string): Promise<number | undefined> {
    const { symbols } = await this.command(`-symbol-info-functions --name ^${name}$`);
    const [file] = list(tuple(symbols)['debug']).map(tuple);
    const [declared] = list(file?.['symbols']).map(tuple);
    if (!file || !declared) return undefined;
    const firstLine = Number(text(declared['line'])) + 2;
    const place = `--source ${quote(text(file['fullname']))} --line ${firstLine}`;
    const breakpoint = tuple((await this.command(`-break-insert ${place}`))['bkpt']);
    await this.command(`-break-delete ${text(breakpoint['number'])}`);
    return Number(text(breakpoint['addr']));
  }

  /** Evaluates an expression. @throws GdbCommandError with gdb's own words. */
  async evaluate(expression: string): Promise<string> {
    return text((await this.command(`-data-evaluate-expression ${quote(expression)}`))['value']);
  }

  /** Starts execution (`-exec-continue`, `-exec-next`…); returns as soon as gdb took it. */
  async execute(command: string): Promise<void> {
    await this.command(command);
  }

  /** Stops execution and returns the stop that came, which may be another than the one asked for. */
  async interrupt(): Promise<MiTuple | undefined> {
    if (!this.running) return undefined;
    const stopped = this.nextStop();
    await this.command('-exec-interrupt');
    return stopped;
  }

  /** The machine was changed behind gdb's back. */
  async forgetCaches(): Promise<void> {
    await this.console('maintenance flush register-cache');
    await this.console('maintenance flush dcache');
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }

  /** Where a stop record says it is: function, file and line, as far as known. */
  static location(stop: MiTuple): { function: string; file: string; line: number; address: string } {
    const frame = tuple(stop['frame']);
    return {
      function: text(frame['func']),
      file: text(frame['fullname']) || text(frame['file']),
      line: Number(text(frame['line']) || 0),
      address: text(frame['addr']),
    };
  }

  private async nextStop(): Promise<MiTuple> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.off('stopped', done);
        reject(gdbTimedOut('stop', STOP_SECONDS));
      }, STOP_SECONDS * 1000);
      const done = (stop: MiTuple): void => {
        clearTimeout(timer);
        resolve(stop);
      };
      this.once('stopped', done);
    });
  }
}

/** relocate_kernel_32.o beside a vmlinux in its build tree, where the kernel's Makefiles leave it. */
export function relocateObjectBeside(vmlinux: string): string {
  return join(dirname(vmlinux), 'arch/x86/kernel/relocate_kernel_32.o');
}

/** A file name for gdb's command line. */
function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`;
}
