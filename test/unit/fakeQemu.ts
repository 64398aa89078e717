/** The other end of the router in unit tests: a gdbstub with registers and breakpoints, but no machine behind it. */
import { createServer, type Server, type Socket } from 'node:net';
import { encodePacket, PacketReader } from '../../debug-adapter/rsp/codec.ts';

const TARGET = '<target><xi:include href="i386-32bit.xml"/></target>';
const REGISTERS = ['eax', 'edx', 'esp', 'eip'].map((name) => `<reg name="${name}" bitsize="32"/>`).join('');

/** Answers as QEMU 7.2 does: while it runs, nothing; a step and a stop come when the test says so. */
export class FakeQemu {
  readonly armed = new Set<string>();
  readonly received: string[] = [];
  pc = 0x1000;
  /** What every memory read gives, repeated. */
  code = '90';
  running = false;
  private socket: Socket | undefined;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.socket = socket;
      const reader = new PacketReader();
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        for (const item of reader.push(bytes)) {
          if (item.kind === 'interrupt') this.stopAt(this.pc, 'T02thread:01;');
          if (item.kind === 'packet') this.answer(item.payload);
        }
      });
    });
  }

  static async listen(path: string): Promise<FakeQemu> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new FakeQemu(server);
  }

  /** The machine stops. */
  stopAt(pc: number, reply = 'T05thread:01;'): void {
    this.pc = pc;
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
    else if (packet.startsWith('m'))
      this.send(this.code.repeat(64).slice(0, 2 * parseInt(packet.split(',')[1] ?? '0', 16)));
    else if (packet.startsWith('Z')) this.change(() => this.armed.add(packet.slice(1)));
    else if (packet.startsWith('z')) this.change(() => this.armed.delete(packet.slice(1)));
    else if (packet === 'c' || packet === 's') this.running = true;
    else this.send('');
    // A step ends at the next instruction, here always one byte on.
    if (packet === 's') this.stopAt(this.pc + 1);
  }

  private change(apply: () => unknown): void {
    apply();
    this.send('OK');
  }

  private registers(): string {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(this.pc, 12);
    return bytes.toString('hex');
  }

  private send(payload: string): void {
    this.socket?.write('+' + encodePacket(payload), 'latin1');
  }
}
