/**
 * The tasks of a kernel, from its memory and the layout of its structures.
 * Source: include/linux/sched.h (struct task_struct, TASK_*, EXIT_*), fs/proc/array.c (task_state_array),
 * include/linux/sched/signal.h (for_each_thread), arch/x86/include/asm/switch_to.h (struct inactive_task_frame).
 */
import { fieldUnknown, kernelVariableUnusable } from './errors.ts';
import { readKernelBytes, readKernelWord, type KernelMemory } from './kernelMemory.ts';
import { Cancelled, UNWATCHED, type Watch } from './watch.ts';

/** Names of the fields that are read, each with its structure. */
export const TASK_FIELDS = [
  ...(['task_struct.tasks', 'task_struct.pid', 'task_struct.tgid', 'task_struct.comm'] as const),
  ...(['task_struct.__state', 'task_struct.exit_state', 'task_struct.real_parent', 'task_struct.mm'] as const),
  ...(['task_struct.stack', 'task_struct.thread.sp', 'task_struct.signal', 'task_struct.thread_node'] as const),
  ...(['signal_struct.thread_head', 'inactive_task_frame.ret_addr'] as const),
] as const;

export type TaskField = (typeof TASK_FIELDS)[number];

/** Where the fields are, in bytes. */
export type TaskOffsets = Readonly<Record<TaskField, number>>;

/** The same, and init_task, as the kernel runs. */
export interface TaskLayout {
  offsets: TaskOffsets;
  initTask: bigint;
  /** Bytes of a task's stack: THREAD_SIZE. */
  stackSize: number | undefined;
}

/** @param address of a symbol, as the kernel runs. @throws MemoryError when the first task is not known. */
export function taskLayout(offsets: TaskOffsets, address: (name: string) => bigint | undefined): TaskLayout {
  const initTask = address('init_task');
  if (initTask === undefined) throw fieldUnknown("the kernel's table of symbols", 'init_task');
  const [[start, end] = []] = INIT_STACK.map((names) => names.map(address)).filter(([first]) => first !== undefined);
  const stackSize = start === undefined || end === undefined ? 0 : Number(end - start);
  return { offsets, initTask, stackSize: stackSize > 0 && stackSize <= MOST_STACK ? stackSize : undefined };
}

export interface Task {
  /** Virtual address of its task_struct. */
  address: bigint;
  /** Of the thread; `tgid` is that of its process. */
  pid: number;
  tgid: number;
  /** Of the process that it was started by. */
  parent: number;
  /** As ps shows it: R, S, D, T, t, X, Z, P, I. */
  state: string;
  /** Control characters are as the kernel has them. */
  name: string;
  /** By the freezer, as before a jump; ps shows such a task in state D. */
  isFrozen: boolean;
  /** Whether it has no memory of its own, as a thread of the kernel's. */
  isKernels: boolean;
  /** Virtual, of the lowest byte of its kernel stack; 0 of one that has left it. */
  stack: bigint;
  /** Virtual, of its kernel stack when it went to sleep; of one that runs, the last time that it did. */
  stackPointer: bigint;
}

/** Around the first task's stack, since Linux 6.10 and before. Source: include/asm-generic/vmlinux.lds.h, INIT_TASK_DATA. */
const INIT_STACK = [
  ['__start_init_stack', '__end_init_stack'],
  ['__start_init_task', '__end_init_task'],
] as const;
const COMM_LENGTH = 16;
/** Bytes, from its first field that is read to the last; 6 KB in kernels of today. */
const LONGEST_TASK = 1 << 16;
/** Bytes; with KASAN a kernel has 32 KiB. */
const MOST_STACK = 1 << 16;
/** Far more than anybody runs; a memory that was made to exhaust us may have any number. */
const MOST_TASKS = 1 << 18;
/** In the order of the bits of state and exit_state; 0 is R. */
const STATES = ['S', 'D', 'T', 't', 'X', 'Z', 'P'] as const;
const TASK_UNINTERRUPTIBLE = 0x2;
const TASK_NOLOAD = 0x400;
const TASK_FROZEN = 0x8000;
const REPORTED = 0x7f;

/** As ps shows it: in brackets if it is the kernel's own. What a guest has named its programs is not to be taken for anything else. */
export function taskName({ name, isKernels }: Task): string {
  const shown = name.replaceAll(/[^ -~]/g, '?');
  return isKernels ? `[${shown}]` : shown;
}

