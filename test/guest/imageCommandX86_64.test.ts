/** `kexec-jump image` on the memory of a kernel that Debian has built for x86_64, as an ELF core and as what makedumpfile makes of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../qemu-runner/programs.ts';
import { PAGE_CLASS } from '../../vmcore-viewer/core/pageClassNames.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { readTasks } from '../../vmcore-viewer/core/tasks.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { pageFacts } from '../../vmcore-viewer/explorer/pageFacts.ts';
import { taskReport } from '../../vmcore-viewer/explorer/taskReport.ts';
import { inOrder } from '../inOrder.ts';
import { coreOfDebian } from './coreOfDebian.ts';
import { QEMU } from './debianKernel.ts';
import { agree, factsOf, tool } from './imageTool.ts';
import { Makedumpfile } from './makedumpfile.ts';
import { PAGES_OF_A_STACK, STACK_END_MAGIC } from './taskStacks.ts';

const MEMORY = 512 << 20;

describe('kexec-jump image, x86_64', () => {
  inOrder();
  const folder = mkdtempSync(join(tmpdir(), 'image-command-'));
  const core = join(folder, 'core');
  let makedumpfile: Makedumpfile;
  /** In the core: all that a struct page may call free, around the VGA's memory, and up to what the BIOS keeps. */
  let pages: number;
  before(async function () {
    if (!findProgram(QEMU)) this.skip();
    makedumpfile = await Makedumpfile.fetch('x86_64');
    const ram = await coreOfDebian(core, MEMORY);
    pages = ram.reduce((sum, { length }) => sum + length / PAGE_SIZE, 0);
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('tells what the core is, with the classes that makedumpfile finds', () => {
    const facts = factsOf([core]);
    assert.deepEqual(facts.format, {
      ...{ container: 'elf', bits: 64, machine: 'x86_64', flattened: false, complete: true },
    });
    assert.equal(facts.pages.present, pages);
    assert.match(facts.banner!, /^Linux version 6\.1\.0-\S+-amd64 .* #1 SMP /);
    assert.deepEqual([facts.overlay, facts.undecided, facts.unclassified], [null, [], 0]);
    assert.equal(facts.resumable.verdict, 'notResumable');
    assert.ok(Object.values(facts.classes!).filter((count) => count > 0).length >= 7);
    agree(facts, makedumpfile, core);
    assert.match(tool('dmesg', core).stdout, /^\[ {4}0\.000000\] Linux version 6\.1/);
  });

  it('has its tasks and their stacks by what the kernel itself tells of its structures', () => {
    const explorer = Explorer.open({ paths: [core] });
    const { kernel, classes } = explorer.pages[0]!;
    const layout = explorer.tasksOf(kernel)!;
    const lines = taskReport(explorer);
    assert.match(lines[0]!, /^\d+ tasks, by the structures in the kernel's own BTF$/);
    assert.match(lines.join('\n'), /^ *0 +0 +0 +R +0x[0-9a-f]+ +\[swapper\/0\]$/m);
    assert.match(lines.join('\n'), /^ *2 +0 +2 +S +0x[0-9a-f]+ +kthreadd +\[kthreadd\]$/m);
    const { tasks, problem } = readTasks(kernel.memory, layout);
    assert.equal(problem, undefined);
    assert.ok(tasks.length > 20, lines.join('\n'));
    for (const { pid, stack } of tasks) {
      assert.equal(kernel.memory.read(stack, 4)!.readUInt32LE(0), STACK_END_MAGIC, `the stack of ${pid}`);
    }
    // With VMAP_STACK; the first task's is in the kernel's data.
    const stacks = classes.reduce((count, found) => count + Number(found === PAGE_CLASS.kernelStack), 0);
    assert.equal(stacks, PAGES_OF_A_STACK.x86_64 * (tasks.length - 1));
    const slab = classes.indexOf(PAGE_CLASS.slab);
    const caches = pageFacts(explorer, slab).find(({ label }) => label === 'Slab cache')?.value;
    assert.match(caches ?? '', /^[\w-]+$/);
    explorer.close();
  });

  it('tells the same of what makedumpfile has left, whose content is gone', () => {
    const { classes, pages: whole } = factsOf([core]);
    const dump = join(folder, 'dump');
    for (const [options, level] of [
      [['-c'], 0],
      [['-l'], 31],
      [['-E'], 31],
    ] as const) {
      makedumpfile.run([...options, '-d', String(level), core, dump]);
      const found = factsOf([dump]);
      assert.deepEqual(found.classes, classes);
      assert.equal(found.pages.present + found.pages.excluded, whole.present);
      // The page that the guest has taken out of use is left out at every level.
      if (level === 0) assert.ok(found.pages.excluded <= 1 && whole.zero - found.pages.zero <= 1);
      rmSync(dump);
    }
  });
});
