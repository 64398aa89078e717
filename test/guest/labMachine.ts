/** A machine with the lab guest and no debugger, for tests of the guest itself. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { GuestAgent, parseFields, type OnAgentProgress } from '../../qemu-runner/agent.ts';
import { writeInitrdOfA } from '../../qemu-runner/bootFiles.ts';
import { findLab } from '../../qemu-runner/guest/lab.ts';
import { PrivateFolder } from '../../qemu-runner/janitor.ts';
import { Machine } from '../../qemu-runner/machine.ts';
import { NAMED_WINDOWS, type Window } from '../../qemu-runner/window.ts';

/** Of all kernels; it is a kernel's own console that tells them apart. */
const WORDS = 'nokaslr no_console_suspend';
const HELLO_SECONDS = 60;

export interface LabMachineOptions {
  /** More words for the kernel's command line. */
  append?: string;
  /** MiB. */
  memory?: number;
  /** Kernel and initial RAM disk of kernel A or C, if they are not the lab's. */
  image?: string;
  initrd?: string;
  /** Of the kernel B that it can load, the same. */
  imageOfB?: string;
  /** Raw disk images: /dev/vda, /dev/vdb and so on in the guest. */
  disks?: readonly string[];
  /** How fast the guest can write to each of them, in bytes a second. */
  writeRate?: number;
}

export class LabMachine {
  private static readonly running = new Set<LabMachine>();

  private constructor(
    private readonly machine: Machine,
    private readonly folder: PrivateFolder,
    private readonly guest: GuestAgent,
  ) {
    LabMachine.running.add(this);
  }

  /** Boots a kernel, and waits for its agent. @param role of the kernel: A, or C which loads what another one saved. */
  static async boot(role: 'A' | 'C', options: LabMachineOptions): Promise<LabMachine> {
    const lab = findLab();
    assert.ok(lab, 'the lab guest is built');
    const { append = '', memory = 256, disks = [], writeRate, image = lab.bzImage, imageOfB = lab.bzImage } = options;
    const limit = writeRate === undefined ? '' : `,throttling.bps-write=${writeRate}`;
    const folder = PrivateFolder.make();
    const initrd = folder.file('initrd');
    const peer = { image: imageOfB, initrd: lab.initramfs, append: `${WORDS} console=ttyS2 role=B` };
    writeInitrdOfA(initrd, options.initrd ?? lab.initramfs, peer);
    const machine = await Machine.start(
      'qemu-system-i386',
      {
        ...{ kernelImage: image, initrd, append: `${WORDS} console=ttyS0 role=${role} ${append}` },
        ...{ memory, cpus: 1, accel: 'tcg' as const },
        extraArguments: disks.flatMap((disk, number) => [
          ...['-drive', `file=${disk},format=raw,if=none,id=disk${number},cache=unsafe${limit}`],
          ...['-device', `virtio-blk-pci,drive=disk${number}`],
        ]),
      },
      folder,
    );
    const guest = new GuestAgent(machine.agentChannel, {
      consoleTail: () => `${machine.consoleTail('A')}\n${machine.consoleTail('B')}`,
      isRunning: () => true,
    });
    const started = new LabMachine(machine, folder, guest);
    await machine.qmp.command('cont');
    await guest.waitForHello(role, HELLO_SECONDS);
    return started;
  }

  /** Ends what a failed test left. */
  static async stopAll(): Promise<void> {
    await Promise.all([...LabMachine.running].map(async (machine) => machine.stop()));
  }

  get pid(): number {
    return this.machine.pid;
  }

  /** Asks the live kernel's agent. Rejects with its words. */
  async agent(
    verb: string,
    argument = '',
    seconds = 60,
    onProgress?: OnAgentProgress,
  ): Promise<Record<string, string>> {
    return parseFields(await this.guest.request(verb, argument, seconds, onProgress));
  }

