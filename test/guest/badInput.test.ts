/** What can go wrong: each a sentence that says what to do, and nothing left running. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { findLab, type Lab } from '../../qemu-runner/guest/lab.ts';
import { pageOf, writeElf } from '../unit/imageFiles.ts';
import { Debuggee, nothingLeft } from './debuggee.ts';

const EM_X86_64 = 62;
const LOAD = { physical: 0, bytes: pageOf(0) };

describe('bad input', () => {
  let folder: string;
  let lab: Lab;

  const usualFolder = process.env['TMPDIR'];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bad-input-test-'));
    process.env['TMPDIR'] = folder;
    const found = findLab();
    assert.ok(found, 'the lab guest is built');
    lab = found;
  });
  after(async () => Debuggee.endAll());
  after(() => {
    if (usualFolder === undefined) Reflect.deleteProperty(process.env, 'TMPDIR');
    else process.env['TMPDIR'] = usualFolder;
    rmSync(folder, { recursive: true });
  });

  /** A program that says it is of some version. */
  const programOfVersion = (name: string, line: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\necho "${line}"\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const file = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  const refusals: [what: string, configuration: () => LaunchConfiguration, sentence: RegExp][] = [
    [
      'QEMU is missing',
      () => ({ qemu: { path: '/nowhere/qemu-system-i386' } }),
      /QEMU cannot be found as "\/nowhere\/qemu-system-i386".*sudo apt-get install qemu-system-x86/,
    ],
    [
      'QEMU is too old',
      () => ({ qemu: { path: programOfVersion('qemu', 'QEMU emulator version 5.2.0') } }),
      /QEMU is version 5\.2; version 7\.0 or newer is needed/,
    ],
    [
      'gdb is missing',
      () => ({ gdb: { path: '/nowhere/gdb' } }),
      /gdb cannot be started as "\/nowhere\/gdb".*sudo apt-get install gdb/,
    ],
    [
      'gdb is too old',
      () => ({ gdb: { path: programOfVersion('gdb', 'GNU gdb (GDB) 9.2') } }),
      /gdb is version 9\.2; version 12\.1 or newer is needed/,
    ],
    [
      'there is no vmlinux',
      () => ({ kernelA: { vmlinux: '/nowhere/vmlinux' } }),
      /symbols cannot be read from "\/nowhere\/vmlinux".*ENOENT.*Set "vmlinux" to the uncompressed ELF file/,
    ],
    [
      'vmlinux is a bzImage',
      () => ({ kernelA: { vmlinux: lab.bzImage, image: lab.bzImage } }),
      /cannot be read as an ELF file of a 32-bit x86 kernel: it does not begin with/,
    ],
    [
      'vmlinux is cut short',
      () => ({
        kernelB: { vmlinux: file('short', readFileSync(lab.vmlinux).subarray(0, 1 << 20)), image: lab.bzImage },
      }),
      /it ends before byte \d+/,
    ],
    ['there is no image', () => ({ core: '/nowhere/vmcore' }), /"core".*ENOENT/],
    [
      'the image is no image',
      () => ({ core: file('text', 'Linux version 6.1, in words') }),
      /"core".*cannot be opened/s,
    ],
    ['the re-entry point is none', () => ({ core: lab.vmlinux, entry: 'here' }), /"entry".*physical address/],
    [
      'the image is of another machine',
      () => ({ core: file('x86_64', writeElf({ bits: 64, machine: EM_X86_64, loads: [LOAD] })) }),
      /cannot be debugged: it is of x86_64.*open the file as a memory image/s,
    ],
    [
      'the image is of no kernel',
      () => ({ core: file('empty', writeElf({ bits: 32, loads: [LOAD] })) }),
      /cannot be debugged: it has no kernel that could be found/,
    ],
    [
      'the image is no kernel',
      () => ({ kernelA: { vmlinux: lab.vmlinux, image: lab.initramfs } }),
      /is not a bzImage of Linux: it has no "HdrS" boot header/,
    ],
    [
      'vmlinux and image do not match',
      () => ({ kernelB: { vmlinux: lab.vmlinux, image: ofAnotherBuild() } }),
      /The symbols of kernel B are of another build.*Set "kernelB\.vmlinux" and "kernelB\.image" to files of the same build/s,
    ],
    [
      'the window does not fit',
      () => ({ memory: 64, window: 'high' }),
      /window for kernel B does not fit: 32 MiB of 64 MiB leave too little.*give a larger "memory"/,
    ],
    ['the window is nonsense', () => ({ window: { min: 'a', max: 'b' } }), /"window" cannot be used/],
    [
      'a phase to stop at is unknown',
      () => ({ stopAt: ['leaving Q'] }),
      /"leaving Q" is no phase, and no call of kernel_kexec\(\).*; phases are A starting/,
    ],
    [
      'QEMU does not take an argument',
      () => ({ qemu: { args: ['-no-such-option'] } }),
      /QEMU ended without being asked to.*no-such-option/s,
    ],
  ];

  /** The lab's image with another build number in its version text. */
  function ofAnotherBuild(): string {
    const path = join(folder, 'bzImage');
    copyFileSync(lab.bzImage, path);
    const image = readFileSync(path);
    const at = image.indexOf('#', image.readUInt16LE(0x20e) + 0x200, 'latin1');
    image.write('#99', at, 'latin1');
    writeFileSync(path, image);
    return path;
  }

  for (const [what, configuration, sentence] of refusals) {
    it(`says so when ${what}`, async () => {
      const before = sessionFolders();
      await assert.rejects(Debuggee.launch(configuration()), sentence);
      await sameFolders(before);
    });
  }

  it('says so when the private folder cannot be made', async () => {
    await assert.rejects(
      Debuggee.launch({}, { TMPDIR: '/nowhere' }),
      /private folder for sockets and guest memory cannot be made in "\/nowhere".*set TMPDIR/,
    );
  });

  it('says so when the path of a socket gets too long', async () => {
    const deep = join(folder, 'x'.repeat(90));
    execFileSync('mkdir', ['-p', deep]);
    await assert.rejects(Debuggee.launch({}, { TMPDIR: deep }), /longer than a unix socket can have/);
    assert.deepEqual(
      readdirSync(deep).filter((name) => name.startsWith('kexec-jump-')),
      [],
    );
  });

  it("stops with the panic's text when the guest panics before the agent answers", async () => {
    const debuggee = await Debuggee.launch({ kernelA: { append: 'rdinit=/nowhere panic=0' }, autoJump: false });
    const stop = await debuggee.stop();
    assert.equal(stop.reason, 'exception');
    assert.match(stop.description, /^Kernel panic - not syncing: VFS: Unable to mount root fs/);
    assert.deepEqual(stop.functions.slice(0, 3), ['__crash_kexec', 'panic', 'mount_block_root']);
    await debuggee.end();
  });

  it('jumps without snapshots when a disk of the user cannot hold them, and says so', async () => {
    const disk = file('disk.raw', Buffer.alloc(1 << 20));
    const args = ['-drive', `if=virtio,format=raw,file=${disk}`];
    const debuggee = await Debuggee.launch({ qemu: { args }, autoJump: false, stopAt: [] });
    await debuggee.ready('canJump');
    await debuggee.client.request('kexecJump/jump');
    await debuggee.ready('canJumpBack');
    assert.match(debuggee.output, /could not save the snapshot: .*does not support snapshots/);
    await assert.rejects(debuggee.client.request('restart'), /there is no snapshot to go back to/);
    await debuggee.end();
  });

  it('ends the session with the reason when QEMU dies', async () => {
    const debuggee = await Debuggee.launch({ autoJump: false });
    await debuggee.ready('canJump');
    const processes = debuggee.processes();
    process.kill(pidOf(processes, 'qemu-system-i386'), 'SIGKILL');
    await debuggee.hasTerminated();
    assert.match(debuggee.output, /QEMU ended without being asked to \(signal 9\)|connection to QEMU's gdbstub broke/);
    await debuggee.client.stop();
    await nothingLeft(processes, debuggee.folder);
  });

  it('ends the session with the reason when a gdb dies', async () => {
    const debuggee = await Debuggee.launch({ autoJump: false });
    await debuggee.ready('canJump');
    const processes = debuggee.processes();
    process.kill(pidOf(processes, 'gdb'), 'SIGKILL');
    await debuggee.hasTerminated();
    assert.match(debuggee.output, /gdb for kernel [AB] ended \(SIGKILL\).*Start the session again/);
    await debuggee.client.stop();
    await nothingLeft(processes, debuggee.folder);
  });

  it('ends when the user stops it during the boot', async () => {
    const debuggee = await Debuggee.launch({});
    await delay(300);
    assert.deepEqual(debuggee.phases.map(({ phase }) => phase).includes('A running'), false);
    await debuggee.end();
  });

  it('leaves nothing when the adapter is killed', async () => {
    const debuggee = await Debuggee.launch({ autoJump: false });
    await debuggee.ready('canJump');
    const processes = debuggee.processes();
    assert.ok(processes.length >= 4, 'the adapter, QEMU and two gdb');
    process.kill(debuggee.client.pid!, 'SIGKILL');
    await nothingLeft(processes, debuggee.folder);
  });
});

/** The process of a program among others. */
function pidOf(processes: readonly number[], program: string): number {
  const found = processes.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith(program.slice(0, 15)));
  assert.ok(found, `${program} runs`);
  return found;
}

/** Of this file's sessions alone: other files run at the same time. */
function sessionFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^kexec-jump-.{6}$/.test(name));
}

/** A refused launch leaves no folder behind. */
async function sameFolders(before: readonly string[]): Promise<void> {
  const added = (): string[] => sessionFolders().filter((name) => !before.includes(name));
  for (let waited = 0; waited < 3000 && added().length > 0; waited += 50) await delay(50);
  assert.deepEqual(added(), []);
}
