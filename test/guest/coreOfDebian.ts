/** An ELF core of a machine that runs Debian's x86_64 kernel. */
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { PhysicalRun } from '../../vmcore-viewer/core/physicalRuns.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import { findVmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfoScan.ts';
import { DebianKernel } from './debianKernel.ts';
import { writeElfCore } from './makedumpfile.ts';

const GIB = 2 ** 30;
const MOST_BELOW_4_GIB = 3 * GIB;
/** The BIOS keeps its tables in the last pages below 4 GiB. */
const FIRMWARE = 32 * PAGE_SIZE;

/**
 * Boots the machine, fills some of its memory, and writes a core; what the kernel has not touched takes no place on the disk.
 * @param memory bytes.
 * @returns what of it is RAM, all of which is in the core.
 */
export async function coreOfDebian(path: string, memory: number): Promise<PhysicalRun[]> {
  const below4GiB = Math.min(memory, MOST_BELOW_4_GIB);
  const kernel = await DebianKernel.boot({
    package: 'linux-image-amd64',
    memory,
    below4GiB,
    cpu: 'qemu64',
    append: '',
  });
  try {
    const ram = [
      { address: 0, length: 0xa0000 },
      { address: 0x100000, length: below4GiB - 0x100000 - FIRMWARE },
      ...(memory > below4GiB ? [{ address: 4 * GIB, length: memory - below4GiB }] : []),
    ];
    const [found] = findVmcoreInfo(kernel.ram, ram);
    writeElfCore(path, {
      ...{ architecture: 'x86_64', memory: kernel.ram, ram },
      pageOffset: new StructPages(kernel.ram, found!.info).kernel.pageOffset!,
      vmcoreInfo: kernel.ram.read(found!.address, PAGE_SIZE)!,
    });
    return ram;
  } finally {
    kernel.end();
  }
}
