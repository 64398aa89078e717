/** The kernels that a workspace's launch.json names, and the trees they are built in. */
import * as vscode from 'vscode';
import { findKernelTree, type KernelTree } from '../qemu-runner/kernelTree/kernelTree.ts';
import { usersConfigurations, withVariables } from './launchJson.ts';

/** The kernels of one launch configuration that have a tree: a vmlinux of the user's own. */
export interface OwnKernels {
  /** Name of the launch configuration. */
  configuration: string;
  folder: vscode.WorkspaceFolder;
  /** Path of kernel A's vmlinux, which may not be built yet; `undefined` for the lab's. */
  A: string | undefined;
  B: string | undefined;
}

/** In the order of the launch.json files; configurations without a kernel of their own are left out. */
export function ownKernels(): OwnKernels[] {
  return (vscode.workspace.workspaceFolders ?? []).flatMap((folder) =>
    usersConfigurations(folder).flatMap(({ name, kernelA, kernelB }) => {
      const [A, B] = [vmlinuxOf(kernelA, folder), vmlinuxOf(kernelB, folder)];
      return A === undefined && B === undefined ? [] : [{ configuration: name, folder, A, B }];
    }),
  );
}

/** The trees of all of them, each once. A vmlinux that lies in no build folder has none. */
export function ownTrees(): KernelTree[] {
  const trees = new Map<string, KernelTree>();
  for (const vmlinux of ownKernels().flatMap(({ A, B }) => [A, B])) {
    const tree = vmlinux === undefined ? undefined : treeOf(vmlinux);
    if (tree) trees.set(tree.build, tree);
  }
  return [...trees.values()];
}

/** The tree of a vmlinux, if it lies in one. */
export function treeOf(vmlinux: string): KernelTree | undefined {
  try {
    return findKernelTree(vmlinux);
  } catch {
    return undefined;
  }
}

function vmlinuxOf(kernel: unknown, folder: vscode.WorkspaceFolder): string | undefined {
  const { vmlinux } = (kernel ?? {}) as { vmlinux?: unknown };
  return typeof vmlinux === 'string' ? withVariables(vmlinux, folder) : undefined;
}
