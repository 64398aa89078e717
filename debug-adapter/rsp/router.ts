/**
 * The router: QEMU's only RSP client, and the owner of run state. Each kernel's gdb talks to a stub of its own
 * (stub.ts); the router lets the live kernel's gdb through to the machine and answers for a dormant one.
 */
import { EventEmitter } from 'node:events';
import type { RspClient } from './client.ts';
import { BreakpointTable, type Breakpoint, type Owner } from './breakpoints.ts';
import { RegisterLayout } from './registers.ts';
import { LONGEST_REPEAT, repeatLength } from './repeat.ts';
import { notStopped } from '../errors.ts';

/** Owner of the breakpoints by which the jump is followed. */
export const TRACKER: Owner = 'tracker';

/** Owner of the breakpoint behind a repeated instruction that is stepped as one. */
const REPEAT: Owner = 'repeat';

/** Longest memory read that QEMU answers in one packet, in bytes. */
const LONGEST_READ = 2047;

/** How a dormant kernel looks: registers as a `g` packet, memory by virtual address. */
export interface DormantView {
  registers(): Buffer;
  read(address: number, length: number): Buffer | undefined;
}

/** What the machine did: the stop reply's signal, and where. */
export interface MachineStop {
  /** GDB's number of the signal: 5 a breakpoint or step, 2 asked for, 3 the machine is dead (triple fault). */
  signal: number;
  /** The whole stop reply, which names a watchpoint if one was hit. */
  packet: string;
  pc: number;
  registers: Buffer;
}

/** A gdb's side of the router: told when its kernel stops or goes dormant. */
export interface StopListener {
  stopped(stopReply: string): void;
}

/**
 * What becomes of a stop at a tracker breakpoint: `resume` continues unseen by gdb, `stop` is reported to the live
 * kernel's gdb, `hold` keeps the machine until a gdb resumes it (the CPU went to another kernel).
 */
export type TrackerOutcome = 'resume' | 'stop' | 'hold';

/** Looks at each stop at a tracker breakpoint while the machine is held. */
export type TrackerHandler = (stop: MachineStop) => Promise<TrackerOutcome>;

type Resumption = 'c' | 's';

interface RouterEvents {
  running: [];
  stopped: [MachineStop];
  live: [string];
  lost: [Error];
}

export class Router extends EventEmitter<RouterEvents> {
  private readonly breakpoints = new BreakpointTable();
  private readonly listeners_ = new Map<string, StopListener>();
  private readonly dormantViews = new Map<string, DormantView>();
  private handler: TrackerHandler = async () => Promise.resolve('stop');
  private resumedBy: Resumption = 'c';
  private steppingOff = false;
  /** Somebody asked for a stop while the tracker held the machine. */
  private interruptWanted = false;
  /** The stop that is being looked at; a gdb's resumption waits for it. */
  private handling: Promise<void> = Promise.resolve();
  private arming: Promise<unknown> = Promise.resolve();
  private running = false;
  private liveKernel: string;
  private stopRegisters: Buffer | undefined;

  private constructor(
    private readonly qemu: RspClient,
    /** QEMU's target description by annex, as gdb reads it. */
    readonly targetDescription: ReadonlyMap<string, string>,
    readonly layout: RegisterLayout,
    firstKernel: string,
  ) {
    super();
    this.liveKernel = firstKernel;
    qemu.on('stop', (packet) => {
      this.handling = this.onStop(packet).catch((error: unknown) => {
        this.emit('lost', error as Error);
      });
    });
    qemu.on('close', (error) => {
      this.emit('lost', error);
    });
  }

  /** Takes over a gdbstub whose machine is stopped. */
  static async attach(qemu: RspClient, firstKernel: string): Promise<Router> {
    await qemu.request('qSupported:xmlRegisters=i386');
    const description = new Map<string, string>();
    for (const annex of ['target.xml', 'i386-32bit.xml']) description.set(annex, await readAnnex(qemu, annex));
    const layout = RegisterLayout.parse(description.get('i386-32bit.xml') ?? '');
    return new Router(qemu, description, layout, firstKernel);
  }

