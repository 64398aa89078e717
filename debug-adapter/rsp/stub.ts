/** A gdb stub for one kernel: what its gdb asks is answered from the machine while live, from the dormant view else. */
import { createServer, type Server, type Socket } from 'node:net';
import { readAnnexPart } from './annex.ts';
import { encodePacket, PacketReader } from './codec.ts';
import type { Breakpoint, BreakpointKind } from './breakpoints.ts';
import type { Router } from './router.ts';
import type { Resumption, StopListener } from './runState.ts';
import { dormantReply, interruptReply, threadInReply, threadName } from './stopReply.ts';

const NOTHING_THERE = 'E01';

/** Listens on a unix socket for the gdb of one kernel. One gdb at a time; it may detach, die and come again. */
export class KernelStub implements StopListener {
  private readonly server: Server;
  private socket: Socket | undefined;
  private acknowledges = true;
  /** gdb said `c` or `s` and waits for a stop reply. */
  private waiting = false;
  private missedReply: string | undefined;
  /** The CPU whose registers and memory gdb asks for; `undefined` for whichever stopped. */
  private selected: number | undefined;
  private work: Promise<void> = Promise.resolve();

  constructor(
    readonly kernel: string,
    private readonly router: Router,
  ) {
    this.server = createServer((socket) => {
      this.accept(socket);
    });
    router.listen(kernel, this);
  }

