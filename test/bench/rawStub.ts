/** QEMU's gdbstub with nobody between: the measure of what reading memory by packets costs at least. */
import { createConnection, type Socket } from 'node:net';
import { once } from 'node:events';
import { checksum, PacketReader } from '../../debug-adapter/rsp/codec.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import { GuestMachine } from './guestMachine.ts';

/** Longest read that QEMU answers in one packet, in bytes. Source: QEMU gdbstub.c, MAX_PACKET_LENGTH. */
const LONGEST_READ = 2047;

export class RawStub {
  private readonly reader = new PacketReader();
  private onPacket: (payload: string) => void = () => undefined;
  private onClose: (error: Error) => void = () => undefined;

  private constructor(
    private readonly machine: GuestMachine,
    private readonly socket: Socket,
  ) {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.onClose(new Error("QEMU's gdbstub closed the connection"));
    });
    socket.on('data', (bytes) => {
      for (const item of this.reader.push(bytes)) {
        if (item.kind !== 'packet') continue;
        socket.write('+');
        this.onPacket(item.payload);
      }
    });
  }

  static async start(lab: Lab): Promise<RawStub> {
    const machine = await GuestMachine.start(lab);
    const socket = createConnection(machine.gdbSocket);
    const stub = new RawStub(machine, socket);
    await once(socket, 'connect');
    return stub;
  }

  /** Runs until an instruction, by its virtual address, is reached. */
  async runTo(address: number): Promise<void> {
    const breakpoint = `0,${address.toString(16)},1`;
    await this.request(`Z${breakpoint}`);
    await this.request('c');
    await this.request(`z${breakpoint}`);
  }

  /** Reads memory, packet by packet; `address` is virtual, `length` in bytes. */
  async readMemory(address: number, length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let done = 0; done < length; done += LONGEST_READ) {
      const piece = Math.min(length - done, LONGEST_READ);
      pieces.push(Buffer.from(await this.request(`m${(address + done).toString(16)},${piece.toString(16)}`), 'hex'));
    }
    return Buffer.concat(pieces);
  }

  async end(): Promise<void> {
    this.socket.destroy();
    await this.machine.end();
  }

  private async request(payload: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.onPacket = resolve;
      this.onClose = reject;
      this.socket.write(`$${payload}#${checksum(payload)}`);
    });
  }
}
