/** Tasks in a memory that a kernel could have: a list of processes, each with a list of threads. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { KernelMemory } from '../../vmcore-viewer/core/kernelMemory.ts';
import { findStacks } from '../../vmcore-viewer/core/kernelStacks.ts';
import type { Translation } from '../../vmcore-viewer/core/pageTables/walk.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import {
  readTasks,
  TASK_FIELDS,
  taskLayout,
  type TaskField,
  type TaskLayout,
  type TaskOffsets,
} from '../../vmcore-viewer/core/tasks.ts';
import { Cancelled } from '../../vmcore-viewer/core/watch.ts';

const BASE = 0xc0000000n;
const STACKS = 0xd0000000n;
const TASK_SIZE = 0x100;
const FROZEN_SLEEPER = 0x8001;
const IDLE = 0x402;
const ZOMBIE = 0x20;

/** Fields one behind the other, each with room for comm. */
const OFFSETS = Object.fromEntries(
  TASK_FIELDS.map((field, index) => [field, field.startsWith('task_struct') ? index * 16 : 0]),
) as TaskLayout['offsets'];

interface Made {
  pid: number;
  tgid?: number;
  name: string;
  state?: number;
  exitState?: number;
  hasMemory?: boolean;
}

class Memory {
  readonly bytes = Buffer.alloc(0x4000);
  private readonly signals = this.bytes.length - 0x400;

  /** Makes tasks, the first of which is init_task; a task with another tgid than pid is a thread of that one. */
  constructor(readonly tasks: readonly Made[]) {
    tasks.forEach(({ pid, tgid = pid, name, state = 1, exitState = 0, hasMemory = true }, index) => {
      this.put(index, 'task_struct.pid', pid);
      this.put(index, 'task_struct.tgid', tgid);
      this.put(index, 'task_struct.__state', state);
      this.put(index, 'task_struct.exit_state', exitState);
      this.put(index, 'task_struct.mm', hasMemory ? 0x1000 : 0);
      this.put(index, 'task_struct.real_parent', this.address(0));
      const leader = tasks.findIndex((task) => task.pid === tgid);
      this.put(index, 'task_struct.signal', this.signalOf(leader));
      this.bytes.write(`${name}\0`, index * TASK_SIZE + OFFSETS['task_struct.comm'], 'latin1');
    });
    const leaders = tasks.flatMap(({ pid, tgid = pid }, index) => (pid === tgid ? [index] : []));
    this.link(leaders.map((index) => index * TASK_SIZE + OFFSETS['task_struct.tasks']));
    for (const leader of leaders) {
      const group = tasks.flatMap(({ pid, tgid = pid }, index) => (tgid === tasks[leader]!.pid ? [index] : []));
      const nodes = group.map((index) => index * TASK_SIZE + OFFSETS['task_struct.thread_node']);
      this.link([this.signals + leader * 16, ...nodes]);
    }
  }

  /** Address of the signal_struct of a process. */
  signalOf(leader: number): number {
    return Number(BASE) + this.signals + leader * 16;
  }

  address(index: number): number {
    return Number(BASE) + index * TASK_SIZE;
  }

  put(index: number, field: TaskField, value: number): void {
    this.bytes.writeUInt32LE(value >>> 0, index * TASK_SIZE + OFFSETS[field]);
  }

  get kernel(): KernelMemory {
    const read = (address: bigint, length: number): Buffer | undefined => {
      const at = Number(address - BASE);
      return at >= 0 && at + length <= this.bytes.length ? this.bytes.subarray(at, at + length) : undefined;
    };
    // As with VMAP_STACK: no two pages that are side by side lie so in physical memory.
    const translate = (address: bigint): Translation | undefined =>
      address < STACKS ? undefined : { physical: 3 * Number(address - STACKS), steps: [] };
    return { wordSize: 4, pageOffset: BASE, imageOffset: BASE, pfnLimit: 1, read, translate };
  }

  /** A ring of list_heads at offsets of the memory. */
  private link(nodes: readonly number[]): void {
    nodes.forEach((node, index) => {
      this.bytes.writeUInt32LE(Number(BASE) + nodes[(index + 1) % nodes.length]!, node);
    });
  }
}

const read = ({ kernel }: Memory): ReturnType<typeof readTasks> =>
  readTasks(kernel, { offsets: OFFSETS, initTask: BASE, stackSize: 0 });

