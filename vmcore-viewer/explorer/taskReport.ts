/** The tasks of the kernel that an image is about, as ps would list them, and where each of them sleeps. */
import { structsNotHere } from '../core/errors.ts';
import { readTasks, taskName, type Task } from '../core/tasks.ts';
import { waitChannel } from '../core/waitChannel.ts';
import type { Explorer } from './explorer.ts';
import { textTable } from './textTable.ts';

const COLUMNS = ['PID', 'PPID', 'TGID', 'STATE', 'TASK', 'SLEEPS IN', 'NAME'];
const NUMBERS = [0, 1, 2];

/** @throws MemoryError when nobody knows the kernel's structures. */
export function taskReport(explorer: Explorer): string[] {
  const [known] = explorer.pages;
  if (!known?.symbols) return ['There is no kernel in this image whose symbols could be read.'];
  const { kernel, symbols } = known;
  const [structs, layout] = [explorer.structsOf(kernel), explorer.tasksOf(kernel)];
  if (!structs || !layout) throw structsNotHere(kernel.info.release, kernel.info.buildId);
  const { tasks, problem } = readTasks(kernel.memory, layout, explorer.watch('Reading tasks'));
  const place = (task: Task): string => (task.state !== 'R' && waitChannel(kernel.memory, symbols, task, layout)) || '';
  return [
    `${tasks.length} tasks, by the structures in ${structs.from}`,
    ...(problem === undefined ? [] : [`The list ends here: ${problem}`]),
    '',
    ...textTable([COLUMNS, ...tasks.map((task) => row(task, place(task)))], NUMBERS),
  ];
}

function row(task: Task, place: string): string[] {
  const { pid, parent, tgid, state, isFrozen, address } = task;
  return [
    ...[pid, parent, tgid].map(String),
    isFrozen ? `${state} frozen` : state,
    `0x${address.toString(16)}`,
    place,
    taskName(task),
  ];
}
