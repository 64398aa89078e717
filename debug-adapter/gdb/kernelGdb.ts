/** The gdb of one kernel: set up for a kernel behind our stub, with run control that waits for what it asked for. */
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageFile } from '../../qemu-runner/packageFile.ts';
import { GdbCommandError, gdbTimedOut } from '../errors.ts';
import type { KernelName } from '../jump/kernel.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { list, quote, text, tuple, type MiTuple } from './mi.ts';
import { GdbProcess } from './process.ts';
import { threadOption } from './threads.ts';

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
  // "A run came to its end", as SIGUSR1.
  'handle SIGUSR1 stop print nopass',
  // A watchdog that ran out.
  'handle SIGALRM stop print nopass',
  // The index of a vmlinux that has none is built once, not at each start.
  'set index-cache enabled on',
  // gdb reads stack and code in such pieces, anew at each stop; 64 bytes are several packets for one frame.
  'set dcache line-size 1024',
  'set remotetimeout 20',
  'set tcp connect-timeout 20',
];

/** Ours, beside this file. */
const SCRIPTS = ['interruptFrames.py', 'codeMap.py'];

/** Emits `stopped` with MI's results at each stop, `line` for the log, `died` when it ends unasked. */
export class KernelGdb extends EventEmitter<{ stopped: [MiTuple]; died: [Error]; line: [string] }> {
  private running = false;
  /** Stops the machine while it runs without this gdb. */
  private interruptRun: (() => void) | undefined;
  private isStale = false;
  /** Names of the object files whose symbols were added, by address, so that none is added twice. */
  private readonly added = new Set<string>();

