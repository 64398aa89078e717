/** A jump in words and numbers, as it stands: phases, kernels, page list, segments, control pages, machine. */
import type { PageList } from '../../vmcore-viewer/core/pageList.ts';
import type { JumpDescription } from '../protocol.ts';
import { readSavedState } from '../../vmcore-viewer/core/controlPage.ts';
import { KERNEL_NAMES, type KernelName } from './kernel.ts';
import { loadedPageList } from './kimage.ts';
import { NEXT } from './phases.ts';
import type { JumpSession } from './session.ts';

/** Source: Intel SDM volume 3, section 2.5: CR0.PG. */
const PAGING = 0x80000000;

/** Describes the jump; of a running machine all but the CPU's own state. */
export async function describeJump(session: JumpSession): Promise<JumpDescription> {
  const { physical, configuration } = session;
  const { phase } = session.state;
  const { machine } = configuration;
  const controlPages = await physical.settle(() => KERNEL_NAMES.flatMap((name) => controlPageOf(session, name)));
  const { A } = session.kernels;
  const { departedList, segments = [] } = A.boot;
  const list = departedList ?? (await physical.settle(() => loadedPageList(A, physical)));
  return {
    phases: session.log.phases,
    next: session.isSaved
      ? 'Nothing: this is a saved image.'
      : phase
        ? NEXT[phase]
        : 'Kernel A boots; the jump can begin when it runs its programs.',
    kernels: KERNEL_NAMES.map((name) => describeKernel(session, name)),
    ...(machine.kind === 'launch' ? { window: machine.window } : {}),
    ...(list ? { pageList: numbersOf(list) } : {}),
    segments,
    controlPages,
    ...(await describeMachine(session)),
  };
}

/** Whether a kernel is on the CPU, in a word. */
export function standing(session: JumpSession, name: KernelName): 'live' | 'saved' | 'dormant' | 'not started' {
  if (session.live === name) return session.isSaved ? 'saved' : 'live';
  return session.isDormant(name) ? 'dormant' : 'not started';
}

function describeKernel(session: JumpSession, name: KernelName): JumpDescription['kernels'][number] {
  const { file, boot } = session.kernels[name];
  return {
    ...{ name, standing: standing(session, name), vmlinux: file.path, banner: file.banner ?? '' },
    ...(boot.offset === undefined ? {} : { offset: boot.offset }),
  };
}

function numbersOf({ exchanges, entries, indirectionPages }: PageList): NonNullable<JumpDescription['pageList']> {
  const selfPages = exchanges.filter(({ destination, source }) => destination === source).length;
  return {
    exchanges: exchanges.length - selfPages,
    selfPages,
    indirectionPages: indirectionPages.length,
    entries: entries.length,
  };
}

function controlPageOf({ kernels, physical }: JumpSession, name: KernelName): JumpDescription['controlPages'] {
  const { boot, reentry, controlCode } = kernels[name];
  const saved = boot.controlPage && readSavedState(physical, boot.controlPage.physical, controlCode);
  if (!boot.controlPage || !saved) return [];
  return [{ kernel: name, ...boot.controlPage, ...(reentry === undefined ? {} : { reentry }), slots: { ...saved } }];
}

async function describeMachine(session: JumpSession): Promise<Pick<JumpDescription, 'machine'>> {
  const { router, run } = session;
  if (!run.isStopped || router.isRunning) return {};
  const registers = await router.registers();
  const get = (name: string): number => router.layout.get(registers, name);
  const system = await session.systemRegisters();
  return {
    machine: {
      ...{ eip: get('eip'), cr0: get('cr0'), cr3: get('cr3'), cr4: get('cr4') },
      paging: (get('cr0') & PAGING) !== 0,
      pageTables: (get('cr0') & PAGING) === 0 ? 'not in use' : whosePageTables(session, get('cr3')),
      ...(system ? { gdt: system.gdt, idt: system.idt } : {}),
    },
  };
}

function whosePageTables({ kernels, physical }: JumpSession, cr3: number): string {
  for (const name of KERNEL_NAMES) {
    const kernel = kernels[name];
    const { offset, controlPage } = kernel.boot;
    if (offset !== undefined && cr3 === kernel.paging.cr3) {
      return `kernel ${name}'s own`;
    }
    const saved = controlPage && readSavedState(physical, controlPage.physical, kernel.controlCode);
    if (saved?.pageDirectory === cr3) return `those of kernel ${name}'s jump`;
  }
  return 'those of a program, or of a kernel that starts';
}
