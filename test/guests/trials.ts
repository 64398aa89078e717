/** What each guest of the lab has to do, each a trial in a real machine: the columns of docs/guests.md. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelOf } from '../../debug-adapter/dap/threads.ts';
import type { Audit, JumpDescription, KernelName, LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import type { GuestName } from '../../qemu-runner/guest/guests.ts';
import { Debuggee } from '../guest/debuggee.ts';

const AUDIT_SECONDS = 300;
const TRIPS = 5;
const MB = 1e6;

/** What of a guest is to be seen in it, by a shell command and its output. */
interface Trait {
  command: string;
  says: RegExp;
}

/** A function that runs when it is asked to, and what asks. */
const WATCHED = { function: 'version_proc_show', command: 'cat /proc/version' };

const TRAITS: Readonly<Record<GuestName, Trait>> = {
  '6.1': { command: 'uname -r', says: /^6\.1\./ },
  '6.1-smp': { command: 'nproc', says: /^2$/ },
  '6.1-pae': { command: "sed -n 's/^MemTotal: *//p' /proc/meminfo", says: /^4[4-9]\d{5} kB$/ },
  '6.1-acpi': { command: 'cat /sys/power/mem_sleep', says: /deep/ },
  '6.12': { command: 'uname -r', says: /^6\.12\./ },
};
/** MiB, where a guest is about more than the usual. */
const MEMORY: Partial<Record<GuestName, number>> = { '6.1-pae': 4608 };

const configurationOf = (guest: GuestName): LaunchConfiguration => ({
  ...{ guest, autoJump: false, stopAt: [] },
  ...(MEMORY[guest] === undefined ? {} : { memory: MEMORY[guest] }),
});

/** A guest with something in it that must survive. */
class Guest {
  private constructor(
    private readonly name: GuestName,
    readonly debuggee: Debuggee,
    private planted: Record<string, string>,
  ) {}

  static async boot(name: GuestName, more: LaunchConfiguration = {}): Promise<Guest> {
    const debuggee = await Debuggee.launch({ ...configurationOf(name), ...more });
    await debuggee.ready('canJump');
    const guest = new Guest(name, debuggee, await debuggee.agent('plant', '4'));
    await guest.hasItsTrait();
    return guest;
  }

  /** The same guest, brought back from a file. */
  async resumed(path: string): Promise<Guest> {
    const debuggee = await Debuggee.launch({ guest: this.name, stopAt: [], resume: path });
    return new Guest(this.name, debuggee, this.planted);
  }

  async jump(): Promise<void> {
    await this.debuggee.client.request('kexecJump/jump');
    await this.debuggee.ready('canJumpBack');
  }

  async comesBack(): Promise<void> {
    await this.debuggee.client.request('kexecJump/jumpBack');
    await this.goesOn();
  }

  /** Kernel A has what it had, and its programs run. */
  async goesOn(): Promise<void> {
    await this.debuggee.ready('canJump');
    const { sha256, counter } = await this.debuggee.agent('check');
    assert.equal(sha256, this.planted['sha256']);
    assert.ok(Number(counter) > Number(this.planted['counter']), `${counter} after ${this.planted['counter']}`);
    this.planted = { sha256: sha256!, counter: counter! };
    await this.hasItsTrait();
  }

