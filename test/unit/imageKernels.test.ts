/** The kernels of an image: by its note alone where that is enough, else by looking through the memory. */
import assert from 'node:assert/strict';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { note, withPaths, writeElf } from './imageFiles.ts';
import { SyntheticKernel, vmcoreInfoText, VMCOREINFO_PAGE } from './syntheticKernel.ts';

const I386 = 3;
const SEARCH = 'Looking for kernels';

interface Opened {
  foundAt: ('note' | number)[];
  lost: number;
  isSearched: boolean;
}

/** Opens an ELF core of a kernel's memory, which is not in a jump. @param told VMCOREINFO in the core's note. */
function open(told: string | undefined, entry: number | 'none' = 'none'): Opened {
  const { bytes } = new SyntheticKernel(64);
  const notes = told === undefined ? [] : [note('VMCOREINFO', 0, Buffer.from(told))];
  const core = writeElf({ bits: 32, machine: I386, loads: [{ physical: 0, bytes, memorySize: bytes.length }], notes });
  return withPaths([core], (paths) => {
    const heard = new Set<string>();
    const explorer = Explorer.open({ paths, entry }, (doing) => () => void heard.add(doing));
    const foundAt = explorer.kernels.map((kernel) => kernel.foundAt);
    explorer.close();
    return { foundAt, lost: explorer.lost.length, isSearched: heard.has(SEARCH) };
  });
}

describe('the kernels of an image', () => {
  it('are not searched for where the note tells of one that is there', () => {
    assert.deepEqual(open(vmcoreInfoText()), { foundAt: ['note'], lost: 0, isSearched: false });
  });

  it('are searched for where somebody says that there was a jump', () => {
    assert.deepEqual(open(vmcoreInfoText(), 0x1234), { foundAt: ['note'], lost: 0, isSearched: true });
  });

  it('are searched for where there is no note', () => {
    assert.deepEqual(open(undefined), { foundAt: [VMCOREINFO_PAGE], lost: 0, isSearched: true });
  });

  it('are searched for where the note tells of one that is not there', () => {
    const told = vmcoreInfoText({ OSRELEASE: '9.9.9' });
    assert.deepEqual(open(told), { foundAt: [VMCOREINFO_PAGE], lost: 1, isSearched: true });
  });
});