  async listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(path, resolve);
    });
  }

  /** Called by the router: the machine stopped while this kernel was live, or the kernel went dormant. */
  stopped(stopReply: string): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.reply(stopReply);
  }

  missed(stopReply: string): void {
    this.missedReply = stopReply;
  }

  get isWaiting(): boolean {
    return this.waiting;
  }

  close(): void {
    this.socket?.destroy();
    this.server.close();
  }

  private accept(socket: Socket): void {
    this.socket?.destroy();
    this.socket = socket;
    this.acknowledges = true;
    this.waiting = false;
    this.missedReply = undefined;
    this.selected = undefined;
    const reader = new PacketReader();
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      for (const item of reader.push(bytes)) {
        // In the order in which they came: an interrupt right behind a `c` is for what the `c` starts.
        if (item.kind === 'interrupt')
          this.work = this.work.then(() => {
            this.interrupt();
          });
        if (item.kind !== 'packet') continue;
        if (this.acknowledges) socket.write('+');
        this.work = this.work.then(async () => this.answer(item.payload));
      }
    });
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      void this.router.replace(this.kernel, []).catch(() => undefined);
    });
  }

  private get isLive(): boolean {
    return this.router.live === this.kernel;
  }

  /** The CPU that gdb asks for; of a dormant kernel the one on which it left, when gdb names none. */
  private get cpu(): number {
    const own = this.router.views.cpusOf(this.kernel);
    return this.selected ?? (this.isLive ? this.router.stoppedCpu : (own[0] ?? 0));
  }

  private interrupt(): void {
    if (this.isLive) this.router.interrupt();
    else this.stopped(interruptReply(this.cpu));
  }

  private reply(payload: string): void {
    // From a stop on gdb takes the CPU that stopped for the one that it asks for.
    if (payload.startsWith('T')) this.selected = parseThread(threadInReply(payload) ?? '');
    this.socket?.write(encodePacket(payload), 'latin1');
  }

  private async answer(packet: string): Promise<void> {
    try {
      const answer = await this.handle(packet);
      if (answer !== undefined) this.reply(answer);
      if (packet === 'QStartNoAckMode') this.acknowledges = false;
    } catch {
      // The link to QEMU is gone or the machine started to run: the adapter reports that, gdb only needs an answer.
      this.reply(NOTHING_THERE);
    }
  }

  private async handle(packet: string): Promise<string | undefined> {
    switch (packet[0]) {
      case 'q':
      case 'Q':
      case 'v':
        return this.handleNamed(packet);
      case '?':
        // Always the first one, from which on gdb numbers its threads.
        return `T05thread:${threadName(0)};`;
      case 'H':
        if (packet[1] === 'g') this.selected = parseThread(packet.slice(2));
        return 'OK';
      case 'T':
        return (parseThread(packet.slice(1)) ?? 0) < this.router.cpuCount ? 'OK' : NOTHING_THERE;
      case 'g':
        return (await this.router.views.registers(this.kernel, this.cpu)).toString('hex');
      case 'm':
        return this.readMemory(packet);
      case 'p':
      case 'P':
      case 'G':
      case 'M':
      case 'X':
        return this.isLive ? this.router.forward(packet, this.cpu) : NOTHING_THERE;
      case 'Z':
      case 'z':
        return this.changeBreakpoint(packet);
      case 'c':
      case 's':
        return this.resume(packet.startsWith('c') ? 'continue' : 'step');
      case 'D':
        await this.router.replace(this.kernel, []);
        return 'OK';
      case 'k':
        this.socket?.end();
        return undefined;
      default:
        return '';
    }
  }

  private async handleNamed(packet: string): Promise<string | undefined> {
    if (packet.startsWith('qSupported')) {
      return 'PacketSize=4000;qXfer:features:read+;qXfer:threads:read+;QStartNoAckMode+;vContSupported+;swbreak-;hwbreak-';
    }
    if (packet === 'QStartNoAckMode') return 'OK';
    if (packet === 'vCont?') return 'vCont;c;C;s;S;r';
    // gdb names the CPU that it steps first; the others go on or not.
    const [, action, start, end, thread] =
      /^vCont;(?:([csCS])[0-9a-f]*|r([0-9a-f]+),([0-9a-f]+))(?::([0-9a-f-]+))?/.exec(packet) ?? [];
    const cpu = thread === undefined ? undefined : parseThread(thread);
    if (start && end) return this.resume({ start: parseInt(start, 16), end: parseInt(end, 16) }, cpu);
    if (action) return this.resume(action.toLowerCase() === 'c' ? 'continue' : 'step', cpu);
    if (packet === 'qfThreadInfo') return `m${this.cpus.map(threadName).join(',')}`;
    if (packet === 'qsThreadInfo') return 'l';
    if (packet === 'qC') return `QC${threadName(this.cpu)}`;
    if (packet.startsWith('qThreadExtraInfo,')) {
      return Buffer.from(this.describe(parseThread(packet.slice('qThreadExtraInfo,'.length)) ?? 0)).toString('hex');
    }
    if (packet === 'qAttached' || packet.startsWith('qAttached:')) return '1';
    if (packet.startsWith('qSymbol')) return 'OK';
    // gdb asks at each stop; in this way with one packet.
    if (packet.startsWith('qXfer:threads:read:')) {
      const threads = this.cpus.map((own) => `<thread id="${threadName(own)}">${this.describe(own)}</thread>`);
      return `l<threads>${threads.join('')}</threads>`;
    }
    return readAnnexPart(this.router.targetDescription, packet) ?? '';
  }

  /** All CPUs of the machine, in every kernel: gdb's numbers of its threads stay the same. */
  private get cpus(): readonly number[] {
    return [...Array(this.router.cpuCount).keys()];
  }

  private describe(cpu: number): string {
    const { views } = this.router;
    if (views.isParked(this.kernel, cpu)) return `CPU ${cpu}, parked`;
    return views.cpusOf(this.kernel).includes(cpu) ? `CPU ${cpu}` : `CPU ${cpu}, not of kernel ${this.kernel}`;
  }

  private async readMemory(packet: string): Promise<string> {
    const [address = 0, length = 0] = packet
      .slice(1)
      .split(',')
      .map((text) => parseInt(text, 16));
    const bytes = await this.router.views.read(this.kernel, this.cpu, address, length);
    return bytes?.toString('hex') ?? NOTHING_THERE;
  }

  private async changeBreakpoint(packet: string): Promise<string> {
    const [kind, address = 0, length = 0] = packet
      .slice(1)
      .split(/[,;]/)
      .map((text) => parseInt(text, 16));
    if (kind === undefined || kind > 4) return '';
    // QEMU counts an instruction breakpoint once an address; gdb's length for one says nothing on x86.
    const breakpoint: Breakpoint = { kind: kind as BreakpointKind, address, length: kind <= 1 ? 1 : length };
    if (packet.startsWith('Z')) return (await this.router.insert(this.kernel, breakpoint)) ? 'OK' : 'E22';
    await this.router.remove(this.kernel, breakpoint);
    return 'OK';
  }

  /** A step of a dormant kernel ends at once where it stands; a continue waits until the kernel is live and stops. */
  private async resume(how: Resumption, cpu?: number): Promise<string | undefined> {
    const { missedReply } = this;
    this.missedReply = undefined;
    if (missedReply !== undefined) return missedReply;
    if (!this.isLive) {
      if (how !== 'continue') return dormantReply(cpu ?? this.cpu);
      this.waiting = true;
      return undefined;
    }
    this.waiting = true;
    await this.router.resume(how, cpu);
    return undefined;
  }
}

/** The CPU of a thread's name as gdb writes it; `undefined` for any, or all. */
function parseThread(name: string): number | undefined {
  const number = parseInt(name, 16);
  return number > 0 ? number - 1 : undefined;
}
