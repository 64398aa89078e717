/** What a kernel says of an oops or a panic, and the machine of a reset or a watchdog; and where it happened. */
import { setTimeout as delay } from 'node:timers/promises';
import { GdbCommandError } from '../errors.ts';
import { KernelGdb } from '../gdb/kernelGdb.ts';
import { list, text, tuple, type MiTuple } from '../gdb/mi.ts';
import { threadOption } from '../gdb/threads.ts';
import type { KernelName } from './kernel.ts';
import type { ResetScene } from './resetScene.ts';
import { explainReset } from './tripleFault.ts';

/** Exceptions that a kernel announces itself. */
export type ExceptionKind = 'oops' | 'panic';

/** An exception: `text` is what the kernel or the CPU has to say, `source` the line that it happened at. */
export interface KernelException {
  text: string;
  source?: { path: string; line: number };
}

/** First lines of an oops. Source: arch/x86/mm/fault.c, arch/x86/kernel/traps.c, lib/bug.c. */
const OOPS = /((?:BUG: |kernel BUG at |general protection fault|invalid opcode|divide error|Oops)[^\r\n]*)\r?\n/g;
/** What a stopped kernel printed is here when nothing came for a moment. */
const QUIET_MS = 50;
const LONGEST_WAIT_MS = 1000;

/**
 * Describes the exception that a stopped kernel is in.
 * @param consoleTail what the kernel's console printed last; it may come a moment after the stop.
 */
export async function describeException(
  kind: ExceptionKind,
  gdb: KernelGdb,
  cpu: number,
  consoleTail: () => string,
): Promise<KernelException> {
  return kind === 'panic' ? describePanic(gdb, cpu) : describeOops(gdb, cpu, consoleTail);
}

/** QEMU's gdbstub reports a shut-down machine as SIGQUIT, a watchdog that ran out as SIGALRM. Source: QEMU gdbstub.c. */
const MACHINE_SIGNAL = { SIGQUIT: 'reset', SIGALRM: 'watchdog' } as const;

/** Describes what stopped the machine itself; `undefined` when it was a debugger. */
export async function describeMachineException(
  kernel: KernelName,
  stop: MiTuple,
  gdb: KernelGdb,
  sceneOfReset: () => Promise<ResetScene | undefined>,
): Promise<KernelException | undefined> {
  const what = MACHINE_SIGNAL[text(stop['signal-name']) as keyof typeof MACHINE_SIGNAL] as
    'reset' | 'watchdog' | undefined;
  if (what === undefined) return undefined;
  if (what === 'watchdog') return { text: `The watchdog of the machine ran out: kernel ${kernel} did not feed it` };
  // With the wrong page tables not even the instruction can be read.
  const shown = await gdb.console('x/i $pc').catch(noneOf(''));
  const instruction = shown.split(':\t')[1]?.trim() ?? 'an unreadable instruction';
  const { file, line } = KernelGdb.location(stop);
  return {
    text: explainReset(instruction, await sceneOfReset()),
    ...(file ? { source: { path: file, line } } : {}),
  };
}

/** panic() has its text in a static buffer; its caller is the place. */
async function describePanic(gdb: KernelGdb, cpu: number): Promise<KernelException> {
  const frames = list((await gdb.command(`-stack-list-frames ${threadOption(cpu)} 0 20`))['stack']).map(tuple);
  const panic = frames.findIndex((frame) => text(frame['func']) === 'panic');
  const written = panic < 0 ? '' : await valueIn(gdb, cpu, panic, 'buf');
  const message = /"((?:[^"\\]|\\.)*)"/.exec(written)?.[1]?.replace(/\\n|\\0+/g, '') ?? '';
  const caller = frames[panic + 1];
  const path = text(caller?.['fullname']);
  return {
    text: message ? `Kernel panic - not syncing: ${message}` : 'Kernel panic',
    ...(path ? { source: { path, line: Number(text(caller?.['line'])) } } : {}),
  };
}

/** oops_end() has the registers of the fault; its text is on the console. */
async function describeOops(gdb: KernelGdb, cpu: number, consoleTail: () => string): Promise<KernelException> {
  const address = await valueIn(gdb, cpu, 0, '(unsigned long)regs->ip');
  const place = address && (await placeOf(gdb, Number(address)));
  const said = firstLineOfLast(await settled(consoleTail))?.[1];
  const where = place && place.function ? ` in ${place.function}` : '';
  return {
    text: `${said === undefined || said.startsWith('Oops') ? (said ?? 'Oops') : `Oops: ${said}`}${where}`,
    ...(place && place.source ? { source: place.source } : {}),
  };
}

/** "Oops: 0000 [#1]" comes behind the line that says what it was about. */
function firstLineOfLast(console: string): RegExpExecArray | undefined {
  const [before, last] = [undefined, undefined, ...console.matchAll(OOPS)].slice(-2);
  const isContinued = last?.[1]?.startsWith('Oops') && before?.[1] && !before[1].startsWith('Oops');
  return isContinued ? before : (last ?? before);
}

/** What a console's text says of the last exception: all of it from its first line on. */
export const lastReport = (console: string): string => console.slice(firstLineOfLast(console)?.index ?? 0);

async function settled(consoleTail: () => string): Promise<string> {
  let text = consoleTail();
  for (let waited = 0; waited < LONGEST_WAIT_MS; waited += QUIET_MS) {
    await delay(QUIET_MS);
    const now = consoleTail();
    if (now === text) break;
    text = now;
  }
  return text;
}

async function valueIn(gdb: KernelGdb, cpu: number, level: number, expression: string): Promise<string> {
  const command = `-data-evaluate-expression ${threadOption(cpu)} --frame ${level} "${expression}"`;
  return gdb.command(command).then(({ value }) => text(value), noneOf(''));
}

/** Takes the place of what gdb cannot read. */
function noneOf(nothing: string): (error: unknown) => string {
  return (error) => {
    if (error instanceof GdbCommandError) return nothing;
    throw error;
  };
}

async function placeOf(
  gdb: KernelGdb,
  address: number,
): Promise<{ function: string; source?: { path: string; line: number } } | undefined> {
  // Mode 5: source lines with their instructions, and those before that have none.
  const results = await gdb.command(`-data-disassemble -s ${address} -e ${address + 1} -- 5`).catch(() => undefined);
  const lines = list(results?.['asm_insns']).map(tuple);
  const line = lines.find((candidate) => list(candidate['line_asm_insn']).length > 0);
  if (!line) return undefined;
  const [instruction] = list(line['line_asm_insn']).map(tuple);
  const path = text(line['fullname']);
  return {
    function: text(instruction?.['func-name']),
    ...(path ? { source: { path, line: Number(text(line['line'])) } } : {}),
  };
}
