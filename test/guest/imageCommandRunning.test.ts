/** `kexec-jump image` on what QEMU writes of a running guest: dumps and raw memory of kernel A, of both kernels, and of kernel B alone. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QmpClient } from '../../qemu-runner/qmp.ts';
import { NAMED_WINDOWS } from '../../qemu-runner/window.ts';
import { GuestRamFile, PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { findVmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfoScan.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { agree, factsOf } from './imageTool.ts';
import { Makedumpfile, writeElfCore } from './makedumpfile.ts';

const THREAD = { A: 1, B: 2 } as const;
/** MiB. */
const MEMORY = 128;
const PAGES = (MEMORY << 20) / PAGE_SIZE;
const LOW_WINDOW = NAMED_WINDOWS.low;

describe('kexec-jump image, of a running guest', () => {
  inOrder();
  const folder = mkdtempSync(join(tmpdir(), 'image-command-'));
  const at = (name: string): string => join(folder, name);
  let debuggee: Debuggee;
  let makedumpfile: Makedumpfile;
  let qmp: QmpClient;
  let ram: GuestRamFile;
  before(async () => {
    makedumpfile = Makedumpfile.ofLab(at('makedumpfile'));
    const args = ['-qmp', `unix:${at('qmp')},server=on,wait=off`];
    const launch = { memory: MEMORY, window: 'low' as const, autoJump: false, stopAt: [], qemu: { args } };
    debuggee = await Debuggee.launch(launch);
    await debuggee.ready('canJump');
    ram = new GuestRamFile(join(debuggee.folder, 'ram'));
    qmp = await QmpClient.connect(at('qmp'));
  });
  after(async () => {
    qmp.close();
    ram.close();
    await debuggee.end();
    await Debuggee.endAll();
    rmSync(folder, { recursive: true });
  });

  const pause = async (thread: number): Promise<void> => {
    await debuggee.client.request('pause', { threadId: thread });
    await debuggee.stop();
  };

  it('tells what the dumps and the RAM of kernel A are, which is the only one', async () => {
    await pause(THREAD.A);
    const [found] = findVmcoreInfo(ram);
    const core = { architecture: 'i386', memory: ram, pageOffset: 0xc0000000n } as const;
    const vmcoreInfo = ram.read(found!.address, PAGE_SIZE)!;
    writeElfCore(at('core'), { ...core, ram: [{ address: 0, length: PAGES * PAGE_SIZE }], vmcoreInfo });
    const whole = factsOf([at('core')]);
    agree(whole, makedumpfile, at('core'));
    assert.equal(whole.overlay, null);

    copyFileSync(join(debuggee.folder, 'ram'), at('ram'));
    const raw = factsOf([at('ram')]);
    assert.deepEqual(raw.format, {
      ...{ container: 'raw', bits: null, machine: 'i386', flattened: false, complete: true },
    });
    assert.deepEqual([raw.maxPfn, raw.pages.present, raw.pages.zero], [PAGES, PAGES, whole.pages.zero]);
    assert.deepEqual([raw.classes, raw.banner], [whole.classes, whole.banner]);
    assert.equal(raw.vmcoreinfo?.from, 'scan');

    for (const [format, container, bits] of [
      [undefined, 'elf', undefined],
      ['kdump-zlib', 'kdump', 64],
    ] as const) {
      const path = at(`qemu-${container}`);
      await qmp.command(
        'dump-guest-memory',
        { paging: false, protocol: `file:${path}`, ...(format ? { format } : {}) },
        60,
      );
      const dump = factsOf([path]);
      assert.deepEqual([dump.format.container, dump.format.flattened], [container, format !== undefined]);
      if (bits) assert.equal(dump.format.bits, bits);
      assert.equal(dump.format.machine, 'i386');
      assert.deepEqual([dump.classes, dump.pages.lost, dump.overlay], [whole.classes, 0, null]);
      assert.equal(dump.registers.length, 1);
      assert.match(dump.registers[0]!.values['eip']!, /^0x[0-9a-f]+$/);
    }
    // A raw file that was cut off within a page has what came before.
    truncateSync(at('ram'), (64 << 20) + 5);
    const cut = factsOf([at('ram')], 1);
    assert.deepEqual([cut.maxPfn, cut.pages.lost], [PAGES / 2 + 1, 1]);
    assert.match(cut.stderr, /ends within a page, at 0x4000005/);
    await debuggee.proceed(THREAD.A);
  });

  it('tells of kernel A, which has left, and of kernel B where there is nothing else', async () => {
    await debuggee.client.request('kexecJump/jump');
    await debuggee.ready('canJumpBack');
    await pause(THREAD.B);
    copyFileSync(join(debuggee.folder, 'ram'), at('ram'));
    const both = factsOf([at('ram')]);
    assert.equal(both.overlay?.from, 'search');
    assert.equal(both.vmcoreinfo?.from, 'overlay');
    assert.equal(both.pages.present, PAGES);

    const length = LOW_WINDOW.max + 1 - LOW_WINDOW.min;
    const own = findVmcoreInfo(ram).filter(({ address }) => address >= LOW_WINDOW.min && address <= LOW_WINDOW.max);
    assert.equal(own.length, 1);
    writeElfCore(at('B'), {
      ...({ architecture: 'i386', memory: ram, pageOffset: 0xc0000000n } as const),
      ram: [{ address: LOW_WINDOW.min, length }],
      vmcoreInfo: ram.read(own[0]!.address, PAGE_SIZE)!,
    });
    const kernelB = factsOf([at('B')]);
    assert.equal(kernelB.overlay, null);
    assert.equal(kernelB.pages.present, length / PAGE_SIZE);
    assert.ok(kernelB.classes!.free > 0 && kernelB.classes!.user > 0);
    agree(kernelB, makedumpfile, at('B'));
    await debuggee.proceed(THREAD.B);
  });

  it('does not take kernel A for one that has left when it is back', async () => {
    await debuggee.client.request('kexecJump/jumpBack');
    await debuggee.ready('canJump');
    await pause(THREAD.A);
    copyFileSync(join(debuggee.folder, 'ram'), at('ram'));
    const back = factsOf([at('ram')]);
    assert.equal(back.overlay, null);
    assert.equal(back.vmcoreinfo?.from, 'scan');
    await debuggee.proceed(THREAD.A);
  });
});
