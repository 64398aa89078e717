import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Router } from '../../debug-adapter/rsp/router.ts';
import { TRACKER } from '../../debug-adapter/rsp/runState.ts';
import type { FakeGdb } from './fakeGdb.ts';
import type { FakeQemu } from './fakeQemu.ts';
import { RouterRig } from './routerRig.ts';

describe('router', () => {
  let rig: RouterRig;
  let qemu: FakeQemu;
  let router: Router;
  let a: FakeGdb;
  let b: FakeGdb;

  beforeEach(async () => {
    rig = await RouterRig.start();
    ({ qemu, router } = rig);
    [a, b] = [await rig.gdbOf('A'), await rig.gdbOf('B')];
  });
  afterEach(() => {
    rig.end();
  });

  const running = async (): Promise<void> => rig.running();

  it("arms the live kernel's breakpoints only, and exchanges them when another goes live", async () => {
    assert.equal(await a.ask('Z0,c1000000,1'), 'OK');
    assert.equal(await b.ask('Z0,c1000000,1'), 'OK');
    assert.equal(await b.ask('Z0,c2000000,1'), 'OK');
    assert.deepEqual([...qemu.armed], ['0,c1000000,1']);
    a.send('vCont;c');
    await running();
    qemu.stopAt(0x5000);
    assert.match(await a.next(), /^T05thread:01;/);
    await router.setLive('B');
    b.send('vCont;c');
    await running();
    assert.deepEqual([...qemu.armed].sort(), ['0,c1000000,1', '0,c2000000,1']);
  });

  it('tells a waiting gdb that its kernel went dormant, and answers for it from then on', async () => {
    router.setDormantView('A', {
      registers: async () => Promise.resolve(Buffer.alloc(16, 0xaa)),
      read: async (address, length) => Promise.resolve(address === 0xc1000000 ? Buffer.alloc(length, 0x55) : undefined),
    });
    a.send('vCont;c');
    await running();
    qemu.running = false;
    await router.setLive('B');
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

  it('makes a step again that has executed nothing: nobody is told, no breakpoint is hit twice', async () => {
    const seen: number[] = [];
    router.trackerHandler = async ({ pc }) => {
      seen.push(pc);
      return Promise.resolve('resume');
    };
    await router.insert(TRACKER, { kind: 1, address: 0x2000, length: 1 });
    a.send('vCont;c');
    await running();
    qemu.idleSteps = 2;
    qemu.stopAt(0x2000);
    await running();
    assert.deepEqual([seen, qemu.pc, a.answers], [[0x2000], 0x2001, []]);
    qemu.stopAt(0x3000);
    assert.match(await a.next(), /^T05thread:01;/);
    qemu.idleSteps = 2;
    a.send('vCont;s:1');
    assert.match(await a.next(), /^T05thread:01;/);
    assert.equal(qemu.pc, 0x3001);
  });

  it('ends a step of an instruction that leads to itself', async () => {
    qemu.idleSteps = Infinity;
    a.send('vCont;s:1');
    assert.match(await a.next(), /^T05thread:01;/);
    assert.equal(qemu.pc, 0x1000);
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
    assert.match(await a.next(), /^T02thread:01;/);
    assert.equal(qemu.running, false);
  });

  it("keeps the machine when the tracker says hold, until the next kernel's gdb resumes it", async () => {
    router.trackerHandler = async () => {
      await router.setLive('B');
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
    assert.match(await b.next(), /^T05thread:01;/);
    assert.deepEqual(a.answers, []);
  });

  it('stops for an interrupt that comes right behind a continue', async () => {
    a.send('vCont;c');
    a.interrupt();
    assert.match(await a.next(), /^T02thread:01;/);
    assert.equal(qemu.running, false);
  });

  describe('lets the machine run without gdb', () => {
    let arrivals: number;
    const runTo = async (isThere = (): boolean => true): Promise<void> => {
      arrivals = 0;
      await router.runTo({ addresses: [0x2000], isThere }, 0, () => arrivals++);
      await running();
    };

    it('to an address, and tells only who asked', async () => {
      await runTo();
      qemu.stopAt(0x2000);
      await delay(20);
      assert.equal(arrivals, 1);
      assert.deepEqual(a.answers, []);
    });

    it('past the same address in another frame', async () => {
      let comers = 0;
      await runTo(() => ++comers === 2);
      qemu.stopAt(0x2000);
      await running();
      assert.equal(arrivals, 0);
      qemu.stopAt(0x2000);
      await delay(20);
      assert.equal(arrivals, 1);
    });

    it('to the access to a word, though a stop is wanted at that moment', async () => {
      arrivals = 0;
      await router.runTo({ addresses: [0x2000], watched: 0x5000, isThere: () => true }, 0, () => arrivals++);
      await running();
      qemu.stopAt(0x1800, 'T05thread:01;awatch:5000;');
      router.interrupt();
      await delay(20);
      assert.equal(arrivals, 1);
      assert.deepEqual(a.answers, []);
    });

    it("to a breakpoint of the kernel's gdb, which judges it and goes on to the end", async () => {
      await router.insert('A', { kind: 0, address: 0x1800, length: 1 });
      const missed = once(router, 'missed');
      await runTo();
      qemu.stopAt(0x1800);
      assert.deepEqual(await missed, ['A']);
      assert.match(await a.ask('vCont;c'), /^T05thread:01;/);
      a.send('vCont;c');
      await running();
      qemu.stopAt(0x2000);
      assert.match(await a.next(), /^T1ethread:01;/);
      assert.equal(arrivals, 0);
    });

    it('until its kernel goes dormant', async () => {
      router.trackerHandler = async () => {
        await router.setLive('B');
        return Promise.resolve('hold');
      };
      await router.insert(TRACKER, { kind: 1, address: 0x1800, length: 1 });
      const missed = once(router, 'missed');
      await runTo();
      qemu.stopAt(0x1800);
      assert.deepEqual(await missed, ['A']);
      assert.equal(await a.ask('vCont;c'), 'T11thread:01;');
      b.send('vCont;c');
      await running();
      assert.deepEqual([...qemu.armed], ['1,1800,1']);
    });
  });

  it('steps through a range by itself, and stops behind it', async () => {
    a.send('vCont;r1000,1003:1;c');
    const stop = await a.next();
    assert.match(stop, /^T05thread:01;.*03:03100000;/, 'with the registers in it');
    assert.equal(qemu.received.filter((packet) => packet === 's').length, 3);
  });

  it('stops in the middle of a range at a breakpoint of the kernel, and for an interrupt', async () => {
    assert.equal(await a.ask('Z0,1002,1'), 'OK');
    assert.match(await a.ask('vCont;r1000,1010:1;c'), /^T05thread:01;.*03:02100000;/);
    a.send('vCont;r1000,10000000:1;c');
    await delay(20);
    a.interrupt();
    assert.match(await a.next(), /^T02thread:01;/);
  });

  it('answers the removal of a breakpoint at once, and lets QEMU know before it goes on', async () => {
    assert.equal(await a.ask('Z0,2000,1'), 'OK');
    qemu.received.length = 0;
    assert.equal(await a.ask('z0,2000,1'), 'OK');
    a.send('vCont;c');
    await running();
    assert.deepEqual(qemu.received.slice(-1), ['c']);
    assert.ok(qemu.received.includes('z0,2000,1'));
    assert.deepEqual([...qemu.armed], []);
  });

  it('steps a rep as one instruction', async () => {
    qemu.code = 'f3a5';
    a.send('vCont;s:1');
    await running();
    assert.deepEqual([...qemu.armed], ['1,1002,1']);
    qemu.stopAt(0x1002);
    assert.match(await a.next(), /^T05thread:01;/);
    qemu.code = '90';
    assert.match(await a.ask('vCont;s:1'), /^T05thread:01;/);
    assert.deepEqual([...qemu.armed], []);
  });

  it('forgets the breakpoints of a gdb that goes away, and takes the next one', async () => {
    assert.equal(await a.ask('Z0,c1000000,1'), 'OK');
    a.close();
    await delay(30);
    assert.deepEqual([...qemu.armed], []);
    a = await rig.gdbOf('A');
    assert.match(await a.ask('qSupported'), /PacketSize/);
  });

  it('says when QEMU goes', async () => {
    const lost = new Promise<Error>((resolve) => router.once('lost', resolve));
    qemu.close();
    assert.match((await lost).message, /connection to QEMU's gdbstub broke/);
    assert.equal(await a.ask('g'), 'E01');
  });
});
