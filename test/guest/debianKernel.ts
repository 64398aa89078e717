/**
 * Debian's own kernels, booted with a tiny initramfs that fills some memory, and held still: the memory of kernels that
 * nobody has built for us.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { newcArchive } from '../../qemu-runner/guest/cpio.ts';
import { GuestRamFile } from '../../vmcore-viewer/core/physicalMemory.ts';
import { debianPackages } from './debianPackages.ts';

/** A machine to boot. */
export interface DebianMachine {
  /** Metapackage of the kernel. */
  package: string;
  /** Model of QEMU: whether it has la57 decides for five levels of page tables. One of 64 bits runs i386 too. */
  cpu: string;
  /** Bytes of RAM; what is beyond `below4GiB` begins at physical 4 GiB. */
  memory: number;
  below4GiB: number;
  /** Added to the kernel's command line. */
  append: string;
}

/** The program that has to be installed. */
export const QEMU = 'qemu-system-x86_64';
const SECONDS = 150;
const END = 'memory is filled';
/** Physical; in the middle of what is free. */
const POISONED = 0xd000000;
/**
 * Takes page cache of tmpfs, anonymous memory and huge pages, and one page out of use, where the kernel has SPARSEMEM; then
 * prints what the kernel has counted, with what its CPUs still had for themselves.
 */
const INIT = `#!/bin/sh
export PATH=/bin
busybox mkdir -p /proc /sys /tmp
busybox mount -t proc proc /proc
busybox mount -t tmpfs tmpfs /tmp
busybox mount -t sysfs sysfs /sys
poison=/sys/devices/system/memory/hard_offline_page
if [ -e $poison ]; then echo ${POISONED} > $poison; fi
busybox dd if=/bin/busybox of=/tmp/file bs=1M count=1 2>/dev/null
for n in 1 2 3 4 5 6 7 8; do busybox cat /tmp/file /bin/busybox > /tmp/file$n; done
text=$(busybox od -x /tmp/file)
echo 8 > /proc/sys/vm/nr_hugepages
busybox grep -E ' _text$' /proc/kallsyms
busybox grep Kernel /proc/iomem
# The shell copies the text to measure it, and gives the memory back only behind the command.
echo \${#text} bytes
busybox sleep 1
echo 1 > /proc/sys/vm/stat_refresh
busybox cat /proc/vmstat
echo ${END}
busybox sleep 100000
`;

export class DebianKernel {
  readonly ram: GuestRamFile;

  private constructor(
    private readonly folder: string,
    private readonly qemu: ChildProcess,
    private readonly console: string,
    below4GiB: number,
  ) {
    this.ram = new GuestRamFile(join(folder, 'ram'), below4GiB);
  }

  /** Boots a machine, and holds it when its memory is filled. @throws when it does not come so far. */
  static async boot(machine: DebianMachine): Promise<DebianKernel> {
    const boot = join(await debianPackages(machine.package, [machine.package], './boot/vmlinuz-*'), 'boot');
    const folder = mkdtempSync(join(tmpdir(), 'debian-kernel-'));
    const file = (name: string): string => join(folder, name);
    // That for i386 runs on x86_64 too.
    const programs = await debianPackages('busybox-static', ['busybox-static:i386'], './bin/busybox');
    writeFileSync(
      file('initrd'),
      newcArchive([
        { name: 'bin/busybox', mode: 0o100755, data: readFileSync(join(programs, 'bin/busybox')) },
        { name: 'bin/sh', mode: 0o120777, data: Buffer.from('busybox') },
        { name: 'init', mode: 0o100755, data: Buffer.from(INIT) },
      ]),
    );
    const messages = openSync(file('messages'), 'w');
    const qemu = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', '--', QEMU],
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-smp', '1', '-cpu', machine.cpu],
        ...['-machine', `pc,accel=tcg,memory-backend=ram,max-ram-below-4g=${machine.below4GiB}`],
        ...['-m', `${machine.memory / 2 ** 20}M`],
        ...['-object', `memory-backend-file,id=ram,size=${machine.memory},mem-path=${file('ram')},share=on`],
        ...['-chardev', `file,id=console,path=${file('console')}`, '-serial', 'chardev:console'],
        ...['-kernel', join(boot, readdirSync(boot)[0]!), '-initrd', file('initrd')],
        ...['-append', `console=ttyS0 quiet panic=-1 ${machine.append}`],
      ],
      { stdio: ['ignore', 'ignore', messages] },
    );
    closeSync(messages);
    try {
      const console = await untilFilled(qemu, file);
      qemu.kill('SIGSTOP');
      return new DebianKernel(folder, qemu, console, machine.below4GiB);
    } catch (error) {
      qemu.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** A counter of /proc/vmstat, in pages. */
  counted(name: string): number {
    const [, value] = new RegExp(`^${name} (\\d+)`, 'm').exec(this.console) ?? [];
    assert.ok(value, `the guest has counted ${name}`);
    return Number(value);
  }

  /** Virtual address at which the kernel's code begins. */
  get text(): bigint {
    return this.hexadecimal(/^([0-9a-f]+) \w _text/m);
  }

  /** Physical address of the first and of the last byte of a part of the kernel's image: code, data, bss. */
  image(part: string): [first: bigint, last: bigint] {
    return [
      this.hexadecimal(new RegExp(`([0-9a-f]+)-[0-9a-f]+ : Kernel ${part}`)),
      this.hexadecimal(new RegExp(`-([0-9a-f]+) : Kernel ${part}`)),
    ];
  }

  end(): void {
    this.ram.close();
    this.qemu.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private hexadecimal(line: RegExp): bigint {
    const [, value] = line.exec(this.console) ?? [];
    assert.ok(value, `the guest has printed ${line}`);
    return BigInt(`0x${value}`);
  }
}

async function untilFilled(qemu: ChildProcess, file: (name: string) => string): Promise<string> {
  const text = (name: string): string => (existsSync(file(name)) ? readFileSync(file(name), 'latin1') : '');
  for (let waited = 0; waited < SECONDS * 10; waited++) {
    await delay(100);
    if (qemu.exitCode !== null) assert.fail(`QEMU has ended: ${text('messages')}${text('console')}`);
    if (text('console').includes(END)) return text('console');
  }
  return assert.fail(`the guest has not filled its memory in ${SECONDS} s: ${text('console')}`);
}
