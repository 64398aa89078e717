/** relocate_kernel as the unit tests need it: its calls, its stores and swap_pages of Linux 6.1, and the control page made of them. */

/** swap_pages of Linux 6.1, as objdump shows it. */
export const SWAP_PAGES = Buffer.from(
  '8b5424088b4c240455535756' +
    '89cbeb05' +
    '8b0b83c304' +
    'f6c101740a89cf81e700f0ffffebec' +
    'f6c102740a89cb81e300f0ffffebdd' +
    'f6c1047402eb38' +
    'f6c10874d1' +
    '89ce81e600f0ffff89f889f5' +
    '89d7b900040000f3a5' +
    '89ef89c6b900040000f3a5' +
    '89c789d6b900040000f3a5' +
    '8db500100000eb9e' +
    '5e5f5b5dc3',
  'hex',
);

/** `call` at an offset to the end of the code, where swap_pages is. */
export function writeCall(code: Buffer, at: number): void {
  code[at] = 0xe8;
  code.writeInt32LE(code.length - at - 5, at + 1);
}

/** The stores of relocate_kernel of Linux 6.1, as objdump shows them, with what is between them. */
const STORES = Buffer.from(
  '8b7d04' +
    '89a700080000' +
    '0f20c0898704080000' +
    '0f20d8898708080000' +
    '0f20e089870c080000' +
    '8b5c24188b6c241c8b5424208b4c24248b7424286a009d8b7d04' +
    '89bf10080000' +
    '8b4508898714080000' +
    '8b450c898718080000' +
    '899f1c080000',
  'hex',
);

/** Code of a length that stores, and else does nothing. */
export function storing(length: number): Buffer {
  const code = Buffer.alloc(length, 0x90);
  STORES.copy(code, 9);
  return code;
}

export const SLOTS = {
  ...{ esp: 0x800, cr0: 0x804, cr3: 0x808, cr4: 0x80c },
  ...{ virtual: 0x810, pageDirectory: 0x814, swapPage: 0x818, head: 0x81c },
};

/** relocate_kernel with the places of Linux 6.1, as objdump shows them in relocate_kernel_32.o, up to swap_pages. */
export function relocateKernel(): Buffer {
  const code = storing(0x156);
  writeCall(code, 0xa7);
  code.set([0xff, 0xd2], 0xd5);
  writeCall(code, 0x100);
  return code;
}

/** Where `relocateKernel()` is entered again. */
export const REENTRY = 0xd7;

/** A control page that a kernel has left by. */
export function controlPage(saved: Partial<Record<keyof typeof SLOTS, number>>): Buffer {
  const page = Buffer.concat([relocateKernel(), SWAP_PAGES], 0x1000);
  for (const [slot, value] of Object.entries(saved)) page.writeUInt32LE(value, SLOTS[slot as keyof typeof SLOTS]);
  return page;
}