  /** What a command in the guest prints. */
  async run(script: string): Promise<string> {
    const { status, output = '' } = await this.agent('run', script, 150);
    const text = Buffer.from(output, 'base64').toString();
    assert.equal(status, '0', `${script}: ${text}`);
    return text;
  }

  /** Types a line into the shell of kernel A or C, and waits for what it prints in answer. */
  async type(line: string, answer?: string): Promise<void> {
    const console_ = this.machine.consoleA;
    const behind = console_.tail().length;
    console_.write(`${line}\n`);
    for (let waited = 0; answer !== undefined && !console_.tail().slice(behind).includes(answer); waited += 50) {
      assert.ok(waited < 10_000, `the shell did not print ${answer}; the consoles:\n${this.consoles}`);
      await delay(50);
    }
  }

  /** The kernel that is live loads a peer into the window, if it has none, and jumps. Waits for the peer's agent. */
  async jump(window: keyof typeof NAMED_WINDOWS, peer: 'B' | 'C' = 'B'): Promise<void> {
    const { loaded } = await this.agent('status');
    if (loaded === '1') return this.enter('jump', peer);
    await this.load(NAMED_WINDOWS[window], `role=${peer}`);
    await this.jumpToNew(peer);
  }

  /** The live kernel loads a peer into the window. Rejects with kexec's words. */
  async load({ min, max }: Window, words = ''): Promise<void> {
    await this.agent('load', `min=0x${min.toString(16)} max=0x${max.toString(16)} ${words}`);
  }

  /** Jumps into the peer that was loaded. Rejects when its agent does not say hello. */
  async jumpToNew(peer: 'B' | 'C' = 'B', seconds = HELLO_SECONDS): Promise<void> {
    this.guest.forget(peer);
    this.leave('jump');
    await this.guest.waitForHello(peer, seconds);
  }

  /** The live kernel panics, and the capture kernel that it has loaded (kexec -p) boots. Waits for its agent. */
  async crash(seconds = HELLO_SECONDS): Promise<void> {
    this.guest.forget('B');
    this.leave('run', 'echo c >/proc/sysrq-trigger');
    await this.guest.waitForHello('B', seconds);
  }

  /** What kernel B has printed last. */
  get consoleOfB(): string {
    return this.machine.consoleTail('B');
  }

  /** Waits until kernel B has printed it. */
  async saysInB(text: RegExp, seconds = HELLO_SECONDS): Promise<void> {
    for (let waited = 0; !text.test(this.consoleOfB); waited += 50) {
      assert.ok(waited < seconds * 1000, `kernel B did not print ${String(text)}; the consoles:\n${this.consoles}`);
      await delay(50);
    }
  }

  /** Enters the kernel that is loaded, and waits until it is the one that answers. */
  async enter(verb: 'jump' | 'back', role: string, attempts = 50): Promise<void> {
    this.leave(verb);
    await this.answers(role, attempts);
  }

  /** Runs a script that enters another kernel, and waits until that is the one that answers. */
  async leaveBy(script: string, role: string): Promise<void> {
    this.leave('run', script);
    await this.answers(role);
  }

  private async answers(role: string, attempts = 50): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      await delay(200);
      const { role: live } = await this.agent('status', '', 2).catch(() => ({ role: '' }));
      if (live === role) return;
    }
    assert.fail(`kernel ${role} did not answer; the consoles:\n${this.consoles}`);
  }

  /** The end of what the kernels printed. */
  get consoles(): string {
    return `${this.machine.consoleTail('A')}\n--- B:\n${this.machine.consoleTail('B')}`;
  }

  async stop(): Promise<void> {
    LabMachine.running.delete(this);
    this.guest.close(new Error('the machine was stopped'));
    await this.machine.stop();
    this.folder.release();
  }

  /** As a power cut. */
  async cutPower(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.stop();
  }

  /** A kernel answers that it left when it is back, if ever. */
  private leave(verb: string, argument = ''): void {
    this.guest.request(verb, argument, Infinity).catch(() => undefined);
  }
}
