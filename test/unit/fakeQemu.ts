/** The other end of the router in unit tests: a gdbstub with registers and breakpoints, but no machine behind it. */
import { createServer, type Server, type Socket } from 'node:net';
import { encodePacket, PacketReader } from '../../debug-adapter/rsp/codec.ts';

const TARGET = '<target><xi:include href="i386-32bit.xml"/></target>';
const REGISTER_NAMES = ['eax', 'edx', 'esp', 'eip', 'cr0', 'cr3', 'cr4'];
const REGISTERS = REGISTER_NAMES.map((name) => `<reg name="${name}" bitsize="32"/>`).join('');

/** Answers as QEMU 7.2 does: while it runs, nothing; a step and a stop come when the test says so. */
export class FakeQemu {
  readonly armed = new Set<string>();
  readonly received: string[] = [];
  /** Of each CPU. */
  readonly pcs: number[];
  readonly esps: number[];
  /** What every memory read gives, repeated. */
  code = '90';
  /** Is asked before a read of memory. */
  onRead: (address: number) => void = () => undefined;
  running = false;
  /** How many of the next steps end before their instruction, as they do in a busy QEMU. */
  idleSteps = 0;
  private socket: Socket | undefined;
  /** The CPU of `g`, and the one that is reported at an interrupt. */
  private selected = 0;
  private reported = 0;

  private constructor(
    private readonly server: Server,
    cpus: number,
  ) {
    this.pcs = Array.from({ length: cpus }, () => 0x1000);
    this.esps = Array.from({ length: cpus }, (_, cpu) => 0x8000 * (cpu + 1));
    server.on('connection', (socket) => {
      this.socket = socket;
      const reader = new PacketReader();
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        for (const item of reader.push(bytes)) {
          // A stopped machine takes no notice of an interrupt.
          if (item.kind === 'interrupt' && this.running) {
            this.stopAt(this.pcs[this.reported]!, `T02thread:${thread(this.reported)};`);
          }
          if (item.kind === 'packet') this.answer(item.payload);
        }
      });
    });
  }

  static async listen(path: string, cpus = 1): Promise<FakeQemu> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new FakeQemu(server, cpus);
  }

  /** Where the first CPU is. */
  get pc(): number {
    return this.pcs[0]!;
  }

  /** The machine stops, with the CPU that the reply names at an address. */
  stopAt(pc: number, reply = 'T05thread:01;'): void {
    this.selected = this.reported = Number(/thread:(\d+)/.exec(reply)![1]) - 1;
    this.pcs[this.selected] = pc;
    this.running = false;
    this.send(reply);
  }

  close(): void {
    this.socket?.destroy();
    this.server.close();
  }

  private answer(packet: string): void {
    this.received.push(packet);
    const annex = /^qXfer:features:read:([^:]+):/.exec(packet)?.[1];
    if (annex) this.send(`l${annex === 'target.xml' ? TARGET : REGISTERS}`);
    else if (packet === 'g') this.send(this.registers());
    else if (packet.startsWith('m')) this.read(packet);
    else if (packet.startsWith('Z')) this.change(() => this.armed.add(packet.slice(1)));
    else if (packet.startsWith('z')) this.change(() => this.armed.delete(packet.slice(1)));
    else if (packet === 'qfThreadInfo') this.send(`m${thread(0)}`);
    else if (packet === 'qsThreadInfo') this.send(this.pcs.length > 1 && !this.hasToldAll() ? `m${thread(1)}` : 'l');
    else if (/^H[cg]/.test(packet)) this.select(packet);
    else if (packet === 'c') this.running = true;
    else if (packet === 's') this.step(0);
    else if (packet.startsWith('vCont;s:')) this.step(Number(packet.slice(-2)) - 1);
    else this.send('');
  }

  /** As QEMU 7.2, one thread a packet. */
  private hasToldAll(): boolean {
    return this.received.filter((packet) => packet === 'qsThreadInfo').length > 1;
  }

  private read(packet: string): void {
    const [address = 0, length = 0] = packet
      .slice(1)
      .split(',')
      .map((text) => parseInt(text, 16));
    this.onRead(address);
    this.send(this.code.repeat(64).slice(0, 2 * length));
  }

  private select(packet: string): void {
    const cpu = Number(packet.slice(2)) - 1;
    if (packet[1] === 'g') this.selected = cpu;
    else this.reported = cpu;
    this.send('OK');
  }

  /** A step ends at the next instruction, here always one byte on. */
  private step(cpu: number): void {
    this.stopAt(this.pcs[cpu]! + (this.idleSteps-- > 0 ? 0 : 1), `T05thread:${thread(cpu)};`);
  }

  private change(apply: () => unknown): void {
    apply();
    this.send('OK');
  }

  private registers(): string {
    const bytes = Buffer.alloc(4 * REGISTER_NAMES.length);
    bytes.writeUInt32LE(this.esps[this.selected]!, 8);
    bytes.writeUInt32LE(this.pcs[this.selected]!, 12);
    return bytes.toString('hex');
  }

  private send(payload: string): void {
    this.socket?.write('+' + encodePacket(payload), 'latin1');
  }
}

const thread = (cpu: number): string => `0${cpu + 1}`;
