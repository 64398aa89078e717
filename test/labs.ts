/** mocha's set-up of the tests that run guests: all of the lab are built before the first test, and none within one. */
import { GUEST_NAMES } from '../qemu-runner/guest/guests.ts';
import { ensureLab } from '../qemu-runner/guest/lab.ts';

/** Run once, also where test files run in parallel. @throws UserFacingError of the step that failed (codes lab-…). */
export async function mochaGlobalSetup(): Promise<void> {
  for (const guest of GUEST_NAMES) {
    let last = '';
    await ensureLab({
      guest,
      onProgress: ({ step }) => {
        if (step !== last) process.stderr.write(`${guest}: ${step}\n`);
        last = step;
      },
    });
  }
}
