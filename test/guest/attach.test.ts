/** Attaching to a QEMU that somebody else started: with everything, and with the gdbstub only. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeInitrdOfA } from '../../qemu-runner/bootFiles.ts';
import { findLab, type Lab } from '../../qemu-runner/guest/lab.ts';
import { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import type { Audit } from '../../debug-adapter/protocol.ts';
import type { AuditReport } from '../../vmcore-viewer/core/auditReport.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';

const [WINDOW_MIN, WINDOW_MAX] = ['0x2000000', '0x3ffffff'];
const COMMON = 'nokaslr no_console_suspend';

/** A QEMU as a person starts it: our agent is reached by its serial line. */
class OwnQemu {
  private printed = '';

  private constructor(
    readonly folder: string,
    private readonly process: ChildProcess,
    private readonly agent: Socket,
  ) {
    agent.on('error', () => undefined);
    agent.on('data', (bytes) => (this.printed += bytes.toString('latin1')));
  }

  static async start(lab: Lab, gdb: string[], more: readonly string[] = []): Promise<OwnQemu> {
    const folder = mkdtempSync(join(tmpdir(), 'attach-test-'));
    const initrd = join(folder, 'initrd');
    writeInitrdOfA(initrd, lab.initramfs, {
      image: lab.bzImage,
      initrd: lab.initramfs,
      append: `${COMMON} console=ttyS2 role=B`,
    });
    const serial = join(folder, 'agent.socket');
    const args = [
      ...['--pdeathsig', 'KILL', '--', 'qemu-system-i386', '-nodefaults', '-no-user-config', '-display', 'none'],
      ...['-m', '256M', '-kernel', lab.bzImage, '-initrd', initrd, '-append', `${COMMON} console=ttyS0 role=A`],
      ...['-serial', 'null', '-serial', `unix:${serial},server=on,wait=off`, '-serial', 'null'],
      ...gdb.map((word) => word.replace('FOLDER', folder)),
      ...more.map((word) => word.replace('FOLDER', folder)),
    ];
    const process = spawn('setpriv', args, { stdio: 'inherit' });
    for (let waited = 0; !existsSync(serial) && waited < 30_000; waited += 20) await delay(20);
    const agent = createConnection(serial);
    await once(agent, 'connect');
    return new OwnQemu(folder, process, agent);
  }

  send(line: string): void {
    this.agent.write(line + '\n');
  }

