import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { encodePacket, PacketReader } from '../../debug-adapter/rsp/codec.ts';

/** The near end of a kernel's stub in unit tests: a gdb in so far as it sends packets and collects answers. */
export class FakeGdb {
  readonly answers: string[] = [];
  private constructor(private readonly socket: Socket) {
    const reader = new PacketReader();
    socket.on('data', (bytes) => {
      for (const item of reader.push(bytes)) if (item.kind === 'packet') this.answers.push(item.payload);
    });
  }

  static async connect(path: string): Promise<FakeGdb> {
    return new Promise((resolve) => {
      const socket = createConnection(path, () => {
        resolve(new FakeGdb(socket));
      });
    });
  }

  send(packet: string): void {
    this.socket.write(encodePacket(packet), 'latin1');
  }

  interrupt(): void {
    this.socket.write('\x03');
  }

  async ask(packet: string): Promise<string> {
    this.send(packet);
    return this.next();
  }

  async next(): Promise<string> {
    for (let waited = 0; waited < 2000; waited += 5) {
      const answer = this.answers.shift();
      if (answer !== undefined) return answer;
      await delay(5);
    }
    throw new Error('no answer');
  }

  close(): void {
    this.socket.destroy();
  }
}
