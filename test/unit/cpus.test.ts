import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Router } from '../../debug-adapter/rsp/router.ts';
import { TRACKER } from '../../debug-adapter/rsp/runState.ts';
import type { FakeGdb } from './fakeGdb.ts';
import type { FakeQemu } from './fakeQemu.ts';
import { RouterRig } from './routerRig.ts';

const SECOND = 'T05thread:02;';

describe('router of a machine with two CPUs', () => {
  let rig: RouterRig;
  let qemu: FakeQemu;
  let router: Router;
  let a: FakeGdb;
  let b: FakeGdb;

  beforeEach(async () => {
    rig = await RouterRig.start(2);
    ({ qemu, router } = rig);
    [a, b] = [await rig.gdbOf('A'), await rig.gdbOf('B')];
  });
  afterEach(() => {
    rig.end();
  });

  const running = async (): Promise<void> => rig.running();

  const goOn = async (gdb: FakeGdb): Promise<void> => {
    gdb.send('vCont;c');
    await running();
    qemu.received.length = 0;
  };

  /** How the machine was let go since it last ran freely. */
  const resumptions = (): string[] => qemu.received.filter((packet) => /^(c|s|vCont.*)$/.test(packet));

  const pcOf = (registers: string): number => Buffer.from(registers, 'hex').readUInt32LE(12);

  it('shows the CPUs as threads, each with its registers', async () => {
    assert.equal(await a.ask('qfThreadInfo'), 'm01,02');
    assert.equal(Buffer.from(await a.ask('qThreadExtraInfo,2'), 'hex').toString(), 'CPU 1');
    await goOn(a);
    qemu.stopAt(0x5000, SECOND);
    assert.match(await a.next(), /^T05thread:02;/);
    assert.equal(pcOf(await a.ask('g')), 0x5000, 'of the CPU that stopped');
    assert.equal(await a.ask('Hg1'), 'OK');
    assert.equal(pcOf(await a.ask('g')), 0x1000);
    assert.equal(await a.ask('T2'), 'OK');
    assert.equal(await a.ask('T3'), 'E01');
  });

  it('steps one CPU, while the other stands still', async () => {
    a.send('vCont;s:2');
    assert.match(await a.next(), /^T05thread:02;/);
    assert.deepEqual(qemu.pcs, [0x1000, 0x1001]);
    a.send('vCont;r1001,1004:2;c');
    assert.match(await a.next(), /^T05thread:02;/);
    assert.deepEqual(qemu.pcs, [0x1000, 0x1004]);
    assert.ok(!qemu.received.includes('c'));
  });

  it('steps a CPU off a breakpoint, with all breakpoints armed, before all run', async () => {
    router.trackerHandler = async () => Promise.resolve('resume');
    await router.insert(TRACKER, { kind: 1, address: 0x2000, length: 1 });
    await goOn(a);
    qemu.stopAt(0x2000, SECOND);
    await running();
    assert.deepEqual(resumptions(), ['vCont;s:02', 'c']);
    assert.deepEqual(qemu.pcs, [0x1000, 0x2001]);
    assert.deepEqual([...qemu.armed], ['1,2000,1']);
  });

  it('does not step a CPU off a breakpoint that nobody was told of', async () => {
    router.trackerHandler = async () => Promise.resolve('resume');
    await router.insert(TRACKER, { kind: 1, address: 0x2000, length: 1 });
    await goOn(a);
    // Both come to it in the same moment; QEMU tells of one.
    qemu.pcs[0] = 0x2000;
    qemu.stopAt(0x2000, SECOND);
    await running();
    assert.deepEqual(resumptions(), ['vCont;s:02', 'c']);
    assert.deepEqual(qemu.pcs, [0x2000, 0x2001]);
  });

  it('forgets where the CPUs stood when the machine goes back in time', async () => {
    assert.equal(await a.ask('Z0,2000,1'), 'OK');
    await goOn(a);
    qemu.stopAt(0x2000, SECOND);
    assert.match(await a.next(), /^T05thread:02;/);
    qemu.stopAt(0x1800);
    await delay(20);
    router.forgetMachineState();
    qemu.received.length = 0;
    await goOn(a);
    assert.deepEqual(qemu.pcs, [0x1800, 0x2000], 'no CPU was stepped');
  });

  it("tells gdb of both CPUs' hits of one breakpoint", async () => {
    assert.equal(await a.ask('Z0,3000,1'), 'OK');
    await goOn(a);
    qemu.pcs[0] = 0x3000;
    qemu.stopAt(0x3000, SECOND);
    assert.match(await a.next(), /^T05thread:02;/);
    // As gdb does: it takes its breakpoint out, steps, puts it in.
    assert.equal(await a.ask('z0,3000,1'), 'OK');
    a.send('vCont;s:2');
    assert.match(await a.next(), /^T05thread:02;/);
    assert.equal(await a.ask('Z0,3000,1'), 'OK');
    await goOn(a);
    qemu.stopAt(0x3000);
    assert.match(await a.next(), /^T05thread:01;/);
  });

  it('ends a run for the frame that was meant, on whichever CPU that is by then', async () => {
    let arrivals = 0;
    const isThere = (registers: Buffer): boolean => router.layout.get(registers, 'esp') === 0x8000;
    await router.runTo({ addresses: [0x2000], isThere }, 0, () => arrivals++);
    await running();
    qemu.received.length = 0;
    qemu.stopAt(0x2000, SECOND);
    await running();
    assert.equal(arrivals, 0, 'another task');
    assert.deepEqual(resumptions(), ['vCont;s:02', 'c']);
    qemu.esps[1] = 0x8000;
    qemu.stopAt(0x2000, SECOND);
    await delay(20);
    assert.equal(arrivals, 1);
    assert.equal(router.stoppedCpu, 1);
  });

  it('lets the other CPU run where the stepped one waits for it', async () => {
    qemu.code = 'f390';
    a.send('vCont;s:1;c');
    await running();
    assert.deepEqual([...qemu.armed], ['1,1002,1'], 'behind the pause');
    qemu.stopAt(0x1002, SECOND);
    await running();
    assert.deepEqual(a.answers, [], 'it came by in another frame');
    qemu.stopAt(0x1002);
    assert.match(await a.next(), /^T05thread:01;/);
  });

  it('has a halted CPU woken before it steps it, also where the other one waits at the same address', async () => {
    await goOn(a);
    a.interrupt();
    assert.match(await a.next(), /^T02thread:01;/);
    qemu.onRead = (address) => {
      qemu.code = address === 0xfff ? 'f4' : '90';
    };
    a.send('vCont;s:2');
    await running();
    assert.deepEqual([...qemu.armed], ['1,1000,1'], 'where it is woken');
    assert.deepEqual(resumptions(), ['c']);
    qemu.stopAt(0x1000, SECOND);
    assert.match(await a.next(), /^T05thread:02;/);
    assert.deepEqual(qemu.pcs, [0x1000, 0x1001]);
  });

  describe('during a jump', () => {
    const dormantRegisters = Buffer.alloc(28, 0xaa);

    beforeEach(async () => {
      router.setDormantView('A', {
        registers: async () => Promise.resolve(dormantRegisters),
        read: async (_, length) => Promise.resolve(Buffer.alloc(length, 0x55)),
      });
      await goOn(a);
      qemu.pcs[1] = 0x7000;
      router.trackerHandler = async () => {
        await router.setLive('B');
        return 'hold';
      };
      await router.insert(TRACKER, { kind: 1, address: 0x4000, length: 1 });
      qemu.stopAt(0x4000);
      assert.equal(await a.next(), 'T11thread:01;');
    });

    const cpusOf = (kernel: string): readonly number[] => router.views.cpusOf(kernel);

    /** Kernel B has jumped back. */
    const comeBack = async (): Promise<void> => {
      router.trackerHandler = async () => {
        await router.setLive('A');
        return 'hold';
      };
      await goOn(b);
      qemu.stopAt(0x4000);
      assert.equal(await b.next(), 'T11thread:01;');
    };

    it('tells a gdb that has looked at another CPU of the one that left', async () => {
      await comeBack();
      assert.equal(await a.ask('Hg2'), 'OK');
      await goOn(a);
      qemu.stopAt(0x5000);
      assert.match(await a.next(), /^T05thread:01;/);
      assert.equal(pcOf(await a.ask('g')), 0x5000);
    });

    it('leaves the other CPU parked with the kernel that left', async () => {
      assert.deepEqual([cpusOf('A'), cpusOf('B')], [[0, 1], [0]]);
      assert.ok(router.views.isParked('A', 1) && !router.views.isParked('A', 0));
      assert.equal(await a.ask('Hg2'), 'OK');
      assert.equal(pcOf(await a.ask('g')), 0x7000);
      assert.equal(await a.ask('m5000,2'), '5555', 'memory as the dormant kernel has it');
      assert.equal(await a.ask('Hg1'), 'OK');
      assert.equal(await a.ask('g'), 'aa'.repeat(28));
      assert.equal(await b.ask('Hg2'), 'OK');
      assert.equal(await b.ask('g'), '00'.repeat(28), 'it is none of kernel B');
      await goOn(b);
      assert.equal(await a.ask('Hg2'), 'OK');
      assert.equal(pcOf(await a.ask('g')), 0x7000, 'also while kernel B runs');
    });

    it('gives the other CPU to the kernel that is seen to use it, and its parked state stays', async () => {
      await goOn(b);
      qemu.pcs[1] = 0x9000;
      qemu.stopAt(0x5000);
      assert.match(await b.next(), /^T05thread:01;/);
      await router.views.lookAround();
      assert.deepEqual(
        [cpusOf('A'), cpusOf('B')],
        [
          [0, 1],
          [0, 1],
        ],
      );
      assert.equal(await b.ask('Hg2'), 'OK');
      assert.equal(pcOf(await b.ask('g')), 0x9000);
      assert.equal(await a.ask('Hg2'), 'OK');
      assert.equal(pcOf(await a.ask('g')), 0x7000);
    });

    it('gives the live kernel a CPU that it is found to have, and does not make up how that was before', async () => {
      router.views.claim(1);
      assert.deepEqual([cpusOf('A'), cpusOf('B')], [[0], [0, 1]]);
      assert.equal(await b.ask('Hg2'), 'OK');
      assert.equal(pcOf(await b.ask('g')), 0x7000);
      assert.equal(await a.ask('Hg2'), 'OK');
      assert.equal(await a.ask('g'), '00'.repeat(28));
    });

    it('has the other CPU as one of a kernel that is back as soon as it is started again', async () => {
      await comeBack();
      assert.deepEqual([cpusOf('A'), cpusOf('B')], [[0, 1], [0]]);
      assert.ok(router.views.isParked('A', 1));
      await goOn(a);
      qemu.pcs[1] = 0xa000;
      qemu.stopAt(0x5000);
      assert.match(await a.next(), /^T05thread:01;/);
      await router.views.lookAround();
      assert.ok(!router.views.isParked('A', 1));
      assert.equal(await a.ask('Hg2'), 'OK');
      assert.equal(pcOf(await a.ask('g')), 0xa000);
    });

    it('forgets the CPUs of a kernel that boots anew, and knows them again at a moment that was noted', async () => {
      const memento = router.views.memento();
      await comeBack();
      router.bootsAnew('B');
      assert.deepEqual(cpusOf('B'), []);
      await router.setLive('B');
      router.views.rewind(memento);
      assert.deepEqual([cpusOf('A'), cpusOf('B')], [[0, 1], [0]]);
    });
  });
});