describe('tasks', () => {
  const made = [
    { pid: 0, name: 'swapper', state: 0, hasMemory: false },
    { pid: 1, name: 'init', state: FROZEN_SLEEPER },
    { pid: 2, name: 'kworker', state: IDLE, hasMemory: false },
    { pid: 7, name: 'program' },
    { pid: 8, tgid: 7, name: 'thread', state: 2 },
    { pid: 9, name: 'gone', state: 0x80, exitState: ZOMBIE },
  ];

  it('are all threads of all processes, with their state as ps shows it', () => {
    const { tasks, problem } = read(new Memory(made));
    assert.equal(problem, undefined);
    assert.deepEqual(
      tasks.map(({ pid, tgid, parent, state, isFrozen, isKernels, name }) =>
        [pid, tgid, parent, state, isFrozen, isKernels, name].join(' '),
      ),
      [
        '0 0 0 R false true swapper',
        '1 1 0 D true false init',
        '2 2 0 I false true kworker',
        '7 7 0 S false false program',
        '8 7 0 D false false thread',
        '9 9 0 Z false false gone',
      ],
    );
  });

  it('have their stacks in pages that are theirs', () => {
    const memory = new Memory(made);
    for (const index of [3, 4]) memory.put(index, 'task_struct.stack', Number(STACKS) + index * 0x10000);
    // Nowhere, and a lie.
    memory.put(1, 'task_struct.stack', 0x1000);
    const stacks = findStacks(memory.kernel, { offsets: OFFSETS, initTask: BASE, stackSize: 2 * PAGE_SIZE });
    assert.deepEqual(
      [...stacks!].map(([pfn, { name }]) => [pfn, name]),
      [
        [3 * 0x30, 'program'],
        [3 * 0x31, 'program'],
        [3 * 0x40, 'thread'],
        [3 * 0x41, 'thread'],
      ],
    );
    assert.equal(findStacks(memory.kernel, { offsets: OFFSETS, initTask: BASE, stackSize: undefined }), undefined);
  });

  it('have stacks as large as that of the first one, if that can be', () => {
    const sizeBy = (symbols: Record<string, bigint>): number | undefined =>
      taskLayout(OFFSETS, (name) => ({ init_task: BASE, ...symbols })[name]).stackSize;
    assert.equal(sizeBy({ __start_init_task: STACKS, __end_init_task: STACKS + 0x2000n }), 0x2000);
    assert.equal(sizeBy({ __start_init_stack: STACKS, __end_init_stack: STACKS + 0x4000n }), 0x4000);
    assert.equal(sizeBy({ __start_init_task: STACKS, __end_init_task: STACKS + 0x100000000n }), undefined);
    assert.equal(sizeBy({ __start_init_task: STACKS, __end_init_task: STACKS }), undefined);
    assert.equal(sizeBy({ __start_init_task: STACKS }), undefined);
    assert.throws(() => taskLayout(OFFSETS, () => undefined), /does not tell init_task/);
  });

  it('end where two lists lead to one of them', () => {
    const shared = new Memory([...made, { pid: 11, tgid: 9, name: 'one' }]);
    // The threads of 7 are those of 9 too.
    shared.put(5, 'task_struct.signal', shared.signalOf(3));
    const { tasks, problem } = read(shared);
    assert.deepEqual(
      tasks.map(({ pid }) => pid),
      [0, 1, 2, 7, 8, 9],
    );
    assert.match(problem ?? '', /two lists lead to it/);
  });

  it('are read without what is missing between their fields', () => {
    const memory = new Memory(made);
    const whole = memory.kernel;
    const kernel = {
      ...whole,
      read: (at: bigint, length: number) => (length > 16 ? undefined : whole.read(at, length)),
    };
    const { tasks, problem } = readTasks(kernel, { offsets: OFFSETS, initTask: BASE, stackSize: undefined });
    assert.deepEqual([tasks.length, problem], [made.length, undefined]);
  });

  it('are not read on when nobody waits for them', () => {
    const watch = (done: number): void => {
      if (done === 2) throw new Cancelled();
    };
    const layout = { offsets: OFFSETS, initTask: BASE, stackSize: PAGE_SIZE };
    assert.throws(() => findStacks(new Memory(made).kernel, layout, watch), Cancelled);
  });

  it('are few, and read soon, whatever memory and structures say', () => {
    const word = fc.oneof(fc.nat(0x300), fc.nat());
    const offset = fc.oneof(fc.constant(0), fc.nat(64), fc.nat());
    const offsets = fc.tuple(...TASK_FIELDS.map(() => offset));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 0xc0 }), offsets, (words, places) => {
        const bytes = Buffer.alloc(words.length * 4);
        words.forEach((value, index) => bytes.writeUInt32LE((Number(BASE) + value) >>> 0, index * 4));
        let reads = 0;
        const kernel: KernelMemory = {
          ...new Memory(made).kernel,
          read: (address, length) => {
            reads++;
            const at = Number(address - BASE);
            return at >= 0 && at + length <= bytes.length ? bytes.subarray(at, at + length) : undefined;
          },
        };
        const layout = {
          offsets: Object.fromEntries(TASK_FIELDS.map((field, index) => [field, places[index]])) as TaskOffsets,
          ...{ initTask: BASE, stackSize: PAGE_SIZE },
        };
        const { tasks } = readTasks(kernel, layout);
        assert.ok(tasks.length <= bytes.length && reads < 100 * bytes.length, `${tasks.length} tasks, ${reads} reads`);
      }),
      { numRuns: 500 },
    );
  });

  it('are told as far as the list leads, when it leaves the memory or runs in circles', () => {
    const broken = new Memory(made);
    broken.put(2, 'task_struct.tasks', 0xdead0000);
    assert.equal(read(broken).tasks.length, 3);
    assert.match(read(broken).problem ?? '', /it is not in memory/);
    const circular = new Memory(made);
    circular.put(3, 'task_struct.tasks', circular.address(1) + OFFSETS['task_struct.tasks']);
    const { tasks, problem } = read(circular);
    assert.equal(tasks.length, 5);
    assert.match(problem ?? '', /comes back to it and not to its start/);
  });
});
