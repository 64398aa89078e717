/**
 * The pages of the stacks that tasks have in the kernel: of the direct mapping, or with VMAP_STACK mapped one by one.
 * Source: kernel/fork.c (alloc_thread_stack_node), include/linux/sched/task_stack.h.
 */
import type { KernelMemory } from './kernelMemory.ts';
import { PAGE_SIZE } from './physicalMemory.ts';
import { readTasks, type Task, type TaskLayout } from './tasks.ts';
import type { Watch } from './watch.ts';

/** The task by each page frame of a stack. */
export type StackPages = ReadonlyMap<number, Task>;

/** Those of all tasks that can be read; where the list of tasks breaks off, of the ones before. `undefined` where their size is not known. */
export function findStacks(memory: KernelMemory, layout: TaskLayout, watch?: Watch): StackPages | undefined {
  const { stackSize } = layout;
  if (stackSize === undefined) return undefined;
  const found = new Map<number, Task>();
  const { tasks } = readTasks(memory, layout, watch);
  tasks.forEach((task, index) => {
    watch?.(index, tasks.length);
    for (let at = 0; task.stack !== 0n && at < stackSize; at += PAGE_SIZE) {
      const physical = memory.translate(task.stack + BigInt(at))?.physical;
      if (physical !== undefined) found.set(Math.floor(physical / PAGE_SIZE), task);
    }
  });
  return found;
}
