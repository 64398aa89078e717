/** The control page's code as compilers have made it for each guest of the lab; objdump is asked for the same places. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlCodeOf } from '../../debug-adapter/jump/controlCode.ts';
import { GUEST_NAMES, guestOf } from '../../qemu-runner/guest/guests.ts';
import { ensureLab } from '../../qemu-runner/guest/lab.ts';
import { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';

/** Where it is linked: no offset is an address by chance. */
const START = 0xc1000000;

for (const guest of GUEST_NAMES) {
  describe(`the control page's code of ${guestOf(guest).title}`, function () {
    const folder = mkdtempSync(join(tmpdir(), 'kexec-control-code-'));
    after(() => {
      rmSync(folder, { recursive: true });
    });

    it('is understood: objdump finds the same places', async () => {
      const { relocateObject } = await ensureLab({ guest });
      const linked = join(folder, 'vmlinux');
      const address = `0x${START.toString(16)}`;
      execFileSync('ld', ['-m', 'elf_i386', '-Ttext', address, '-e', address, '-o', linked, relocateObject]);
      const listing = execFileSync('objdump', ['-d', '--no-show-raw-insn', linked], { encoding: 'utf8' });
      /** Offsets of the instructions that a text is found in. */
      const places = (instruction: RegExp): number[] =>
        listing.split('\n').flatMap((line) => {
          const [, at, text = ''] = /^\s*([0-9a-f]+):\s+(.*)$/.exec(line) ?? [];
          return at !== undefined && instruction.test(text) ? [parseInt(at, 16) - START] : [];
        });
      const behind = (offset: number): number => Math.min(...places(/./).filter((place) => place > offset));
      const slot = (register: string): number[] =>
        [...listing.matchAll(new RegExp(`mov +%${register},0x([0-9a-f]{3,})\\(%edi\\)`, 'g'))].map(([, digits]) =>
          parseInt(digits!, 16),
        );

      const code = controlCodeOf(new KernelFile(linked));
      const [leaving, returning] = places(/^call .*<swap_pages>/);
      const [departure] = places(/^call +\*%edx/);
      const copies = places(/^rep movsl/);
      assert.deepEqual([departure! > leaving!, departure! < returning!, copies.length], [true, true, 3]);
      const [cr0, cr3, cr4, pageDirectory, swapPage] = slot('eax');
      assert.deepEqual(code, {
        swapPages: parseInt(/([0-9a-f]+) <swap_pages>:/.exec(listing)![1]!, 16) - START,
        swap: {
          readEntry: places(/^mov +\(%ebx\),%ecx/)[0],
          exchange: places(/^mov +\$0x400,%ecx/)[0],
          copied: copies.map(behind),
          done: places(/^pop +%esi/).find((place) => place > copies[2]!),
        },
        departure,
        reentry: behind(departure!),
        swappedBack: behind(returning!),
        slots: {
          ...{ cr0, cr3, cr4, pageDirectory, swapPage },
          ...{ esp: slot('esp')[0], virtual: slot('edi')[0], head: slot('ebx')[0] },
        },
      });
    });
  });
}