  /** The kernel that is on the CPU. */
  get live(): string {
    return this.liveKernel;
  }

  get isRunning(): boolean {
    return this.running;
  }

  set trackerHandler(handler: TrackerHandler) {
    this.handler = handler;
  }

  listen(kernel: string, listener: StopListener): void {
    this.listeners_.set(kernel, listener);
  }

  /** How a kernel looks while it is dormant; `undefined` for one that has never been live. */
  setDormantView(kernel: string, view: DormantView | undefined): void {
    if (view) this.dormantViews.set(kernel, view);
    else this.dormantViews.delete(kernel);
  }

  /**
   * Makes another kernel the live one: its breakpoints are armed, those of the others are not. A gdb that waits for
   * its kernel to stop is told SIGSTOP, which says "went dormant". Only while the machine is stopped.
   */
  setLive(kernel: string): void {
    if (kernel === this.liveKernel) return;
    const left = this.liveKernel;
    this.liveKernel = kernel;
    this.listeners_.get(left)?.stopped('T11thread:01;');
    this.emit('live', kernel);
  }

  /** Sets a breakpoint; it is armed at once if its owner is live and the machine stopped, else when it can be. */
  async insert(owner: Owner, breakpoint: Breakpoint): Promise<boolean> {
    this.breakpoints.insert(owner, breakpoint);
    if (this.running || (await this.arm())) return true;
    this.breakpoints.remove(owner, breakpoint);
    return false;
  }

  async remove(owner: Owner, breakpoint: Breakpoint): Promise<void> {
    this.breakpoints.remove(owner, breakpoint);
    if (!this.running) await this.arm();
  }

  /** Forgets the breakpoints of an owner whose gdb went away, or replaces all of the tracker's. */
  async replace(owner: Owner, breakpoints: readonly Breakpoint[]): Promise<void> {
    this.breakpoints.clear(owner);
    for (const breakpoint of breakpoints) this.breakpoints.insert(owner, breakpoint);
    if (!this.running) await this.arm();
  }

  /** Lets the machine run (`c`) or execute one instruction (`s`). */
  async resume(how: Resumption): Promise<void> {
    await this.handling;
    if (!this.running) await this.resumeNow(how);
  }

  private async resumeNow(how: Resumption): Promise<void> {
    this.resumedBy = how;
    this.interruptWanted = false;
    const pc = this.layout.get(await this.registers(), 'eip');
    const throughRepeat = how === 's' && (await this.expectRepeatEnd(pc));
    await this.arm();
    // QEMU's `c` stays at an armed breakpoint for ever; `s` executes the instruction.
    this.steppingOff = (how === 'c' || throughRepeat) && this.breakpoints.isArmedAt(pc);
    this.go((how === 's' && !throughRepeat) || this.steppingOff ? 's' : 'c');
    if (!this.steppingOff) this.emit('running');
  }

  /** A `rep` is stepped as one: 1,024 words of a page are not 1,024 steps. */
  private async expectRepeatEnd(pc: number): Promise<boolean> {
    const length = repeatLength((await this.read(pc, LONGEST_REPEAT)) ?? Buffer.alloc(0));
    if (length !== undefined) this.breakpoints.insert(REPEAT, { kind: 1, address: pc + length, length: 1 });
    return length !== undefined;
  }

  /** Stops a running machine; the stop is reported with signal 2, or as the stop at which the tracker holds it now. */
  interrupt(): void {
    if (this.running) this.qemu.interrupt();
    else this.interruptWanted = true;
  }

  /** The machine was changed behind the gdbstub's back (loadvm): what is known of it is no longer true. */
  forgetMachineState(): void {
    this.mustBeStopped();
    this.stopRegisters = undefined;
  }

