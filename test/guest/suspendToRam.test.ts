/**
 * The last step of the designers' plan: kernel B saves kernel A, suspends to RAM instead of powering off, and jumps back when it is
 * woken; if the power is lost meanwhile, kernel C resumes kernel A from the image.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HibernateWish } from '../../debug-adapter/protocol.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';

const MIB = 1 << 20;

describe('kernel B suspended to RAM', () => {
  inOrder();
  const folder = mkdtempSync(join(tmpdir(), 'kexec-suspend-'));
  const path = join(folder, 'a.vmcore');
  const wish: HibernateWish = { path, level: 17, after: 'suspend' };
  let debuggee: Debuggee;
  let planted: Record<string, string>;

  after(async () => {
    await Debuggee.endAll();
    rmSync(folder, { recursive: true });
  });

  const goesOn = async (): Promise<void> => {
    await debuggee.ready('canJump');
    const { sha256, counter } = await debuggee.agent('check');
    assert.equal(sha256, planted['sha256']);
    assert.ok(Number(counter) >= Number(planted['counter']), `${counter} after ${planted['counter']}`);
    planted = { sha256: sha256!, counter: counter! };
  };

  it('sleeps when kernel A is saved, and can be looked at but not stopped', async () => {
    debuggee = await Debuggee.launch({ guest: '6.1-acpi', autoJump: false, stopAt: [] });
    await debuggee.ready('canJump');
    planted = await debuggee.agent('plant', '8');
    const report = await debuggee.hibernate(wish);
    assert.equal(report.bytes, statSync(path).size);
    await debuggee.asleep();
    assert.equal(debuggee.can('canJumpBack'), false);
    await assert.rejects(debuggee.client.request('pause', { threadId: 2 }), /suspended to RAM.*Wake it/s);
    const [frame] = await debuggee.stack(1);
    assert.equal(frame?.name, 'machine_kexec');
    assert.match(await debuggee.evaluate('linux_banner', frame.id), /Linux version 6\.1/);
  });

  it('jumps back when it is woken, and kernel A goes on at once', async () => {
    await debuggee.client.request('kexecJump/wake');
    await goesOn();
    const phases = debuggee.phases.map(({ phase }) => phase);
    assert.deepEqual(phases.slice(-3), ['swapping back', 'A resuming', 'A running']);
    await assert.rejects(debuggee.client.request('kexecJump/wake'), /does not sleep/);
  });

  it('sleeps once more, loses its power, and kernel C resumes kernel A from the image', async () => {
    await debuggee.hibernate(wish);
    await debuggee.asleep();
    await debuggee.end();
    assert.ok(statSync(path).size > 20 * MIB);
    debuggee = await Debuggee.launch({ guest: '6.1-acpi', resume: path, stopAt: [] });
    await goesOn();
    await debuggee.end();
  });

  it('is refused by a kernel without ACPI, before anything is written', async () => {
    debuggee = await Debuggee.launch({ autoJump: false, stopAt: [] });
    await debuggee.ready('canJump');
    const other = { ...wish, path: join(folder, 'none.vmcore') };
    const saving = debuggee.hibernate(other);
    await assert.rejects(saving, /Kernel B cannot suspend to RAM: its \/sys\/power\/mem_sleep has .*CONFIG_ACPI/s);
    assert.throws(() => statSync(other.path), /ENOENT/);
    await debuggee.ready('canJumpBack');
    await debuggee.end();
  });
});