/** All threads of all processes, in the kernel's order: init_task, then by when they were started. */
export function readTasks(
  memory: KernelMemory,
  { offsets, initTask }: TaskLayout,
  watch: Watch = UNWATCHED,
): { tasks: Task[]; problem?: string } {
  const tasks = new Map<bigint, Task>();
  try {
    const reader = new TaskReader(memory, offsets);
    const add = (task: bigint): void => {
      watch(tasks.size, MOST_TASKS);
      if (tasks.size === MOST_TASKS) throw kernelVariableUnusable('init_task.tasks', initTask, 'it has no end');
      if (tasks.has(task)) throw kernelVariableUnusable('task_struct', task, 'two lists lead to it');
      tasks.set(task, reader.task(task));
    };
    for (const leader of reader.processes(initTask)) {
      add(leader);
      if (leader === initTask) continue;
      for (const thread of reader.threads(leader)) if (thread !== leader) add(thread);
    }
    return { tasks: [...tasks.values()] };
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    // Those before are as true as ever.
    return { tasks: [...tasks.values()], problem: (error as Error).message };
  }
}

/** Reads each task_struct at once: its fields lie far apart, but a read costs as much for one of them as for all. */
class TaskReader {
  private readonly first: number;
  private readonly length: number;
  /** Without bytes where not all of it is in memory. */
  private last: { address: bigint; bytes: Buffer | undefined } | undefined;

  constructor(
    private readonly memory: KernelMemory,
    private readonly offsets: TaskOffsets,
  ) {
    const places = TASK_FIELDS.filter((field) => field.startsWith('task_struct.')).map((field) => offsets[field]);
    this.first = Math.min(...places);
    this.length = Math.max(...places) + COMM_LENGTH - this.first;
    if (this.length > LONGEST_TASK) throw kernelVariableUnusable('task_struct', 0n, `it has ${this.length} bytes`);
  }

  /** All processes, by their first threads. */
  *processes(initTask: bigint): Generator<bigint> {
    yield* this.ring(initTask, 'task_struct.tasks', initTask);
  }

  *threads(leader: bigint): Generator<bigint> {
    const signal = this.word(leader, 'task_struct.signal');
    const head = signal + BigInt(this.offsets['signal_struct.thread_head']);
    const offset = BigInt(this.offsets['task_struct.thread_node']);
    const first = readKernelWord(this.memory, 'signal_struct.thread_head', head);
    if (first !== head) yield* this.ring(first - offset, 'task_struct.thread_node', head - offset);
  }

  task(address: bigint): Task {
    const parent = this.word(address, 'task_struct.real_parent') + BigInt(this.offsets['task_struct.tgid']);
    const state = this.int(address, 'task_struct.__state');
    const comm = this.bytes(address, 'task_struct.comm', COMM_LENGTH);
    const task = {
      address,
      isFrozen: (state & TASK_FROZEN) !== 0,
      pid: this.int(address, 'task_struct.pid'),
      tgid: this.int(address, 'task_struct.tgid'),
      state: stateOf(state, this.int(address, 'task_struct.exit_state')),
      name: comm.toString('latin1').split('\0', 1)[0]!,
      isKernels: this.word(address, 'task_struct.mm') === 0n,
      stack: this.word(address, 'task_struct.stack'),
      stackPointer: this.word(address, 'task_struct.thread.sp'),
    };
    return { ...task, parent: readKernelBytes(this.memory, 'task_struct.tgid', parent, 4).readInt32LE(0) };
  }

  /** Tasks in a ring of `struct list_head`, from one of them on. @param end where a task would be whose list_head ends the ring. */
  private *ring(first: bigint, field: TaskField, end: bigint): Generator<bigint> {
    const seen = new Set<bigint>();
    for (let task = first; ;) {
      const next = this.word(task, field) - BigInt(this.offsets[field]);
      yield task;
      seen.add(task);
      if (next === end) return;
      if (seen.has(next)) throw kernelVariableUnusable(field, next, 'the list comes back to it and not to its start');
      task = next;
    }
  }

  private bytes(task: bigint, field: TaskField, length: number): Buffer {
    if (this.last?.address !== task) {
      this.last = { address: task, bytes: this.memory.read(task + BigInt(this.first), this.length) };
    }
    const at = this.offsets[field] - this.first;
    return (
      this.last.bytes?.subarray(at, at + length) ??
      readKernelBytes(this.memory, field, task + BigInt(this.offsets[field]), length)
    );
  }

  private int(task: bigint, field: TaskField): number {
    return this.bytes(task, field, 4).readInt32LE(0);
  }

  private word(task: bigint, field: TaskField): bigint {
    const bytes = this.bytes(task, field, this.memory.wordSize);
    return this.memory.wordSize === 8 ? bytes.readBigUInt64LE(0) : BigInt(bytes.readUInt32LE(0));
  }
}

/** Source: include/linux/sched.h, __task_state_index. */
function stateOf(state: number, exitState: number): string {
  if ((state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) === (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) return 'I';
  if (state & TASK_FROZEN) return 'D';
  const bits = (state | exitState) & REPORTED;
  return bits === 0 ? 'R' : (STATES[31 - Math.clz32(bits)] ?? '?');
}
