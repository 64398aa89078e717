/** What kernel_kexec() calls, from its code; and what is made of the machine's stops at these calls. */
import assert from 'node:assert/strict';
import { callPlaces, describeFailure, type FailedCall } from '../../debug-adapter/jump/kexecCalls.ts';
import { describeError, errorIn, kexecCodeOf } from '../../debug-adapter/jump/kexecCode.ts';
import type { Kernel } from '../../debug-adapter/jump/kernel.ts';
import type { MachineStop } from '../../debug-adapter/rsp/runState.ts';
import { CodeMap } from '../../debug-adapter/stepping/codeMap.ts';

/**
 * As the compiler may lay it out: the unwinding before what follows the failure, calls side by side.
 *
 *     10      error = freeze();
 *     11      if (error) goto Thaw;
 *     12      error = cpus_off();         (inlined from a header, where it is line 3)
 *     13      if (error) goto Enable_cpus;
 *     14      machine_kexec(image);
 *     15  Enable_cpus:
 *     16      cpus_on();
 *     17  Thaw:
 *     18      thaw();
 *     19  Unlock:
 */
const MAP = {
  name: 'kernel_kexec',
  files: ['kexec_core.c', 'cpu.h'],
  lines: [
    [0x1000, 0x1009, 0, 10, 1],
    [0x1009, 0x1010, 0, 18, 1],
    [0x1010, 0x1015, 1, 3, 1],
    [0x1015, 0x101f, 0, 14, 1],
    [0x101f, 0x1024, 0, 16, 1],
  ],
  inlined: [['cpus_off', -1, 0x1015, 0, 12]],
  instructions: [
    [0x1000, 'call   0x2000 <freeze>', 0, -1],
    [0x1005, 'test   %eax,%eax', 0, -1],
    [0x1007, 'je     0x1010 <kernel_kexec+16>', 0, -1],
    [0x1009, 'call   0x2010 <thaw>', 1, -1],
    [0x100e, 'ret', 1, -1],
    [0x1010, 'call   0x2020 <freeze_secondary_cpus>', 2, 0],
    [0x1015, 'call   0x2030 <machine_kexec>', 3, -1],
    [0x101a, 'call   *%edx', 3, -1],
    [0x101f, 'call   0x2040 <cpus_on>', 4, -1],
    [0x1024, 'jmp    0x1009 <kernel_kexec+9>', 4, -1],
  ],
  labels: [
    ['Unlock', 19, 0x100e],
    ['Thaw', 17, 0x1009],
    ['Enable_cpus', 15, 0x101f],
  ],
};

const code = async () =>
  kexecCodeOf(CodeMap.parse(JSON.stringify(MAP)), async (name) =>
    Promise.resolve(['freeze', 'freeze_secondary_cpus'].includes(name)),
  );

describe('the code of kernel_kexec', () => {
  it('tells the calls in the order of the source, those of inlined functions by the line that has them', async () => {
    const { calls } = await code();
    assert.deepEqual(
      calls.map(({ function: name, line, isWayBack, canFail }) => [name, line, isWayBack, canFail]),
      [
        ['freeze', 10, false, true],
        ['freeze_secondary_cpus', 12, false, true],
        ['cpus_on', 16, true, false],
        ['thaw', 18, true, false],
      ],
    );
  });

  it('tells the labels with what is called behind each', async () => {
    const { labels } = await code();
    assert.deepEqual(
      labels.map(({ name, calls }) => [name, calls]),
      [
        ['Enable_cpus', ['cpus_on']],
        ['Thaw', ['thaw']],
        ['Unlock', []],
      ],
    );
  });

  it('knows an error from any other result', () => {
    assert.equal(errorIn(0xfffffff0), -16);
    assert.equal(errorIn(0), undefined);
    assert.equal(errorIn(0xc1000000), undefined);
    assert.equal(describeError(-16), '-16 (EBUSY)');
    assert.equal(describeError(-517), '-517');
  });
});

describe('the places of these calls', () => {
  /** Goes through addresses as the machine would, with what %eax holds at each; @returns what was told. */
  async function walk(...stops: [number, number][]): Promise<{ told: string[]; outcomes: string[] }> {
    const told: string[] = [];
    let failure: FailedCall | undefined;
    const kernel = { name: 'A', boot: { offset: 0x100 }, kexecCode: await code() } as unknown as Kernel;
    const places = new Map(
      callPlaces(kernel, {
        result: ({ signal }) => signal,
        begins: (_, call) => {
          told.push(`begins ${call.function}`);
          return call.function === 'thaw' ? 'stop' : 'resume';
        },
        ends: (_, call, error) => told.push(`ends ${call.function} ${error ?? ''}`.trim()),
        fails: (failed) => {
          failure = failed;
          told.push(`fails ${failed.labels[0]!.name}`);
          return 'stop';
        },
      }),
    );
    const outcomes: string[] = [];
    for (const [pc, eax] of stops) {
      const handler = places.get(pc + 0x100) ?? assert.fail(`nothing is at ${pc.toString(16)}`);
      outcomes.push(await handler({ signal: eax } as unknown as MachineStop));
    }
    if (failure) told.push(describeFailure(failure));
    return { told, outcomes };
  }

  it('tell of a call that begins where another one ends, and stop if either is to be stopped at', async () => {
    const { told, outcomes } = await walk([0x101f, 0], [0x1024, 0], [0x1009, 0]);
    assert.deepEqual(told, ['begins cpus_on', 'ends cpus_on', 'begins thaw']);
    assert.deepEqual(outcomes, ['resume', 'resume', 'stop']);
  });

  it('see the label that a failed call goes to, which may be the place of a call', async () => {
    const { told, outcomes } = await walk([0x1000, 0], [0x1005, -16 >>> 0], [0x1009, 0], [0x100e, 0]);
    assert.deepEqual(told, [
      'begins freeze',
      'ends freeze -16',
      'fails Thaw',
      'begins thaw',
      'ends thaw',
      'Kernel A does not jump: freeze() returned -16 (EBUSY), and kernel_kexec() unwinds from Thaw (thaw), then Unlock',
    ]);
    assert.deepEqual(outcomes, ['resume', 'resume', 'stop', 'resume']);
  });
});
