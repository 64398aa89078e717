/** The snippets at work: compiled into a kernel that jumps and comes back, run in guests, launched. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { launchSnippets, snippetText, snippetsOf } from '../unit/snippetText.ts';
import { Debuggee } from '../guest/debuggee.ts';
import { LabMachine } from '../guest/labMachine.ts';
import { kexecJump } from '../guest/commandLine.ts';
import { TREE_LIMIT_MS, WorkTree } from './workTree.ts';

const CORE = 'kernel/kexec_core.c';
const ASSEMBLY = 'arch/x86/kernel/relocate_kernel_32.S';
const MEBIBYTE = 1024 * 1024;

/** A place for a snippet: behind, before or instead of a text of a file. */
interface Place {
  prefix: string;
  file: string;
  text: string;
  where: 'behind' | 'before' | 'instead';
  indentation?: string;
  chosen?: Record<number, string>;
}

const behind = (prefix: string, file: string, text: string, more: Partial<Place> = {}): Place => ({
  ...{ prefix, file, text, where: 'behind' as const },
  ...more,
});

/** A flag, a slot, a step with its label, a device: what does not exclude each other. In the order of the descriptions. */
const PLACES: readonly Place[] = [
  behind('kexec-flag-1-bit', 'include/uapi/linux/kexec.h', '#define KEXEC_PRESERVE_CONTEXT\t0x00000002\n'),
  behind('kexec-flag-2-mask', 'include/linux/kexec.h', '(KEXEC_ON_CRASH | KEXEC_PRESERVE_CONTEXT'),
  behind('kexec-flag-3-kimage', 'include/linux/kexec.h', '\tunsigned int preserve_context : 1;\n', {
    indentation: '\t',
  }),
  behind('kexec-flag-4-load', 'kernel/kexec.c', '\t\timage->preserve_context = 1;\n', { indentation: '\t' }),
  ...['suspend_console', 'resume_console'].map((call) =>
    behind('kexec-flag-5-use', CORE, `\t\t${call}();\n`, {
      ...{ where: 'instead', indentation: '\t\t', chosen: { 2: call } },
    }),
  ),
  behind('kexec-step', CORE, '\t\terror = dpm_suspend_start(PMSG_FREEZE);\n', { where: 'before', indentation: '\t\t' }),
  behind('kexec-unwind', CORE, ' Resume_console:\n', { where: 'before' }),
  behind('kexec-slot-1-define', ASSEMBLY, '#define CP_PA_BACKUP_PAGES_MAP\tDATA(0x1c)\n'),
  behind('kexec-slot-2-save', ASSEMBLY, '\tmovl\t%eax, CR4(%edi)\n', { indentation: '\t' }),
  behind('kexec-slot-3-restore', ASSEMBLY, '\tmovl\tESP(%edi), %esp\n', { where: 'before', indentation: '\t' }),
  behind('kexec-serial', ASSEMBLY, '\tpushf\n', { indentation: '\t', chosen: { 2: '>' } }),
  behind('kexec-serial', ASSEMBLY, '\tmovl\t%edi, CP_VA_CONTROL_PAGE(%edi)\n', {
    indentation: '\t',
    chosen: { 2: '!' },
  }),
];
/** Files of their own. */
const FILES: Readonly<Record<string, string>> = {
  'kexec-pm-device': 'kernel/kexec_widget.c',
  'kexec-pm-syscore': 'kernel/kexec_gadget.c',
};
/** A jump of one's own, in place of the kernel's. */
const OWN_JUMP: readonly Place[] = [
  behind('kexec-path', CORE, '/*\n * Move into place and start executing a preloaded', { where: 'before' }),
  behind('kexec-path-call', CORE, '\t\terror = -EINVAL;\n\t\tgoto Unlock;\n\t}\n', { indentation: '\t' }),
];

const SNIPPETS = new Map([...snippetsOf('kexec-c'), ...snippetsOf('kexec-asm')]);
const GUEST = snippetsOf('kexec-guest');

/** kexec_load() with flags and without segments, which unloads; its exit status is the error number. */
const LOAD_WITH = (flags: number): string => `
void _start(void)
{
	int result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(283), "b"(0), "c"(0), "d"(0), "S"(${flags}));
	__asm__ volatile("int $0x80" : : "a"(1), "b"(-result));
}`;

