/** A dormant kernel is inspected like a stopped one: what it shows is what it was, and what it will be again. */
import assert from 'node:assert/strict';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';

const THREAD = { A: 1, B: 2 } as const;

/** Values that a kernel does not change while it is dormant. */
const EXPRESSIONS = [
  'kexec_image->start',
  'kexec_image->head',
  'kexec_image->nr_segments',
  'kexec_image->control_code_page',
  'init_task.comm',
  'linux_banner',
  'jiffies_64',
  'system_state',
  'totalram_pages()',
  '_totalram_pages.counter',
  'saved_command_line',
];

for (const window of ['high', 'low'] as const) {
  describe(`dormant kernels, ${window} window`, () => {
    inOrder();
    let debuggee: Debuggee;
    const before_ = new Map<string, string[]>();

    /** The values in the frame of kernel_kexec(), where they mean the same before, during and after. */
    const values = async (kernel: 'A' | 'B'): Promise<string[]> => {
      const frames = await debuggee.stack(THREAD[kernel]);
      const frame = frames.find(({ name }) => name === 'kernel_kexec');
      assert.ok(frame, `kernel_kexec is on the stack of ${kernel}: ${frames.map(({ name }) => name).join(' < ')}`);
      const found: string[] = [];
      for (const expression of EXPRESSIONS) {
        found.push(
          await debuggee
            .evaluate(expression, frame.id)
            .catch((error: unknown) => `refused: ${(error as Error).message}`),
        );
      }
      return [...found, ...frames.slice(frames.indexOf(frame)).map(({ name, line }) => `${name}:${line}`)];
    };

    const stopAt = async (phase: string): Promise<void> => {
      const stop = await debuggee.stop();
      assert.equal(stop.description, `Phase: ${phase}`);
    };

    before(async () => {
      debuggee = await Debuggee.launch({
        window,
        autoJump: false,
        stopAt: ['leaving A', 'B starting', 'leaving B', 'A resuming'],
      });
      await debuggee.ready('canJump');
    });
    after(async () => debuggee.end());
    after(async () => Debuggee.endAll());

    it('shows kernel A as it left, while kernel B boots', async () => {
      await debuggee.client.request('kexecJump/jump');
      await stopAt('leaving A');
      before_.set('A', await values('A'));
      await debuggee.proceed(THREAD.A);
      await stopAt('B starting');
      const dormant = await values('A');
      assert.deepEqual(withoutStart(dormant), withoutStart(before_.get('A')!));
      assert.ok(!dormant.slice(0, 4).some((value) => value.startsWith('refused')), dormant.join('\n'));
    });

    it('shows kernel A while kernel B runs, and does not stop kernel B', async () => {
      await debuggee.proceed(THREAD.B);
      await debuggee.ready('canJumpBack');
      const counted: number[] = [];
      for (let look = 0; look < 3; look++) {
        counted.push(Number((await debuggee.agent('status'))['uptime']));
        assert.deepEqual(withoutStart(await values('A')), withoutStart(before_.get('A')!));
      }
      assert.ok(counted[0]! < counted[2]!, `kernel B's clock goes on: ${counted.join(', ')}`);
      assert.deepEqual(debuggee.stopsSoFar(), []);
    });

    it('refuses to change or to step it, and says when it will be possible', async () => {
      const sentence = /Kernel A is not on the CPU: kernel B is.*again after kernel B has jumped back/;
      await assert.rejects(debuggee.proceed(THREAD.A, 'next'), sentence);
      await assert.rejects(
        debuggee.client.request('writeMemory', { memoryReference: 'A:0xc1000000', data: 'AA==' }),
        sentence,
      );
    });

    it('shows kernel B as it left, when kernel A is back', async () => {
      await debuggee.client.request('kexecJump/jumpBack');
      await stopAt('leaving B');
      before_.set('B', await values('B'));
      await debuggee.proceed(THREAD.B);
      await stopAt('A resuming');
      assert.deepEqual(withoutStart(await values('A')), withoutStart(before_.get('A')!));
      assert.deepEqual(withoutStart(await values('B')), withoutStart(before_.get('B')!));
      await debuggee.proceed(THREAD.A);
      await debuggee.ready('canJump');
      assert.deepEqual(withoutStart(await values('B')), withoutStart(before_.get('B')!));
    });
  });
}

/** Everything but image->start, to which the return assigns the peer's re-entry point. */
function withoutStart([, ...rest]: string[]): string[] {
  return rest;
}
