import assert from 'node:assert/strict';
import fc from 'fast-check';
import { controlCodeOf } from '../../debug-adapter/jump/controlCode.ts';
import { decodeControlPage, readSavedState } from '../../vmcore-viewer/core/controlPage.ts';
import { relocateKernel, SLOTS, storing, SWAP_PAGES, writeCall } from './syntheticControlPage.ts';

const START = 0xc1000100;

/** A kernel file of nothing but relocate_kernel: `code` up to swap_pages, and that. */
function kernelWith(code: Buffer, swapPages: Buffer = SWAP_PAGES): Parameters<typeof controlCodeOf>[0] {
  const addresses: Record<string, number> = { relocate_kernel: START, swap_pages: START + code.length };
  const bytes = Buffer.concat([code, swapPages]);
  return {
    path: 'vmlinux',
    symbol: (name) => (name in addresses ? { name, address: addresses[name]!, size: 0 } : undefined),
    bytesAt: (address, length) => bytes.subarray(address - START, address - START + length),
  };
}

describe('control page', () => {
  it('finds the offsets that Linux 6.1 has', () => {
    // Offsets as objdump shows them in relocate_kernel_32.o of 6.1.
    const code = relocateKernel();
    assert.deepEqual(controlCodeOf(kernelWith(code)), {
      swapPages: 0x156,
      swap: { readEntry: 0x166, exchange: 0x1a3, copied: [0x1aa, 0x1b5, 0x1c0], done: 0x1c8 },
      departure: 0xd5,
      reentry: 0xd7,
      swappedBack: 0x105,
      slots: SLOTS,
    });
  });

  it('says what is not understood, with the bytes', () => {
    const without = Buffer.alloc(0x20, 0x90);
    assert.throws(() => controlCodeOf(kernelWith(without)), {
      message: /relocate_kernel of "vmlinux" is not understood: it calls swap_pages 0 times, not twice/,
      evidence: '90'.repeat(0x20),
    });
    const noDeparture = Buffer.alloc(0x40, 0x90);
    writeCall(noDeparture, 0x10);
    writeCall(noDeparture, 0x20);
    assert.throws(() => controlCodeOf(kernelWith(noDeparture)), /no call \*%edx between/);
  });

  it('says which slot it does not find', () => {
    const code = storing(0x100);
    writeCall(code, 0xa7);
    code.set([0xff, 0xd2], 0xb5);
    writeCall(code, 0xd0);
    const at = code.indexOf(Buffer.from('89bf', 'hex'));
    assert.throws(
      () => controlCodeOf(kernelWith(Buffer.from(code).fill(0x90, at, at + 6))),
      /it does not save "virtual" in the control page/,
    );
    code.writeUInt32LE(0x1000, at + 2);
    assert.throws(() => controlCodeOf(kernelWith(code)), /it saves "virtual" outside of the control page/);
  });

  it('says what in swap_pages is not understood, with its bytes', () => {
    const code = storing(0x100);
    writeCall(code, 0xa7);
    code.set([0xff, 0xd2], 0xb5);
    writeCall(code, 0xd0);
    const changed = (at: number): Buffer => {
      const bytes = Buffer.from(SWAP_PAGES);
      bytes[at] = 0x90;
      return bytes;
    };
    const swap = (bytes: Buffer) => () => controlCodeOf(kernelWith(code, bytes));
    assert.throws(swap(changed(0x10)), { message: /does not read entries/, evidence: changed(0x10).toString('hex') });
    assert.throws(swap(changed(0x68)), /does not copy three times by "rep movsl"/);
    assert.throws(swap(changed(0x4d)), /is not of 1024 words/);
    assert.throws(swap(changed(0x70)), /does not go back for another entry/);
  });

  it('is decoded in memory too, where there are no symbols', () => {
    const code = relocateKernel();
    const page = Buffer.concat([code, SWAP_PAGES], 0x1000);
    assert.deepEqual(decodeControlPage(page), controlCodeOf(kernelWith(code)));
    assert.throws(() => decodeControlPage(Buffer.alloc(0x1000, 0x90)), /nothing in it is called twice/);
  });

  it('never takes other code for it without saying so', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 0x300 }), (bytes) => {
        const code = Buffer.from(bytes);
        try {
          const { swapPages, departure, swappedBack } = controlCodeOf(kernelWith(code));
          assert.ok(departure < swappedBack && swappedBack <= swapPages);
        } catch (error) {
          assert.equal((error as Error).name, 'UserFacingError');
        }
      }),
    );
  });

  it('reads the data slots', () => {
    const page = Buffer.alloc(0x1000);
    [0xc0a1be10, 0x80050033, 0x1a40000, 0x6d0, 0xc19d0000, 0x1901000, 0x1902000, 0x1903002].forEach((word, slot) =>
      page.writeUInt32LE(word, 0x800 + slot * 4),
    );
    const memory = { size: 0x1000, read: (at: number, length: number) => page.subarray(at, at + length) };
    assert.deepEqual(readSavedState(memory, 0, { slots: SLOTS }), {
      esp: 0xc0a1be10,
      cr0: 0x80050033,
      cr3: 0x1a40000,
      cr4: 0x6d0,
      virtual: 0xc19d0000,
      pageDirectory: 0x1901000,
      swapPage: 0x1902000,
      head: 0x1903002,
    });
  });
});
