/** The first F5 of a person's life with us: no launch.json, real keys, from kernel A into kernel B and back. */
import assert from 'node:assert/strict';
import { useCodeWindow } from './codeWindow.ts';
import { waitForNothing, waitForOneSession } from './leftovers.ts';
import { PICTURE_SETTINGS, takeReadmePicture } from './readmePicture.ts';
import { waitForShell } from './launching.ts';
import {
  assertUndisturbed,
  expectJumpOffered,
  expectNoSession,
  expectStop,
  expectThreads,
  jumpsOffered,
  valueOf,
} from './stops.ts';

const HELLO = 'int main(void)\n{\n\treturn 0;\n}\n';

describe('F5 without a launch.json', () => {
  const window = useCodeWindow(() => ({ files: { 'hello.c': HELLO }, settings: PICTURE_SETTINGS }));
  const workbench = () => window().workbench;

  it('boots kernel A and stops where it begins to jump', async () => {
    await workbench().openFile('hello.c');
    assert.deepEqual(await jumpsOffered(workbench()), []);
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel A: A quiescing',
      file: 'kernel/kexec_core.c',
      line: 'if (!kexec_image)',
      frames: ['kernel_kexec', '__do_sys_reboot'],
      thread: 'Kernel A (live)',
    });
    assert.equal(await valueOf(workbench(), 'error'), '0');
    assert.deepEqual(await workbench().terminals.names(), ['Kernel A', 'Kernel B']);
    assert.match(await workbench().terminals.text('Kernel A'), /^A#/m);
    await assertUndisturbed(workbench());
  });

  it('has one machine and two gdb, and offers no jump in the middle of one', async () => {
    await waitForOneSession(window().temporaryFolder);
    assert.deepEqual(await jumpsOffered(workbench()), []);
  });

  it('stops where kernel A leaves', async () => {
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel A: leaving A',
      file: 'arch/x86/kernel/machine_kexec_32.c',
      line: 'unsigned long page_list[PAGES_NR];',
      frames: ['machine_kexec'],
      thread: 'Kernel A (live)',
    });
    assert.match(await valueOf(workbench(), 'image', 'Arguments'), /^0xc[0-9a-f]{7}$/);
  });

  it('stops where the pages are swapped', async () => {
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel A: swapping pages',
      file: 'arch/x86/kernel/relocate_kernel_32.S',
      line: 'movl 8(%esp), %edx',
      frames: ['swap_pages'],
      thread: 'Kernel A (live)',
    });
  });

  it('stops where kernel B starts', async () => {
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel B: B starting',
      file: 'init/main.c',
      line: 'char *command_line;',
      frames: ['start_kernel'],
      thread: 'Kernel B (live)',
    });
    await expectThreads(workbench(), ['Kernel A (dormant)', 'Kernel B (live)']);
  });

  it('stops where kernel B starts its programs', async () => {
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel B: B running',
      file: 'init/main.c',
      line: 'argv_init[0] = init_filename;',
      frames: ['run_init_process'],
      thread: 'Kernel B (live)',
    });
    assert.match(await valueOf(workbench(), 'init_filename', 'Arguments'), /"\/init"/);
    await takeReadmePicture(workbench(), 'f5.png');
  });

  it('answers in the console of kernel B', async () => {
    await workbench().press('F5');
    const { terminals } = workbench();
    await waitForShell(workbench(), 'B');
    await terminals.type('Kernel B', 'cat /proc/cmdline\n');
    await terminals.waitForText('Kernel B', /^.*console=ttyS2.* role=B/m);
  });

  it('jumps back by the palette and stops where kernel B leaves', async () => {
    await expectJumpOffered(workbench(), 'Kexec Jump Back');
    await workbench().runCommand('Kexec Jump Back');
    await expectStop(workbench(), {
      status: 'Kernel B: leaving B',
      file: 'arch/x86/kernel/machine_kexec_32.c',
      line: 'unsigned long page_list[PAGES_NR];',
      frames: ['machine_kexec'],
      thread: 'Kernel B (live)',
    });
  });

  it('stops where the pages are swapped again', async () => {
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel B: swapping pages',
      file: 'arch/x86/kernel/relocate_kernel_32.S',
      line: 'movl 8(%esp), %edx',
      frames: ['swap_pages'],
      thread: 'Kernel B (live)',
    });
  });

  it('stops where kernel A is back', async () => {
    await workbench().press('F5');
    await expectStop(workbench(), {
      status: 'Kernel A: A resuming',
      file: 'arch/x86/kernel/machine_kexec_32.c',
      line: 'if (image->preserve_context)',
      frames: ['machine_kexec'],
      thread: 'Kernel A (live)',
    });
  });

  it('answers in the console of kernel A, which lives', async () => {
    await workbench().press('F5');
    await workbench().waitForStatusBar('Kernel A: A running');
    const { terminals } = workbench();
    await terminals.type('Kernel A', 'echo "$role lives"\n');
    const console = await terminals.waitForText('Kernel A', /^A lives$/m);
    assert.equal(console.match(/as init process/g)?.length, 1, 'Kernel A has booted once');
    await expectJumpOffered(workbench(), 'Kexec Jump');
  });

  it('leaves nothing behind after Shift+F5', async () => {
    await workbench().press('Shift+F5');
    await waitForNothing(window().temporaryFolder);
    await expectNoSession(workbench());
    await assertUndisturbed(workbench());
  });
});