  /** Looks at kernel A while kernel B runs. @returns how many frames its stack has. */
  async framesOfDormantA(): Promise<number> {
    const frames = await this.debuggee.stack(1);
    const functions = frames.map((frame) => frame.name);
    assert.deepEqual(functions.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
    assert.match(functions.at(-1) ?? '', /entry_INT80_32|entry_SYSENTER_32|do_SYSENTER_32|do_int80_syscall_32/);
    const banner = await this.debuggee.evaluate('linux_banner', frames[0]!.id);
    assert.match(banner, new RegExp(`Linux version ${this.name.split('-')[0]!.replace('.', '\\.')}\\.`));
    return frames.length;
  }

  /** The kernel that is live stops in a function that has a breakpoint by its name, on whichever CPU. */
  async stopsByName(kernel: KernelName): Promise<void> {
    const { client } = this.debuggee;
    const set = async (...names: string[]): Promise<unknown> =>
      client.request('setFunctionBreakpoints', { breakpoints: names.map((name) => ({ name })) });
    await set(WATCHED.function);
    const answer = this.debuggee.agent('run', WATCHED.command);
    // Of a machine that is gone the stop tells.
    answer.catch(() => undefined);
    const stop = await this.debuggee.stop();
    assert.deepEqual([kernelOf(stop.threadId), stop.functions[0]], [kernel, WATCHED.function]);
    await set();
    await this.debuggee.proceed(stop.threadId);
    assert.equal((await answer)['status'], '0');
  }

  async end(): Promise<void> {
    await this.debuggee.end();
  }

  private async hasItsTrait(): Promise<void> {
    const { command, says } = TRAITS[this.name];
    const { output = '' } = await this.debuggee.agent('run', command);
    assert.match(Buffer.from(output, 'base64').toString().trim(), says, command);
  }
}

/** @returns a figure, or nothing. @throws what went wrong. */
export type Trial = (guest: GuestName) => Promise<string>;

/** There, with a look at the kernel that is dormant, and back. */
export async function thereAndBack(name: GuestName): Promise<string> {
  const guest = await Guest.boot(name);
  await guest.jump();
  const frames = await guest.framesOfDormantA();
  await guest.comesBack();
  await guest.end();
  return `${frames} frames`;
}

/** There and back with kernels that start anywhere: in each, symbols are where they are. */
async function anywhere(name: GuestName): Promise<string> {
  const bases: string[] = [];
  for (const [a, b] of [
    ['kaslr', ''],
    ['', 'kaslr'],
    ['kaslr', 'kaslr'],
  ] as const) {
    const guest = await Guest.boot(name, { kernelA: { append: a }, kernelB: { append: b } });
    await guest.stopsByName('A');
    await guest.jump();
    await guest.framesOfDormantA();
    await guest.stopsByName('B');
    await guest.comesBack();
    await guest.stopsByName('A');
    const { kernels } = await guest.debuggee.client.request<JumpDescription>('kexecJump/describeJump');
    bases.push(kernels.map(({ offset = 0 }) => `${offset >> 20}`).join('/'));
    await guest.end();
  }
  return `moved by ${bases.join(', ')} MiB (A/B)`;
}

async function toAndFro(name: GuestName): Promise<string> {
  const guest = await Guest.boot(name);
  for (let trip = 0; trip < TRIPS; trip++) {
    await guest.jump();
    await guest.comesBack();
  }
  await guest.end();
  return `${TRIPS} times`;
}

async function audited(name: GuestName): Promise<string> {
  const guest = await Guest.boot(name, { audit: true });
  await guest.jump();
  await guest.comesBack();
  const audit = await guest.debuggee.client.request<Audit>('kexecJump/audit', {}, AUDIT_SECONDS);
  assert.equal(audit.violations, 0, audit.text);
  await guest.end();
  return 'no violation';
}

async function savedAndResumed(name: GuestName): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'guest-saved-'));
  try {
    const path = join(folder, 'a.vmcore');
    const guest = await Guest.boot(name);
    await guest.debuggee.hibernate({ path, level: 17, after: 'poweroff' });
    await guest.debuggee.hasTerminated();
    await guest.end();
    const resumed = await guest.resumed(path);
    await resumed.goesOn();
    await resumed.end();
    return `${Math.round(statSync(path).size / MB)} MB`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** By what the column is called. */
export const TRIALS: Readonly<Record<string, Trial>> = {
  'jump, dormant view, return': thereAndBack,
  'to and fro': toAndFro,
  KASLR: anywhere,
  audit: audited,
  'save and resume': savedAndResumed,
};