describe('snippets', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'snippets-test-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  describe('of kernel code', () => {
    let tree: WorkTree;

    before(async function () {
      this.timeout(TREE_LIMIT_MS);
      tree = await WorkTree.take();
    });
    after(async () => tree.give());
    after(async () => LabMachine.stopAll());
    after(async () => Debuggee.endAll());

    const insert = ({ prefix, file, text, where, ...options }: Place): void => {
      const inline = text.endsWith('\n') || text.startsWith('/*') ? '\n' : '';
      const snippet = snippetText(SNIPPETS, prefix, options) + inline;
      const [before, after] = { behind: [text, ''], before: ['', text], instead: ['', ''] }[where];
      tree.replace(file, text, before! + snippet + after!);
    };

    /** Nothing in it may be warned of: a label that nobody goes to, a value that nobody uses. */
    async function make(): Promise<void> {
      const { status, output } = await kexecJump('make', tree.vmlinux);
      assert.equal(status, 0, output);
      assert.doesNotMatch(output, /(kexec|relocate_kernel)\S*:\d+.*(warning|Warning|error)/);
      console.log(`        ${output.trim().split('\n').at(-1)!}`);
    }

    /** Jumps there and back. @returns the machine in kernel A, after `look` at each stop by its phase. */
    async function roundTrip(look: (debuggee: Debuggee, phase: string) => Promise<void>): Promise<Debuggee> {
      const kernel = { vmlinux: tree.vmlinux };
      const stopAt = ['leaving A', 'swapping pages', 'A resuming'];
      const debuggee = await Debuggee.launch({ kernelA: kernel, kernelB: kernel, autoJump: false, stopAt });
      await debuggee.ready('canJump');
      await debuggee.client.request('kexecJump/jump');
      for (const phase of ['leaving A', 'A swapping', 'B swapping', 'A resuming']) {
        const { threadId } = await debuggee.stop();
        await look(debuggee, phase);
        await debuggee.proceed(threadId);
        if (phase !== 'A swapping') continue;
        await debuggee.ready('canJumpBack');
        await debuggee.client.request('kexecJump/jumpBack');
      }
      await debuggee.ready('canJump');
      return debuggee;
    }

    const inGuest = async (debuggee: Debuggee, script: string): Promise<{ status: string; output: string }> => {
      const { status = '', output = '' } = await debuggee.agent('run', script);
      return { status, output: Buffer.from(output, 'base64').toString() };
    };

    it('all have a place in this test', () => {
      const placed = [...PLACES, ...OWN_JUMP].map(({ prefix }) => prefix);
      assert.deepEqual([...new Set([...placed, ...Object.keys(FILES)])].sort(), [...SNIPPETS.keys()].sort());
    });

    it('compile without a warning: a flag, a slot, a step and its label, a device, what runs on one CPU', async () => {
      for (const place of PLACES) insert(place);
      for (const [prefix, file] of Object.entries(FILES)) tree.write(file, snippetText(SNIPPETS, prefix) + '\n');
      tree.replace(
        'kernel/Makefile',
        'obj-$(CONFIG_KEXEC)',
        'obj-y += kexec_widget.o kexec_gadget.o\nobj-$(CONFIG_KEXEC)',
      );
      // What follows the new step has to undo it.
      tree.replace(
        CORE,
        'PMSG_FREEZE);\n\t\tif (error)\n\t\t\tgoto Resume_console;',
        'PMSG_FREEZE);\n\t\tif (error)\n\t\t\tgoto Thaw_kernel_threads;',
      );
      await make();
    });

    it('jump and come back: the slot keeps its register and gives it back, the callbacks are called', async () => {
      const cr2: string[] = [];
      let slot = '';
      const debuggee = await roundTrip(async (stopped, phase) => {
        if (phase.endsWith('A')) assert.equal(await stopped.evaluate('kexec_image->keep_console'), '0');
        if (phase === 'A swapping') {
          slot = await stopped.evaluate('*(unsigned int *)(((unsigned int)$esp & ~0xfff) + 0x820)');
        } else if (phase !== 'B swapping') cr2.push(await stopped.evaluate('(unsigned int)$cr2'));
      });
      assert.notEqual(cr2[0], '0');
      assert.deepEqual([slot, cr2[1]], [cr2[0], cr2[0]]);
      const { output } = await inGuest(debuggee, 'dmesg');
      for (const text of ['widget widget: stopped', 'gadget: suspended', 'gadget: resumed', 'widget widget: started']) {
        assert.ok(output.includes(text), `"${text}" in ${output.slice(-3000)}`);
      }
      await debuggee.end();
    });

    it('say on the serial line how far the code of the control page came', async () => {
      const image = join(tree.source, 'build/arch/x86/boot/bzImage');
      const machine = await LabMachine.boot('A', { image, imageOfB: image });
      await machine.jump('high');
      await machine.enter('back', 'A');
      await machine.stop();
      assert.match(machine.consoles, />!/);
    });

    it('let the new flag of kexec_load() through, and no other', async () => {
      const kernel = { vmlinux: tree.vmlinux };
      const debuggee = await Debuggee.launch({ kernelA: kernel, autoJump: false, stopAt: [] });
      await debuggee.ready('canJump');
      for (const [flag, status] of [
        [0x10, '0'],
        [0x2, '0'],
        [0x20, '22'],
      ] as const) {
        const [source, program] = [join(folder, 'load.c'), join(folder, 'load')];
        writeFileSync(source, LOAD_WITH(flag));
        execFileSync('gcc', ['-m32', '-O1', '-fno-pic', '-nostdlib', '-static', '-s', '-o', program, source]);
        const text = execFileSync('gzip', ['-9c', program]).toString('base64');
        const run = await inGuest(
          debuggee,
          `echo ${text} | base64 -d | gunzip >/tmp/load && chmod +x /tmp/load && /tmp/load`,
        );
        assert.equal(run.status, status, `flag ${flag}: ${run.output}`);
      }
      await debuggee.end();
    });

    it('jump on a path of their own, with its labels', async () => {
      await tree.reset();
      for (const place of OWN_JUMP) insert(place);
      await make();
      const debuggee = await roundTrip(async (stopped, phase) => {
        if (phase.endsWith('swapping')) return;
        const functions = (await stopped.stack(1)).map(({ name }) => name);
        assert.deepEqual(functions.slice(0, 3), ['machine_kexec', 'kexec_jump', 'kernel_kexec']);
      });
      await debuggee.end();
    });
  });

  describe('of guest scripts', () => {
    after(async () => LabMachine.stopAll());

    /** The command that writes a script into the guest and runs it. */
    const script = (prefix: string, chosen: Record<number, string> = {}): string => {
      const text = Buffer.from(snippetText(GUEST, prefix, { chosen }) + '\n').toString('base64');
      return `echo ${text} | base64 -d >/tmp/${prefix} && chmod +x /tmp/${prefix} && /tmp/${prefix}`;
    };

    it('make round trips', async () => {
      const machine = await LabMachine.boot('A', {});
      const printed = await machine.run(script('kexec-ping-pong', { 1: '3' }));
      assert.deepEqual(printed.match(/Round trip .*/g), [
        'Round trip 1 of 3',
        'Round trip 2 of 3',
        'Round trip 3 of 3',
      ]);
      assert.equal((await machine.agent('status'))['role'], 'A');
      await machine.stop();
    });

    it('save kernel A, and resume it in another machine', async () => {
      const disk = join(folder, 'disk');
      writeFileSync(disk, '');
      truncateSync(disk, 300 * MEBIBYTE);
      const saving = await LabMachine.boot('A', { disks: [disk] });
      await saving.agent('plant');
      const { sha256 } = await saving.agent('check');
      await saving.jump('high');
      assert.match(await saving.run(script('kexec-save')), /Kernel A is saved to \/dev\/vda\.\n$/);
      await saving.stop();

      const resuming = await LabMachine.boot('C', { memory: 512, disks: [disk] });
      await resuming.leaveBy(script('kexec-resume'), 'A');
      assert.equal((await resuming.agent('check'))['sha256'], sha256);
      await resuming.stop();
    });

    it('are all run in this test', () => {
      const text = readFileSync(import.meta.filename, 'utf8');
      for (const prefix of GUEST.keys()) assert.ok(text.includes(`script('${prefix}'`), prefix);
    });
  });

  describe('of launch configurations', () => {
    after(async () => Debuggee.endAll());

    /** With the variables that VS Code would put in. */
    const configurationOf = (name: string): LaunchConfiguration => {
      const found = launchSnippets().find(({ label }) => label === `Kexec Jump: ${name}`);
      assert.ok(found, name);
      const text = JSON.stringify(found.configuration).replaceAll('${workspaceFolder}', folder);
      return JSON.parse(text) as LaunchConfiguration;
    };

    for (const name of ['lab guest', 'low window', 'high window', 'window by addresses', 'by hand', 'audit']) {
      it(`launch: ${name}`, async () => {
        const debuggee = await Debuggee.launch({ ...configurationOf(name), autoJump: false, stopAt: ['A starting'] });
        assert.equal((await debuggee.stop()).functions[0], 'start_kernel');
        await debuggee.end();
      });
    }

    it('hibernate, show the image and resume it', async () => {
      const hibernating = await Debuggee.launch({ ...configurationOf('hibernate'), stopAt: [] });
      await hibernating.hasTerminated(120);
      await hibernating.end();
      const image = await Debuggee.launch(configurationOf('saved image'));
      assert.ok((await image.stop()).functions.includes('kernel_kexec'));
      await image.end();
      const resuming = await Debuggee.launch({ ...configurationOf('resume'), stopAt: ['A resuming'] });
      assert.deepEqual((await resuming.stop()).functions.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
      await resuming.end();
    });
  });
});