  private constructor(
    readonly kernel: KernelName,
    readonly process: GdbProcess,
  ) {
    super();
    process.on('stopped', (results) => {
      this.running = false;
      this.emit('stopped', latest(results));
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
      for (const script of SCRIPTS) await gdb.loadOwnScript(script);
      for (const command of setup) await gdb.console(command);
    } catch (error) {
      await gdb.stop();
      throw error;
    }
    return gdb;
  }

  /** Whether the kernel runs, with or without gdb. */
  get isRunning(): boolean {
    return this.running || this.interruptRun !== undefined;
  }

  /** The machine goes on without this gdb until `endRun`, or until gdb has to judge a stop. */
  beginRun(interrupt: () => void): void {
    this.interruptRun = interrupt;
  }

  /** The machine that went on without this gdb stopped; told like a stop of gdb's own. */
  endRun(stop: MiTuple): void {
    this.takeOver();
    this.emit('stopped', stop);
  }

  /** The machine stands, and gdb is to go on with what was begun without it. */
  takeOver(): void {
    this.interruptRun = undefined;
    this.forgetCaches();
  }

  /** A stop of the machine waits for this gdb to be judged. @param pc where a CPU is, in a kernel that is live. */
  async judgeStop(pc: number | undefined, cpu: number): Promise<void> {
    this.takeOver();
    // At a breakpoint gdb would first step off it, where it stood at its own last stop; not when it is sent there.
    await this.execute(pc === undefined ? '-exec-continue' : `-exec-jump ${threadOption(cpu)} *${hex(pc)}`);
  }

  async command(command: string, seconds?: number): Promise<MiTuple> {
    this.refresh();
    return this.process.command(command, seconds);
  }

  async console(command: string, seconds?: number): Promise<string> {
    this.refresh();
    return this.process.console(command, seconds);
  }

  /** Loads vmlinux where it is linked: enough to ask for types and for addresses in the file. */
  async loadSymbols(vmlinux: string): Promise<void> {
    await this.command(`-file-exec-and-symbols ${quote(vmlinux)}`, SYMBOL_SECONDS);
  }

  /** Loads the kernel's own gdb commands, if they were built (CONFIG_GDB_SCRIPTS). */
  async loadKernelCommands(script: string): Promise<void> {
    if (existsSync(script)) await this.loadScript(script);
  }

  /** Tells where exception handlers return to, so that stacks are unwound through them. `undefined`: not known. */
  async setExceptionReturn(address: number | undefined): Promise<void> {
    if (address !== undefined) await this.console(`set $kexec_jump_exception_return = ${hex(address)}`);
  }

  private async loadOwnScript(name: string): Promise<void> {
    const script = packageFile(join('debug-adapter', 'gdb', name));
    if ('found' in script) await this.loadScript(script.found);
  }

  /** A gdb without Python goes without. */
  private async loadScript(script: string): Promise<void> {
    await this.console(`source ${script}`).catch((error: unknown) => {
      if (!(error instanceof GdbCommandError)) throw error;
      this.emit('line', `! ${script}: ${error.gdbMessage}`);
    });
  }

  /** Where source files are looked for beside the places that the line tables name. */
  async addSourceDirectory(path: string): Promise<void> {
    await this.command(`-environment-directory ${quote(path)}`);
  }

  /** Files that were built under one folder are found under another. */
  async substitutePath(from: string, to: string): Promise<void> {
    await this.console(`set substitute-path ${quoted(from)} ${quoted(to)}`);
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
    if (existsSync(object)) await this.addRelocatableSymbols(object, [{ name: '.text', address }]);
  }

  /** Adds the symbols of a relocatable object whose sections lie at these addresses, once. */
  async addRelocatableSymbols(object: string, sections: readonly { name: string; address: number }[]): Promise<void> {
    const places = sections.map(({ name, address }) => `-s ${name} ${hex(address)}`).join(' ');
    if (!this.added.has(`${object} ${places}`)) await this.console(`add-symbol-file ${quoted(object)} ${places}`);
    this.added.add(`${object} ${places}`);
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

  /** Where a function that is on a CPU's stack returns to, if it is. */
  async callerOf(name: string, cpu: number): Promise<number | undefined> {
    const frames = list((await this.command(`-stack-list-frames ${threadOption(cpu)} 0 20`))['stack']).map(tuple);
    const at = frames.findIndex((frame) => text(frame['func']) === name);
    return at < 0 || at + 1 >= frames.length ? undefined : Number(text(frames[at + 1]!['addr']));
  }

  /** Evaluates an expression. @throws GdbCommandError with gdb's own words. */
  async evaluate(expression: string): Promise<string> {
    return text((await this.command(`-data-evaluate-expression ${quote(expression)}`))['value']);
  }

  /** Starts execution (`-exec-continue`, `-exec-next`…); returns as soon as gdb took it. */
  async execute(command: string): Promise<void> {
    // From here on gdb takes no other command, though it says so a moment later.
    this.running = true;
    try {
      await this.command(command);
    } catch (error) {
      this.running = false;
      throw error;
    }
  }

  /** Stops execution and returns the stop that came, which may be another than the one asked for. */
  async interrupt(): Promise<MiTuple | undefined> {
    if (!this.isRunning) return undefined;
    const stopped = this.nextStop();
    if (this.interruptRun) this.interruptRun();
    else await this.command('-exec-interrupt');
    return stopped;
  }

  /** The machine was changed behind gdb's back: what it has cached is thrown away before it is asked anything. */
  forgetCaches(): void {
    this.isStale = true;
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

  /** What is asked behind these is answered behind them. */
  private refresh(): void {
    if (!this.isStale) return;
    this.isStale = false;
    for (const cache of ['register-cache', 'dcache']) {
      this.process.command(`maintenance flush ${cache}`).catch(() => undefined);
    }
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

/** A step into an inlined function runs nothing, and gdb gives its own reason behind that of the stop before. */
function latest(stop: MiTuple): MiTuple {
  const reasons = list(stop['reason']);
  return reasons.length === 0 ? stop : { ...stop, reason: reasons.at(-1)!, 'signal-name': '' };
}

/** relocate_kernel_32.o beside a vmlinux in its build tree, where the kernel's Makefiles leave it. */
export function relocateObjectBeside(vmlinux: string): string {
  return join(dirname(vmlinux), 'arch/x86/kernel/relocate_kernel_32.o');
}

/** A file name for gdb's command line. */
function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`;
}