  /** The `g` packet of the stopped machine. */
  async registers(): Promise<Buffer> {
    this.mustBeStopped();
    this.stopRegisters ??= Buffer.from(await this.qemu.request('g'), 'hex');
    return this.stopRegisters;
  }

  /** Reads memory of the stopped machine at a virtual address, or `undefined` when it is not mapped. */
  async read(address: number, length: number): Promise<Buffer | undefined> {
    this.mustBeStopped();
    const pieces: Buffer[] = [];
    for (let done = 0; done < length;) {
      const piece = Math.min(length - done, LONGEST_READ);
      const answer = await this.qemu.request(`m${(address + done).toString(16)},${piece.toString(16)}`);
      if (/^E..$/.test(answer)) return undefined;
      pieces.push(Buffer.from(answer, 'hex'));
      done += piece;
    }
    return Buffer.concat(pieces);
  }

  /** Passes a packet of the live kernel's gdb to the stopped machine. */
  async forward(packet: string): Promise<string> {
    this.mustBeStopped();
    if (/^[GPM]/.test(packet)) this.stopRegisters = undefined;
    return this.qemu.request(packet);
  }

  dormantView(kernel: string): DormantView | undefined {
    return this.dormantViews.get(kernel);
  }

  close(): void {
    this.qemu.close();
  }

  private mustBeStopped(): void {
    if (this.running) throw notStopped();
  }

  private go(how: Resumption): void {
    this.running = true;
    this.stopRegisters = undefined;
    this.qemu.send(how);
  }

  private async arm(): Promise<boolean> {
    const armed = this.arming.then(async () => this.sendChanges());
    this.arming = armed.catch(() => undefined);
    return armed;
  }

  private async sendChanges(): Promise<boolean> {
    let allTaken = true;
    for (const change of this.breakpoints.changesFor([this.liveKernel, TRACKER, REPEAT])) {
      if ((await this.qemu.request(change.packet)) === 'OK') this.breakpoints.acknowledge(change);
      else allTaken = false;
    }
    return allTaken;
  }

  private async onStop(packet: string): Promise<void> {
    this.running = false;
    const signal = parseInt(packet.slice(1, 3), 16);
    const registers = await this.registers();
    const pc = this.layout.get(registers, 'eip');
    const atTracker = this.breakpoints.has(TRACKER, pc);
    const atKernel = this.breakpoints.has(this.liveKernel, pc);
    const atRepeatEnd = this.breakpoints.has(REPEAT, pc);
    const wasSteppingOff = this.steppingOff;
    this.steppingOff = false;
    const stop: MachineStop = { signal, packet, pc, registers };

    if (wasSteppingOff && signal === 5 && !atTracker && !atKernel && !atRepeatEnd && !packet.includes('watch')) {
      this.go('c');
      this.emit('running');
      return;
    }
    this.breakpoints.clear(REPEAT);
    const wantsOn = atTracker && signal === 5 ? await this.handler(stop) : 'stop';
    if (wantsOn === 'resume' && !atKernel && this.resumedBy === 'c' && !this.interruptWanted) {
      await this.resumeNow('c');
      return;
    }
    if (wantsOn === 'hold') return;
    this.emit('stopped', stop);
    this.listeners_.get(this.liveKernel)?.stopped(withThread(packet));
  }
}

/** Every kernel is one thread, 01, to its gdb, whatever QEMU calls its CPU. */
function withThread(packet: string): string {
  return packet.replace(/thread:[^;]*;/, 'thread:01;');
}

async function readAnnex(qemu: RspClient, annex: string): Promise<string> {
  let text = '';
  for (;;) {
    const answer = await qemu.request(`qXfer:features:read:${annex}:${text.length.toString(16)},7f0`);
    text += answer.slice(1);
    if (!answer.startsWith('m')) return text;
  }
}