  async printedText(pattern: RegExp): Promise<void> {
    for (let waited = 0; !pattern.test(this.printed); waited += 20) {
      assert.ok(waited < 60_000, `${String(pattern)} is not in: ${this.printed}`);
      await delay(20);
    }
  }

  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async end(): Promise<void> {
    const exited = once(this.process, 'exit');
    if (this.isAlive) {
      this.process.kill('SIGKILL');
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A port that nobody has just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('attach', function () {
  inOrder();
  let lab: Lab;
  let qemu: OwnQemu;
  let debuggee: Debuggee;
  let port: number;

  before(async () => {
    lab = findLab()!;
    port = await freePort();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await qemu.end();
  });
  after(async () => Debuggee.endAll());

  it('finds kernel A running, follows it into kernel B, and shows it dormant', async () => {
    qemu = await OwnQemu.start(
      lab,
      ['-gdb', 'unix:FOLDER/gdb.socket,server=on,wait=off', '-qmp', 'unix:FOLDER/qmp.socket,server=on,wait=off'],
      [
        '-object',
        'memory-backend-file,id=ram,size=256M,mem-path=FOLDER/ram,share=on',
        '-machine',
        'memory-backend=ram',
      ],
    );
    await qemu.printedText(/hello A/);
    const { folder } = qemu;
    debuggee = await Debuggee.attach({
      gdbstub: join(folder, 'gdb.socket'),
      qmp: join(folder, 'qmp.socket'),
      ram: join(folder, 'ram'),
      stopAt: ['leaving A', 'B starting'],
    });
    const attached = await debuggee.stop();
    assert.equal(attached.description, 'Attached');
    assert.equal(attached.threadId, 1);
    assert.match(await debuggee.evaluate('init_task.comm', attached.frames[0]!.id), /swapper/);
    await assert.rejects(debuggee.client.request('kexecJump/jump'), /agent is not connected to it.*kexec -e/s);
    await debuggee.proceed(1);
    qemu.send(`1 load min=${WINDOW_MIN} max=${WINDOW_MAX}`);
    await qemu.printedText(/1 ok/);
    qemu.send('2 jump');
    const leaving = await debuggee.stop();
    assert.deepEqual(leaving.functions.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
    await debuggee.proceed(1);
    const starting = await debuggee.stop();
    assert.equal(starting.functions[0], 'start_kernel');
    assert.deepEqual(
      (await debuggee.stack(1)).slice(0, 2).map(({ name }) => name),
      ['machine_kexec', 'kernel_kexec'],
    );
    await debuggee.proceed(2);
    await qemu.printedText(/hello B/);
  });

  it('leaves the machine running when it detaches', async () => {
    await debuggee.client.stop();
    assert.ok(qemu.isAlive);
    qemu.send('3 status');
    await qemu.printedText(/3 ok B/);
  });

  it('finds kernel B with kernel A dormant, and follows the way back', async () => {
    const { folder } = qemu;
    debuggee = await Debuggee.attach({
      gdbstub: join(folder, 'gdb.socket'),
      ram: join(folder, 'ram'),
      stopAt: ['A resuming', 'A running'],
      audit: true,
    });
    const attached = await debuggee.stop();
    assert.equal(attached.threadId, 2);
    const dormant = (await debuggee.stack(1)).map(({ name }) => name);
    assert.deepEqual(dormant.slice(0, 3), ['machine_kexec', 'kernel_kexec', '__do_sys_reboot']);
    await assert.rejects(
      debuggee.client.request('kexecJump/saveSnapshot', { name: 'nowhere' }),
      /A snapshot needs QEMU's machine protocol/,
    );
    await debuggee.proceed(2);
    qemu.send('4 back');
    const resuming = await debuggee.stop();
    assert.equal(resuming.description, 'Phase: A resuming');
    assert.deepEqual(resuming.functions.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
    await debuggee.proceed(1);
    assert.equal((await debuggee.stop()).description, 'Phase: A running');
    await debuggee.proceed(1);
    await qemu.printedText(/2 ok A returned/);
    const { jumps } = await debuggee.client.request<Audit>('kexecJump/audit');
    const [ofA, ofB] = ['A', 'B'].map((name) => jumps.find(({ kernel }) => kernel === name)!);
    const statuses = ({ stages }: AuditReport): string[] => stages.map(({ status }) => status);
    assert.deepEqual(statuses(ofB!), ['judged', 'judged', 'notReached', 'notReached', 'notReached']);
    // What kexec loaded, and what memory held, was not seen.
    assert.deepEqual(statuses(ofA!), ['partlyJudged', 'notJudged', 'notJudged', 'judged', 'notJudged']);
    assert.match(ofA!.stages[0]!.why!, /what kexec loaded was not seen/);
    assert.match(ofA!.stages[1]!.why!, /the session attached to a machine, or went to a snapshot/);
    assert.equal(ofA!.violations, 0, ofA!.text);
    await debuggee.client.stop();
    await qemu.end();
  });

  it('works with a gdbstub on a port and nothing else, from the boot on', async () => {
    qemu = await OwnQemu.start(lab, ['-gdb', `tcp:127.0.0.1:${port}`, '-S']);
    debuggee = await Debuggee.attach({
      gdbstub: `127.0.0.1:${port}`,
      memory: 256,
      stopAt: ['A running', 'leaving A', 'B running'],
    });
    await debuggee.stop();
    assert.match(debuggee.output, /Without "qmp": no snapshots/);
    assert.match(debuggee.output, /Without "ram": memory of a dormant or running kernel/);
    await debuggee.proceed(1);
    const running = await debuggee.stop();
    assert.equal(running.functions[0], 'run_init_process');
    await debuggee.proceed(1);
    await qemu.printedText(/hello A/);
    qemu.send(`1 load min=${WINDOW_MIN} max=${WINDOW_MAX}`);
    await qemu.printedText(/1 ok/);
    qemu.send('2 jump');
    assert.equal((await debuggee.stop()).description, 'Phase: leaving A');
    await debuggee.proceed(1);
    const inB = await debuggee.stop();
    assert.equal(inB.description, 'Phase: B running');
    const dormant = (await debuggee.stack(1)).map(({ name }) => name);
    assert.deepEqual(dormant.slice(0, 3), ['machine_kexec', 'kernel_kexec', '__do_sys_reboot']);
    await debuggee.client.stop();
  });

  it('says by name when the machine runs another kernel', async () => {
    const other = join(qemu.folder, 'vmlinux');
    const bytes = readFileSync(lab.vmlinux);
    const banner = new KernelFile(lab.vmlinux).banner!;
    for (let at = bytes.indexOf(banner); at >= 0; at = bytes.indexOf(banner, at + 1))
      bytes.write('9', at + 'Linux version '.length);
    writeFileSync(other, bytes);
    const attaching = Debuggee.attach({
      gdbstub: `127.0.0.1:${port}`,
      memory: 256,
      kernelA: { vmlinux: other },
      kernelB: { vmlinux: other },
    });
    await assert.rejects(
      attaching,
      /The machine runs neither of the kernels whose symbols are given \(Linux version 9/,
    );
    await qemu.end();
  });

  it('says when nobody listens, and goes to no other machine', async () => {
    await assert.rejects(
      Debuggee.attach({ gdbstub: '/nowhere/gdb.socket' }),
      /QEMU's gdbstub cannot be reached at "\/nowhere\/gdb.socket"/,
    );
    await assert.rejects(Debuggee.attach({ gdbstub: 'example.org:1234' }), /"example.org:1234" is on another machine/);
  });
});
