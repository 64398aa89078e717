/** `tree`, `make` and `patch`: work on a kernel of one's own. */
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeLabTree } from '../../qemu-runner/guest/labTree.ts';
import type { LabOptions } from '../../qemu-runner/guest/lab.ts';
import { findKernelTree, type KernelTree } from '../../qemu-runner/kernelTree/kernelTree.ts';
import { makeKernel } from '../../qemu-runner/kernelTree/make.ts';
import { makePatch } from '../../qemu-runner/kernelTree/patch.ts';
import type { Output } from './image.ts';

/** Makes a copy of the lab's tree. @returns the exit status. @throws UserFacingError */
export async function runTree(folder: string, options: LabOptions, output: Output): Promise<number> {
  const { source, vmlinux } = await makeLabTree(folder, options);
  output.write(
    `A kernel tree is in ${source}, built: ${vmlinux}\n` +
      'Open the folder in VS Code, edit kernel/kexec_core.c or arch/x86/kernel/relocate_kernel_32.S, and press F5.\n',
  );
  return 0;
}

/**
 * Builds kernels, each tree once however many of its kernels are named.
 * @returns the exit status of the first make that fails, else 0. @throws UserFacingError
 */
export async function runMake(places: readonly string[], output: Output): Promise<number> {
  const trees = new Map<string, KernelTree>();
  for (const place of places) {
    const tree = findKernelTree(place);
    trees.set(tree.build, tree);
  }
  for (const tree of trees.values()) {
    const start = Date.now();
    const status = await makeKernel(tree, (line) => {
      output.write(line);
    });
    if (status !== 0) return status;
    output.write(`${tree.build} is built, in ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
  }
  return 0;
}

/** Writes a patch of the edits to a file, or to the standard output. @returns the exit status. @throws UserFacingError */
export async function runPatch(
  folder: string,
  { output: file, subject }: { output?: string; subject?: string },
  output: Output,
): Promise<number> {
  const { text } = await makePatch(sourceFolder(folder), subject);
  if (file === undefined) output.write(text);
  else {
    writeFileSync(file, text);
    output.write(`The patch is in ${file}\n`);
  }
  return 0;
}

/** A vmlinux or a build folder leads to its source; anything else is taken for a folder of the source itself. */
function sourceFolder(place: string): string {
  try {
    return findKernelTree(place).source;
  } catch {
    return place.endsWith('vmlinux') ? dirname(place) : place;
  }
}
