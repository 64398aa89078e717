/** A router between a scripted gdbstub and two kernels' gdbs, anew for each test of a suite. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RspClient } from '../../debug-adapter/rsp/client.ts';
import { Router } from '../../debug-adapter/rsp/router.ts';
import { KernelStub } from '../../debug-adapter/rsp/stub.ts';
import { FakeGdb } from './fakeGdb.ts';
import { FakeQemu } from './fakeQemu.ts';

/** Everything is asked of the gdbstub. */
const NO_RAM = { size: 0, read: () => undefined };

export class RouterRig {
  private constructor(
    private readonly folder: string,
    readonly qemu: FakeQemu,
    readonly router: Router,
    private readonly stubs: readonly KernelStub[],
  ) {}

  private readonly gdbs: FakeGdb[] = [];

  /** @param cpus of the machine. */
  static async start(cpus = 1): Promise<RouterRig> {
    const folder = mkdtempSync(join(tmpdir(), 'router-test-'));
    const qemu = await FakeQemu.listen(join(folder, 'qemu'), cpus);
    const router = await Router.attach(await RspClient.connect(join(folder, 'qemu')), NO_RAM, 'A');
    const stubs = ['A', 'B'].map((name) => new KernelStub(name, router));
    for (const stub of stubs) await stub.listen(join(folder, stub.kernel));
    return new RouterRig(folder, qemu, router, stubs);
  }

  /** Connects a gdb to the stub of a kernel. */
  async gdbOf(kernel: 'A' | 'B'): Promise<FakeGdb> {
    const gdb = await FakeGdb.connect(join(this.folder, kernel));
    this.gdbs.push(gdb);
    return gdb;
  }

  /** Waits until the machine runs. */
  async running(): Promise<void> {
    for (let waited = 0; !this.qemu.running && waited < 2000; waited += 5) await delay(5);
    assert.ok(this.qemu.running, 'the machine runs');
  }

  end(): void {
    for (const gdb of this.gdbs) gdb.close();
    for (const stub of this.stubs) stub.close();
    this.router.close();
    this.qemu.close();
    rmSync(this.folder, { recursive: true });
  }
}
