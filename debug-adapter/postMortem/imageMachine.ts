/** A machine that only a saved image remembers: its memory, and its CPU as it stood. */
import { EventEmitter } from 'node:events';
import { MemoryError } from '../../vmcore-viewer/core/errors.ts';
import { registersOfNotes, registersOfQemu, type RegisterValues } from '../../vmcore-viewer/core/kernelRegisters.ts';
import { CR4_PAE } from '../../vmcore-viewer/core/pageTables/i386.ts';
import type { PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import type { ViewName } from '../../vmcore-viewer/core/imageKernels.ts';
import type { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';
import type { ImageToOpen } from '../../vmcore-viewer/explorer/protocol.ts';
import type { QmpObject } from '../../qemu-runner/qmp.ts';
import { imageNotDebuggable } from '../errors.ts';
import { DormantKernel } from '../jump/dormantKernel.ts';
import { KERNEL_PAGE_DIRECTORY } from '../jump/kernel.ts';
import type { MachineMemory } from '../jump/machineMemory.ts';
import { RegisterLayout } from '../rsp/registers.ts';
import { ImageStub, TARGET_DESCRIPTION } from './imageStub.ts';

/** CR0 of a kernel that runs: PG, WP, PE and more. Source: arch/x86/include/asm/processor-flags.h, CR0_STATE. */
const CR0_OF_A_KERNEL = 0x80050033;

/** A view of the image's memory, which is there as a whole. */
export class ImageMemory implements MachineMemory {
  readonly size: number;

  constructor(private readonly memory: PhysicalMemory) {
    this.size = memory.size;
  }

  read(address: number, length: number): Buffer | undefined {
    return this.memory.read(address, length);
  }

  async settle<T>(work: () => T): Promise<T> {
    return Promise.resolve(work());
  }
}

export class ImageMachine extends EventEmitter<{ event: [string, QmpObject]; died: [Error] }> {
  /** There is nobody to ask. */
  readonly qmp = undefined;
  private stub: ImageStub | undefined;

  private constructor(
    readonly explorer: Explorer,
    /** As the kernel knew it that is on the CPU. */
    readonly memory: MachineMemory,
    /** A `g` packet by `TARGET_DESCRIPTION`. */
    readonly registers: Buffer,
    /** What this is of, and what cannot be seen in it: a sentence each. */
    readonly notes: readonly string[],
  ) {
    super();
  }

  /**
   * Opens an image. The CPU is that of QEMU's notes; else the kernel's that left by a jump, as it left; else that of the kernel's
   * own notes, as after a crash.
   * @throws MemoryError for a file that is no image, or not one of a jump by the re-entry point; UserFacingError `image-not-debuggable`.
   */
  static async open(image: ImageToOpen): Promise<ImageMachine> {
    const explorer = Explorer.open(image);
    try {
      if (image.entry !== undefined && !explorer.jump) throw new MemoryError(explorer.summary.problems.join(' '));
      return await ImageMachine.of(explorer);
    } catch (error) {
      explorer.close();
      throw error;
    }
  }

  private static async of(explorer: Explorer): Promise<ImageMachine> {
    const { image, jump, summary } = explorer;
    const path = image.paths[0]!;
    const kernel = explorer.kernel;
    if (kernel?.memory.wordSize === 8 || image.machine === 'x86_64') throw imageNotDebuggable(path, 'is of x86_64');
    const layout = RegisterLayout.parse(TARGET_DESCRIPTION.get('i386-32bit.xml')!);
    const make = (memory: PhysicalMemory, registers: Buffer, ...notes: string[]): ImageMachine =>
      new ImageMachine(explorer, new ImageMemory(memory), registers, [...notes, ...summary.problems]);
    const ofQemu = registersOfQemu(image.notes);
    const [cpu, ...others] = ofQemu.length > 0 ? ofQemu : registersOfNotes(image.notes);
    const more = others.length > 0 ? [`The image has ${others.length + 1} CPUs; the first one is shown.`] : [];
    if (cpu && cpu === ofQemu[0]) {
      return make(image, packet(layout, cpu), `The machine as QEMU saved it: ${path}`, ...more);
    }
    if (jump) {
      const left = new DormantKernel(new ImageMemory(image), layout, jump.saved, [jump.list]);
      return make(jump.asItLeft, await left.registers(), `Kernel A as it left by a jump: ${path}`);
    }
    const directory = kernel?.info.symbol(KERNEL_PAGE_DIRECTORY);
    const pageDirectory = directory === undefined ? undefined : kernel!.memory.translate(directory)?.physical;
    if (pageDirectory === undefined) {
      throw imageNotDebuggable(path, ['has no kernel that could be found', ...summary.problems].join('. '));
    }
    const cr4 = kernel!.info.config('X86_PAE') ? CR4_PAE : 0;
    const control = { cr0: BigInt(CR0_OF_A_KERNEL), cr3: BigInt(pageDirectory), cr4: BigInt(cr4) };
    return make(
      image,
      packet(layout, { ...cpu, ...control }),
      cpu
        ? `The kernel as it was saved: ${path}`
        : `${path} has no registers, so there is no stack: look at variables and memory.`,
      ...more,
    );
  }

  /** Answers as the machine's gdbstub at a unix socket. */
  async serve(path: string): Promise<void> {
    this.stub = await ImageStub.listen(this.registers, path);
  }

  /** VMCOREINFO of kernel A, and of kernel B if the image is of the time in which it ran. */
  get kernels(): { A: VmcoreInfo | undefined; B: VmcoreInfo | undefined } {
    const { kernels } = this.explorer;
    const info = (view: ViewName): VmcoreInfo | undefined => kernels.find((kernel) => kernel.view === view)?.info;
    return this.explorer.jump ? { A: info('asItLeft'), B: info('asItIs') } : { A: info('asItIs'), B: undefined };
  }

  /** The consoles are not in memory. */
  consoleTail(): string {
    return '';
  }

  async stop(): Promise<void> {
    this.stub?.close();
    this.explorer.close();
    return Promise.resolve();
  }
}

function packet(layout: RegisterLayout, registers: RegisterValues): Buffer {
  const bytes = Buffer.alloc(layout.size);
  for (const [name, value] of Object.entries(registers)) {
    if (layout.has(name)) layout.set(bytes, name, Number(value));
  }
  return bytes;
}
