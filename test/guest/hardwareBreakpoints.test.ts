/** KVM's limit of four debug registers, enforced for each kernel. KVM itself runs no 32-bit guest everywhere: TCG stands in. */
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { Debuggee } from './debuggee.ts';

const FUNCTIONS = ['kernel_kexec', 'machine_kexec', 'oops_end', 'start_kernel', 'run_init_process'];

describe('hardware breakpoints under KVM', () => {
  let debuggee: Debuggee;
  const setFunctions = async (names: readonly string[]): Promise<DebugProtocol.Breakpoint[]> => {
    const { breakpoints } = await debuggee.client.request<{ breakpoints: DebugProtocol.Breakpoint[] }>(
      'setFunctionBreakpoints',
      { breakpoints: names.map((name) => ({ name })) },
    );
    return breakpoints;
  };

  before(async () => {
    // The later -machine wins: the session believes in KVM, QEMU emulates.
    const qemu = { accel: 'kvm', args: ['-machine', 'accel=tcg'] } as const;
    debuggee = await Debuggee.launch({ autoJump: false, stopAt: [], qemu: { ...qemu, args: [...qemu.args] } });
    await debuggee.client.request('setExceptionBreakpoints', { filters: [] });
    await debuggee.ready('canJump');
  });
  after(async () => debuggee.end());
  after(async () => Debuggee.endAll());

  it('takes four, and says clearly why not a fifth', async () => {
    const answers = await setFunctions(FUNCTIONS);
    assert.deepEqual(
      answers.map(({ verified }) => verified),
      [true, true, true, true, false],
    );
    assert.match(answers[4]?.message ?? '', /Under KVM a CPU has four debug registers, and all are in use/);
  });

  it('goes on as if the fifth had never been asked for', async () => {
    await setFunctions(['kernel_kexec', 'machine_kexec']);
    await debuggee.client.request('kexecJump/jump');
    const stop = await debuggee.stop();
    assert.equal(stop.functions[0], 'kernel_kexec');
    await debuggee.proceed(stop.threadId);
    assert.equal((await debuggee.stop()).functions[0], 'machine_kexec');
  });
});
