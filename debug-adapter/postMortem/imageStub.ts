/**
 * A gdbstub for a machine that only a file remembers: it has stopped for good. So a saved image is debugged by the same
 * router, kernels and gdb as a machine.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { readAnnexPart } from '../rsp/annex.ts';
import { encodePacket, PacketReader } from '../rsp/codec.ts';

const NOT_POSSIBLE = 'E01';

/** The names of QEMU's g packet for i386. Source: QEMU, gdb-xml/i386-32bit.xml. */
const REGISTERS: readonly [bits: number, names: string][] = [
  [
    32,
    'eax ecx edx ebx esp ebp esi edi eip eflags cs ss ds es fs gs fs_base gs_base k_gs_base cr0 cr2 cr3 cr4 cr8 efer',
  ],
  [80, 'st0 st1 st2 st3 st4 st5 st6 st7'],
  [32, 'fctrl fstat ftag fiseg fioff foseg fooff fop'],
];
/** What gdb has to know about more than a number. */
const TYPES: Readonly<Record<string, string>> = { esp: 'data_ptr', ebp: 'data_ptr', eip: 'code_ptr' };

const typeOf = (bits: number, name: string): string => TYPES[name] ?? (bits === 80 ? 'i387_ext' : 'int32');

/** The target description by annex, as QEMU names them. */
export const TARGET_DESCRIPTION: ReadonlyMap<string, string> = new Map([
  [
    'target.xml',
    '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">' +
      '<target><architecture>i386</architecture><xi:include href="i386-32bit.xml"/></target>',
  ],
  [
    'i386-32bit.xml',
    `<?xml version="1.0"?><!DOCTYPE feature SYSTEM "gdb-target.dtd"><feature name="org.gnu.gdb.i386.core">${REGISTERS.flatMap(
      ([bits, names]) =>
        names.split(' ').map((name) => `<reg name="${name}" bitsize="${bits}" type="${typeOf(bits, name)}"/>`),
    ).join('')}</feature>`,
  ],
]);

export class ImageStub {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly registers: Buffer) {
    this.server = createServer((socket) => {
      this.serve(socket);
    });
  }

  /** @param registers a `g` packet by `TARGET_DESCRIPTION`. @param path of the unix socket that it listens on. */
  static async listen(registers: Buffer, path: string): Promise<ImageStub> {
    const stub = new ImageStub(registers);
    return new Promise((resolve, reject) => {
      stub.server.once('error', reject);
      stub.server.listen(path, () => {
        resolve(stub);
      });
    });
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private serve(socket: Socket): void {
    const reader = new PacketReader();
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      for (const item of reader.push(bytes)) {
        if (item.kind === 'packet') socket.write(`+${encodePacket(this.answer(item.payload))}`, 'latin1');
      }
    });
  }

  private answer(packet: string): string {
    if (packet === 'g') return this.registers.toString('hex');
    // Breakpoints are taken: nothing ever runs to them.
    if (/^([zZDH]|Qqemu)/.test(packet)) return 'OK';
    // Memory is read from the image itself; what the stub is asked for is not in it.
    if (/^[mMpPGXcs]/.test(packet)) return NOT_POSSIBLE;
    return readAnnexPart(TARGET_DESCRIPTION, packet) ?? '';
  }
}
