/** A gdb stub for one kernel: what its gdb asks is answered from the machine while live, from the dormant view else. */
import { createServer, type Server, type Socket } from 'node:net';
import { encodePacket, PacketReader } from './codec.ts';
import type { Breakpoint, BreakpointKind } from './breakpoints.ts';
import type { Router, StopListener } from './router.ts';

const INTERRUPT_REPLY = 'T02thread:01;';
const DORMANT_REPLY = 'T11thread:01;';
const NOTHING_THERE = 'E01';

/** Listens on a unix socket for the gdb of one kernel. One gdb at a time; it may detach, die and come again. */
export class KernelStub implements StopListener {
  private readonly server: Server;
  private socket: Socket | undefined;
  private acknowledges = true;
  /** gdb said `c` or `s` and waits for a stop reply. */
  private waiting = false;
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

  close(): void {
    this.socket?.destroy();
    this.server.close();
  }

  private accept(socket: Socket): void {
    this.socket?.destroy();
    this.socket = socket;
    this.acknowledges = true;
    this.waiting = false;
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

  private interrupt(): void {
    if (this.isLive) this.router.interrupt();
    else this.stopped(INTERRUPT_REPLY);
  }

  private reply(payload: string): void {
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
        return 'T05thread:01;';
      case 'H':
      case 'T':
        return 'OK';
      case 'g':
        return this.isLive ? (await this.router.registers()).toString('hex') : this.dormantRegisters();
      case 'm':
        return this.readMemory(packet);
      case 'p':
      case 'P':
      case 'G':
      case 'M':
      case 'X':
        return this.isLive ? this.router.forward(packet) : NOTHING_THERE;
      case 'Z':
      case 'z':
        return this.changeBreakpoint(packet);
      case 'c':
      case 's':
        return this.resume(packet[0]);
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
      return 'PacketSize=4000;qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak-;hwbreak-';
    }
    if (packet === 'QStartNoAckMode') return 'OK';
    if (packet === 'vCont?') return 'vCont;c;C;s;S';
    const resumption = /^vCont;([csCS])/.exec(packet)?.[1];
    if (resumption) return this.resume(resumption.toLowerCase() as 'c' | 's');
    if (packet === 'qfThreadInfo') return 'm01';
    if (packet === 'qsThreadInfo') return 'l';
    if (packet === 'qC') return 'QC01';
    if (packet === 'qAttached' || packet.startsWith('qAttached:')) return '1';
    if (packet.startsWith('qSymbol')) return 'OK';
    const transfer = /^qXfer:features:read:([^:]+):([0-9a-f]+),([0-9a-f]+)$/.exec(packet);
    if (transfer) return this.describe(transfer[1]!, parseInt(transfer[2]!, 16), parseInt(transfer[3]!, 16));
    return '';
  }

  private describe(annex: string, offset: number, length: number): string {
    const text = this.router.targetDescription.get(annex);
    if (text === undefined) return 'E00';
    const part = text.slice(offset, offset + length);
    return (offset + part.length < text.length ? 'm' : 'l') + part;
  }

  private dormantRegisters(): string {
    const view = this.router.dormantView(this.kernel);
    return (view?.registers() ?? Buffer.alloc(this.router.layout.size)).toString('hex');
  }

  private async readMemory(packet: string): Promise<string> {
    const [address = 0, length = 0] = packet
      .slice(1)
      .split(',')
      .map((text) => parseInt(text, 16));
    const bytes = this.isLive
      ? await this.router.read(address, length)
      : this.router.dormantView(this.kernel)?.read(address, length);
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
  private async resume(how: 'c' | 's'): Promise<string | undefined> {
    if (!this.isLive) {
      if (how === 's') return DORMANT_REPLY;
      this.waiting = true;
      return undefined;
    }
    this.waiting = true;
    await this.router.resume(how);
    return undefined;
  }
}
