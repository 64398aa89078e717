/** Each kernel's base is found, wherever it starts. */
import assert from 'node:assert/strict';
import { Debuggee } from './debuggee.ts';

const ROLES: readonly [a: string, b: string][] = [
  ['kaslr', ''],
  ['', 'kaslr'],
  ['kaslr', 'kaslr'],
];

for (const [a, b] of ROLES) {
  describe(`KASLR in ${a && b ? 'both kernels' : a ? 'kernel A' : 'kernel B'}`, () => {
    after(async () => Debuggee.endAll());

    it('finds both kernels and comes back', async () => {
      const debuggee = await Debuggee.launch({
        kernelA: { append: a },
        kernelB: { append: b },
        stopAt: ['A quiescing', 'B starting', 'A resuming'],
        autoJump: false,
      });
      await debuggee.ready('canJump');
      const { sha256 } = await debuggee.agent('plant');
      await debuggee.client.request('kexecJump/jump');
      for (const [thread, name, place] of [
        [1, 'kernel_kexec', /^kexec_core\.c:/],
        [2, 'start_kernel', /^main\.c:/],
      ] as const) {
        const stop = await debuggee.stop();
        assert.equal(stop.threadId, thread);
        assert.equal(stop.functions[0], name);
        assert.match(stop.place, place);
        await debuggee.proceed(thread);
      }
      await debuggee.ready('canJumpBack');
      await debuggee.client.request('kexecJump/jumpBack');
      const stop = await debuggee.stop();
      assert.deepEqual(stop.functions.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
      await debuggee.proceed(1);
      await debuggee.ready('canJump');
      assert.equal((await debuggee.agent('check'))['sha256'], sha256);
      await debuggee.end();
    });
  });
}
