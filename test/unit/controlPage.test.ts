import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeControlCode, readSavedState } from '../../debug-adapter/jump/controlPage.ts';

const START = 0xc1000100;

/** A kernel file of nothing but relocate_kernel: `code` up to swap_pages. */
function kernelWith(code: Buffer): Parameters<typeof decodeControlCode>[0] {
  const addresses: Record<string, number> = { relocate_kernel: START, swap_pages: START + code.length };
  return {
    path: 'vmlinux',
    symbol: (name) => (name in addresses ? { name, address: addresses[name]!, size: 0 } : undefined),
    bytesAt: (address, length) => code.subarray(address - START, address - START + length),
  };
}

/** `call` at an offset to the end of the code, where swap_pages is. */
function writeCall(code: Buffer, at: number): void {
  code[at] = 0xe8;
  code.writeInt32LE(code.length - at - 5, at + 1);
}

describe('control page', () => {
  it('finds the offsets that Linux 6.1 has', () => {
    // Offsets as objdump shows them in relocate_kernel_32.o of 6.1.
    const code = Buffer.alloc(0x156, 0x90);
    writeCall(code, 0xa7);
    code.set([0xff, 0xd2], 0xd5);
    writeCall(code, 0x100);
    assert.deepEqual(decodeControlCode(kernelWith(code)), {
      swapPages: 0x156,
      departure: 0xd5,
      reentry: 0xd7,
      swappedBack: 0x105,
    });
  });

  it('says what is not understood, with the bytes', () => {
    const without = Buffer.alloc(0x20, 0x90);
    assert.throws(() => decodeControlCode(kernelWith(without)), {
      message: /relocate_kernel of "vmlinux" is not understood: it calls swap_pages 0 times, not twice/,
      evidence: '90'.repeat(0x20),
    });
    const noDeparture = Buffer.alloc(0x40, 0x90);
    writeCall(noDeparture, 0x10);
    writeCall(noDeparture, 0x20);
    assert.throws(() => decodeControlCode(kernelWith(noDeparture)), /no call \*%edx between/);
  });

  it('never takes other code for it without saying so', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 0x300 }), (bytes) => {
        const code = Buffer.from(bytes);
        try {
          const { swapPages, departure, swappedBack } = decodeControlCode(kernelWith(code));
          assert.ok(departure < swappedBack && swappedBack <= swapPages);
        } catch (error) {
          assert.equal((error as Error).name, 'UserFacingError');
        }
      }),
    );
  });

  it('reads the data slots', () => {
    const page = Buffer.alloc(0x1000);
    [0xc0a1be10, 0x80050033, 0x1a40000, 0x6d0, 0, 0, 0x1902000, 0x1903002].forEach((word, slot) =>
      page.writeUInt32LE(word, 0x800 + slot * 4),
    );
    const memory = { size: 0x1000, read: (at: number, length: number) => page.subarray(at, at + length) };
    assert.deepEqual(readSavedState(memory, 0), {
      esp: 0xc0a1be10,
      cr0: 0x80050033,
      cr3: 0x1a40000,
      cr4: 0x6d0,
      swapPage: 0x1902000,
      head: 0x1903002,
    });
  });
});
