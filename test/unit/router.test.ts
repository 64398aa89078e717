import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RspClient } from '../../debug-adapter/rsp/client.ts';
import { encodePacket, PacketReader } from '../../debug-adapter/rsp/codec.ts';
import { Router, TRACKER } from '../../debug-adapter/rsp/router.ts';
import { KernelStub } from '../../debug-adapter/rsp/stub.ts';
import { FakeQemu } from './fakeQemu.ts';

/** A gdb in so far as it sends packets and collects answers. */
class Gdb {
  readonly answers: string[] = [];
  private constructor(private readonly socket: Socket) {
    const reader = new PacketReader();
    socket.on('data', (bytes) => {
      for (const item of reader.push(bytes)) if (item.kind === 'packet') this.answers.push(item.payload);
    });
  }

  static async connect(path: string): Promise<Gdb> {
    return new Promise((resolve) => {
      const socket = createConnection(path, () => {
        resolve(new Gdb(socket));
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

describe('router', () => {
  let folder: string;
  let qemu: FakeQemu;
  let router: Router;
  let stubs: KernelStub[];
  let a: Gdb;
  let b: Gdb;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'router-test-'));
    qemu = await FakeQemu.listen(join(folder, 'qemu'));
    router = await Router.attach(await RspClient.connect(join(folder, 'qemu')), 'A');
    stubs = ['A', 'B'].map((name) => new KernelStub(name, router));
    for (const stub of stubs) await stub.listen(join(folder, stub.kernel));
    [a, b] = [await Gdb.connect(join(folder, 'A')), await Gdb.connect(join(folder, 'B'))];
  });

  afterEach(() => {
    a.close();
    b.close();
    for (const stub of stubs) stub.close();
    router.close();
    qemu.close();
    rmSync(folder, { recursive: true });
  });

  const running = async (): Promise<void> => {
    for (let waited = 0; !qemu.running && waited < 2000; waited += 5) await delay(5);
    assert.ok(qemu.running, 'the machine runs');
  };

  it("arms the live kernel's breakpoints only, and exchanges them when another goes live", async () => {
    assert.equal(await a.ask('Z0,c1000000,1'), 'OK');
    assert.equal(await b.ask('Z0,c1000000,1'), 'OK');
    assert.equal(await b.ask('Z0,c2000000,1'), 'OK');
    assert.deepEqual([...qemu.armed], ['0,c1000000,1']);
    a.send('vCont;c');
    await running();
    qemu.stopAt(0x5000);
    assert.match(await a.next(), /^T05/);
    router.setLive('B');
    b.send('vCont;c');
    await running();
    assert.deepEqual([...qemu.armed].sort(), ['0,c1000000,1', '0,c2000000,1']);
  });

  it('tells a waiting gdb that its kernel went dormant, and answers for it from then on', async () => {
    router.setDormantView('A', {
      registers: () => Buffer.alloc(16, 0xaa),
      read: (address, length) => (address === 0xc1000000 ? Buffer.alloc(length, 0x55) : undefined),
    });
    a.send('vCont;c');
    await running();
    qemu.running = false;
    router.setLive('B');
    assert.equal(await a.next(), 'T11thread:01;');
    assert.equal(await a.ask('g'), 'aa'.repeat(16));
    assert.equal(await a.ask('mc1000000,2'), '5555');
    assert.equal(await a.ask('mc2000000,2'), 'E01');
    assert.equal(await a.ask('G00'), 'E01', 'writing is refused');
    assert.equal(await a.ask('vCont;s:1'), 'T11thread:01;', 'a step ends where it stands');
  });

  it('lets the tracker look at its stops unseen, stepping off its breakpoint', async () => {
    const seen: number[] = [];
    router.trackerHandler = async ({ pc }) => {
      seen.push(pc);
      return Promise.resolve('resume');
    };
    await router.insert(TRACKER, { kind: 1, address: 0x2000, length: 1 });
    a.send('vCont;c');
    await running();
    qemu.received.length = 0;
    qemu.stopAt(0x2000);
    await delay(50);
    assert.deepEqual(seen, [0x2000]);
    assert.deepEqual(a.answers, [], 'gdb saw nothing');
    assert.deepEqual(
      qemu.received.filter((packet) => packet === 's' || packet === 'c'),
      ['s', 'c'],
      'QEMU stays at an armed breakpoint unless it is stepped',
    );
  });

  it("reports a tracker stop where the kernel's gdb has a breakpoint too", async () => {
    router.trackerHandler = async () => Promise.resolve('resume');
    await router.insert(TRACKER, { kind: 1, address: 0x2000, length: 1 });
    assert.equal(await a.ask('Z0,2000,1'), 'OK');
    a.send('vCont;c');
    await running();
    qemu.stopAt(0x2000);
    assert.match(await a.next(), /^T05thread:01;/);
  });

  it('stops for an interrupt that comes while the tracker holds the machine', async () => {
    let release = (): void => undefined;
    router.trackerHandler = async () => {
      await new Promise<void>((resolve) => (release = resolve));
      return 'resume';
    };
    await router.insert(TRACKER, { kind: 1, address: 0x2000, length: 1 });
    a.send('vCont;c');
    await running();
    qemu.stopAt(0x2000);
    await delay(20);
    a.interrupt();
    await delay(20);
    release();
    assert.match(await a.next(), /^T05/);
    assert.equal(qemu.running, false);
  });

  it("keeps the machine when the tracker says hold, until the next kernel's gdb resumes it", async () => {
    router.trackerHandler = async () => {
      router.setLive('B');
      return Promise.resolve('hold');
    };
    await router.insert(TRACKER, { kind: 1, address: 0x2000, length: 1 });
    a.send('vCont;c');
    await running();
    qemu.stopAt(0x2000);
    assert.equal(await a.next(), 'T11thread:01;');
    await delay(20);
    assert.equal(qemu.running, false);
    b.send('vCont;c');
    await running();
    qemu.stopAt(0x3000);
    assert.match(await b.next(), /^T05/);
    assert.deepEqual(a.answers, []);
  });

  it('stops for an interrupt that comes right behind a continue', async () => {
    a.send('vCont;c');
    a.interrupt();
    assert.equal(await a.next(), 'T02thread:01;');
    assert.equal(qemu.running, false);
  });

  it('steps a rep as one instruction', async () => {
    qemu.code = 'f3a5';
    a.send('vCont;s:1');
    await running();
    assert.deepEqual([...qemu.armed], ['1,1002,1']);
    qemu.stopAt(0x1002);
    assert.match(await a.next(), /^T05/);
    qemu.code = '90';
    assert.match(await a.ask('vCont;s:1'), /^T05/);
    assert.deepEqual([...qemu.armed], []);
  });

  it('forgets the breakpoints of a gdb that goes away, and takes the next one', async () => {
    assert.equal(await a.ask('Z0,c1000000,1'), 'OK');
    a.close();
    await delay(30);
    assert.deepEqual([...qemu.armed], []);
    a = await Gdb.connect(join(folder, 'A'));
    assert.match(await a.ask('qSupported'), /PacketSize/);
  });

  it('says when QEMU goes', async () => {
    const lost = new Promise<Error>((resolve) => router.once('lost', resolve));
    qemu.close();
    assert.match((await lost).message, /connection to QEMU's gdbstub broke/);
    assert.equal(await a.ask('g'), 'E01');
  });
});
