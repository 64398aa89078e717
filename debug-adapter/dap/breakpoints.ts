/** Request family: source, function and instruction breakpoints, each set in the kernels that its mode names. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { GdbCommandError } from '../errors.ts';
import { list, quote, text, tuple, type MiTuple } from '../gdb/mi.ts';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import { parseFunctionName, parseMode, type BreakpointMode } from './breakpointModes.ts';

/** A breakpoint as the client asked for it. `location` is in gdb's words. */
interface Wanted {
  location: string;
  mode: BreakpointMode;
  condition?: string | undefined;
  hitCondition?: string | undefined;
}

interface Placed {
  /** DAP's id. */
  id: number;
  /** gdb's number in each kernel that has it. */
  numbers: Map<KernelName, string>;
}

export class Breakpoints {
  private readonly groups = new Map<string, Placed[]>();
  private nextId = 1;

  constructor(private readonly session: JumpSession) {}

  async setSource({
    source,
    breakpoints = [],
  }: DebugProtocol.SetBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    const path = source.path ?? '';
    return this.replace(
      `source ${path}`,
      breakpoints.map(({ line, mode, condition, hitCondition }) => ({
        mode: parseMode(mode),
        location: `--source ${quote(path)} --line ${line}`,
        condition,
        hitCondition,
      })),
    );
  }

  async setFunctions({
    breakpoints,
  }: DebugProtocol.SetFunctionBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    return this.replace(
      'functions',
      breakpoints.map(({ name: given, condition, hitCondition }) => {
        const { mode, name } = parseFunctionName(given);
        return { location: `--function ${quote(name)}`, mode, condition, hitCondition };
      }),
    );
  }

  async setInstructions({
    breakpoints,
  }: DebugProtocol.SetInstructionBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    return this.replace(
      'instructions',
      breakpoints.map(({ instructionReference, offset = 0, mode, condition, hitCondition }) => ({
        mode: parseMode(mode),
        location: `*${Number(instructionReference) + offset}`,
        condition,
        hitCondition,
      })),
    );
  }

  /** DAP's id of the breakpoint that a gdb knows by a number. */
  idOf(kernel: KernelName, number: number): number | undefined {
    return [...this.groups.values()].flat().find((placed) => placed.numbers.get(kernel) === String(number))?.id;
  }

  private async replace(group: string, wanted: readonly Wanted[]): Promise<DebugProtocol.Breakpoint[]> {
    const before = this.groups.get(group) ?? [];
    const placed = wanted.map((): Placed => ({ id: this.nextId++, numbers: new Map() }));
    const answers = placed.map(({ id }): DebugProtocol.Breakpoint => ({ id, verified: false }));
    this.groups.set(group, placed);
    for (const kernel of KERNEL_NAMES) {
      const old = before.flatMap(({ numbers }) => numbers.get(kernel) ?? []);
      if (old.length === 0 && wanted.length === 0) continue;
      await this.session.whileStopped(kernel, async (gdb) => {
        if (old.length > 0) await gdb.command(`-break-delete ${old.join(' ')}`);
        for (const [index, breakpoint] of wanted.entries()) {
          if (!breakpoint.mode.kernels.includes(kernel)) continue;
          try {
            const results = await gdb.command(this.insertCommand(breakpoint));
            const inserted = tuple(results['bkpt']);
            placed[index]!.numbers.set(kernel, text(inserted['number']));
            Object.assign(answers[index]!, this.describe(inserted, answers[index]!));
          } catch (error) {
            if (!(error instanceof GdbCommandError)) throw error;
            answers[index]!.message ??= error.gdbMessage;
          }
        }
      });
    }
    return answers;
  }

  private insertCommand({ location, mode, condition, hitCondition }: Wanted): string {
    // Under KVM a software breakpoint is an 0xcc in guest memory, which the jump would copy and swap.
    const hardware = mode.hardware || this.session.configuration.qemu.accel === 'kvm';
    const words = ['-break-insert', hardware ? '-h' : ''];
    if (condition) words.push(`-c ${quote(condition)}`);
    const hits = Number(/\d+/.exec(hitCondition ?? '')?.[0] ?? 1);
    if (hits > 1) words.push(`-i ${hits - 1}`);
    return [...words, location].filter(Boolean).join(' ');
  }

  private describe(inserted: MiTuple, before: DebugProtocol.Breakpoint): DebugProtocol.Breakpoint {
    if (before.verified) return before;
    const place = list(inserted['locations']).map(tuple)[0] ?? inserted;
    const line = Number(text(place['line']));
    const path = text(place['fullname']);
    return {
      id: before.id!,
      verified: true,
      instructionReference: text(place['addr']),
      ...(line > 0 ? { line } : {}),
      ...(path ? { source: { path } } : {}),
    };
  }
}
