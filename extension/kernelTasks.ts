/** Tasks of the work on a kernel: build the kernels that launch.json names, or the lab; make a patch. */
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debug-adapter/protocol.ts';
import { join, dirname } from 'node:path';
import { treeName } from '../qemu-runner/kernelTree/kernelTree.ts';
import { ownKernels, treeOf, type OwnKernels } from './kernelPlaces.ts';

/** What a task does, as tasks.json has it. */
const TASK_NAMES = {
  'kernel A': 'Build kernel A',
  'kernel B': 'Build kernel B',
  kernels: 'Build kernels A and B',
  lab: 'Build the lab',
  patch: 'Make a patch',
} as const;

type Work = keyof typeof TASK_NAMES;

/** A task in tasks.json: the schema is in package.json. */
interface Definition extends vscode.TaskDefinition {
  task: Work;
  /** Name of the launch configuration whose kernels are meant; by default the first one that names kernels. */
  configuration?: string;
}

const PROBLEM_MATCHER = '$kexec-jump-kernel';

class KernelTasks implements vscode.TaskProvider {
  constructor(private readonly cli: string) {}

  provideTasks(): vscode.Task[] {
    const lab = this.task({ type: DEBUG_TYPE, task: 'lab' }, vscode.TaskScope.Workspace, ['build']);
    const own = ownKernels().flatMap((kernels, index) => {
      // The first ones are the default: a launch.json needs no more than the task's name.
      const configuration = index === 0 ? {} : { configuration: kernels.configuration };
      return (Object.keys(TASK_NAMES) as Work[]).flatMap(
        (task) => this.ofKernels({ type: DEBUG_TYPE, task, ...configuration }, kernels) ?? [],
      );
    });
    return [...own, lab];
  }

  /** Of tasks.json. */
  resolveTask(task: vscode.Task): vscode.Task | undefined {
    const definition = task.definition as Definition;
    if (definition.task === 'lab') return this.task(definition, task.scope, ['build']);
    const kernels = ownKernels().find(
      ({ configuration }) => definition.configuration === undefined || definition.configuration === configuration,
    );
    return kernels && this.ofKernels(definition, kernels);
  }

  private ofKernels(definition: Definition, kernels: OwnKernels): vscode.Task | undefined {
    const words = wordsFor(definition.task, kernels);
    return words && this.task(definition, kernels.folder, words);
  }

  private task(definition: Definition, scope: vscode.Task['scope'], words: readonly string[]): vscode.Task {
    const { task: work, configuration } = definition;
    const name = `${TASK_NAMES[work]}${configuration === undefined ? '' : ` (${configuration})`}`;
    const execution = new vscode.ProcessExecution(process.execPath, [this.cli, ...words], {
      env: { ELECTRON_RUN_AS_NODE: '1' },
    });
    const place = scope ?? vscode.TaskScope.Workspace;
    // The API's type leaves out a scope that its documentation has.
    const task = new vscode.Task(definition, place, name, DEBUG_TYPE, execution, PROBLEM_MATCHER);
    if (work !== 'patch') task.group = vscode.TaskGroup.Build;
    task.detail = `kexec-jump ${words.join(' ')}`;
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Silent, clear: true, showReuseMessage: false };
    return task;
  }
}

/** The words for the command-line tool, or `undefined` where the kernels have no tree for that. */
function wordsFor(work: Work, { A, B }: OwnKernels): string[] | undefined {
  if (work === 'patch') {
    const tree = [A, B].flatMap((vmlinux) => (vmlinux === undefined ? [] : (treeOf(vmlinux) ?? [])))[0];
    if (tree === undefined) return undefined;
    return ['patch', tree.source, '-o', join(dirname(tree.source), `${treeName(tree)}.patch`)];
  }
  const wanted = { 'kernel A': [A], 'kernel B': [B], kernels: [A, B], lab: [] }[work];
  const places = wanted.filter((vmlinux) => vmlinux !== undefined && treeOf(vmlinux) !== undefined) as string[];
  return places.length === 0 ? undefined : ['make', ...new Set(places)];
}

export function registerKernelTasks(extension: vscode.Uri): vscode.Disposable {
  const cli = vscode.Uri.joinPath(extension, 'dist', 'cli.cjs').fsPath;
  return vscode.tasks.registerTaskProvider(DEBUG_TYPE, new KernelTasks(cli));
}
