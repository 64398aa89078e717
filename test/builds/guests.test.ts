/** A short jump on each guest of the lab but the default one, which all other tests run. `npm run test:guests` tries them whole. */
import { DEFAULT_GUEST, GUEST_NAMES, guestOf } from '../../qemu-runner/guest/guests.ts';
import { Debuggee } from '../guest/debuggee.ts';
import { thereAndBack } from '../guests/trials.ts';

for (const guest of GUEST_NAMES.filter((name) => name !== DEFAULT_GUEST)) {
  describe(`the guest ${guest}: ${guestOf(guest).title}`, () => {
    after(async () => Debuggee.endAll());

    it('is jumped from and back to, with its symbols and its stack while it is dormant', async () => {
      await thereAndBack(guest);
    });
  });
}
