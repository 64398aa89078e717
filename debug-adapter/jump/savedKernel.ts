/** Kernel A as a saved image has it, for the machine that is to resume it: what is known before its memory is back. */
import type { ResolvedConfiguration } from '../configuration.ts';
import { imageNotResumable } from '../errors.ts';
import { ImageMemory } from '../postMortem/imageMachine.ts';
import type { RegisterLayout } from '../rsp/registers.ts';
import { findDormant } from './discovery.ts';
import { DormantKernel } from './dormantKernel.ts';
import type { BootKnowledge, Kernel } from './kernel.ts';

export interface SavedKernel {
  boot: BootKnowledge;
  /** The kernel as it left, read from the image. */
  view: DormantKernel;
}

/**
 * @returns `undefined` for a machine that resumes nothing.
 * @throws UserFacingError `image-not-resumable` when the image is of another kernel.
 */
export function savedKernelOf(
  machine: ResolvedConfiguration['machine'],
  kernel: Kernel,
  layout: RegisterLayout,
): SavedKernel | undefined {
  if (machine.kind !== 'launch' || !machine.resume) return undefined;
  const { path, explorer, entry } = machine.resume;
  const memory = new ImageMemory(explorer.image);
  const found = findDormant(memory, kernel, entry);
  if (!found) throw imageNotResumable(path, ['It is of another kernel than kernel A of the configuration.']);
  return { boot: found.boot, view: new DormantKernel(memory, layout, found.saved, [found.list]) };
}
