/** Request family: source, function, instruction and data breakpoints, each set in the kernels that its mode names. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { GdbCommandError } from '../errors.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { list, quote, text, tuple, type MiTuple } from '../gdb/mi.ts';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import { parseFunctionName, parseMode, type BreakpointMode } from './breakpointModes.ts';

/** A breakpoint as the client asked for it. `location` is in gdb's words. */
interface Wanted {
  location: string;
  /** The whole command, for a watchpoint. */
  watch?: string;
  /** Printed instead of stopping; `{expression}` is replaced by its value. */
  logMessage?: string | undefined;
  mode: BreakpointMode;
  condition?: string | undefined;
  hitCondition?: string | undefined;
}

interface Placed {
  /** DAP's id. */
  id: number;
  wanted: Wanted;
  /** gdb's number in each kernel that has it. */
  numbers: Map<KernelName, string>;
}

export class Breakpoints {
  private readonly groups = new Map<string, Placed[]>();
  private nextId = 1;
  private changes: Promise<unknown> = Promise.resolve();

  constructor(private readonly session: JumpSession) {}

  async setSource({
    source,
    breakpoints = [],
  }: DebugProtocol.SetBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    const path = source.path ?? '';
    return this.replace(
      `source ${path}`,
      breakpoints.map(({ line, mode, condition, hitCondition, logMessage }) => ({
        mode: parseMode(mode),
        logMessage,
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

  /** Watches memory; `dataId` is `KERNEL:ADDRESS:BYTES`, as `Variables.dataBreakpointInfo` gives it. */
  async setData({ breakpoints }: DebugProtocol.SetDataBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    return this.replace(
      'data',
      breakpoints.map(({ dataId, accessType, condition, hitCondition }) => {
        const [kernel, address, bytes] = dataId.split(':');
        const option = accessType === 'read' ? '-r ' : accessType === 'readWrite' ? '-a ' : '';
        return {
          watch: `-break-watch ${option}${quote(`*(char(*)[${bytes ?? 1}])${address ?? 0}`)}`,
          location: '',
          mode: parseMode(kernel),
          condition,
          hitCondition,
        };
      }),
    );
  }

  /** DAP's id of the breakpoint that a gdb knows by a number. */
  idOf(kernel: KernelName, number: number): number | undefined {
    return this.find(kernel, number)?.id;
  }

  /** What a breakpoint prints instead of stopping, if it is a logpoint. */
  logMessageOf(kernel: KernelName, number: number): string | undefined {
    return this.find(kernel, number)?.wanted.logMessage || undefined;
  }

  private find(kernel: KernelName, number: number): Placed | undefined {
    return [...this.groups.values()].flat().find((placed) => placed.numbers.get(kernel) === String(number));
  }

  /** Requests come while the one before is worked on; each starts from what that left. */
  private async replace(group: string, wanted: readonly Wanted[]): Promise<DebugProtocol.Breakpoint[]> {
    const work = this.changes.then(async () => this.replaceNow(group, wanted));
    this.changes = work.catch(() => undefined);
    return work;
  }

  private async replaceNow(group: string, wanted: readonly Wanted[]): Promise<DebugProtocol.Breakpoint[]> {
    const before = this.groups.get(group) ?? [];
    const placed = wanted.map((each): Placed => ({ id: this.nextId++, wanted: each, numbers: new Map() }));
    const answers = placed.map(({ id }): DebugProtocol.Breakpoint => ({ id, verified: false }));
    this.groups.set(group, placed);
    for (const kernel of KERNEL_NAMES) {
      const old = before.flatMap(({ numbers }) => numbers.get(kernel) ?? []);
      if (old.length === 0 && !wanted.some(({ mode }) => mode.kernels.includes(kernel))) continue;
      await this.session.whileStopped(kernel, async (gdb) => {
        if (old.length > 0) await gdb.command(`-break-delete ${old.join(' ')}`);
        for (const [index, breakpoint] of wanted.entries()) {
          if (!breakpoint.mode.kernels.includes(kernel)) continue;
          try {
            const inserted = await this.insert(gdb, breakpoint);
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

  private async insert(gdb: KernelGdb, wanted: Wanted): Promise<MiTuple> {
    const { location, watch, mode, condition } = wanted;
    // Under KVM a software breakpoint is an 0xcc in guest memory, which the jump would copy and swap.
    const hardware = mode.hardware || this.session.configuration.qemu.accel === 'kvm';
    const results = await gdb.command(watch ?? `-break-insert ${hardware ? '-h ' : ''}${location}`);
    const inserted = tuple(results['bkpt'] ?? results['wpt'] ?? results['hw-rwpt'] ?? results['hw-awpt']);
    const number = text(inserted['number']);
    try {
      if (condition) await gdb.command(`-break-condition ${number} ${condition}`);
      const hits = Number(/\d+/.exec(wanted.hitCondition ?? '')?.[0] ?? 1);
      if (hits > 1) await gdb.command(`-break-after ${number} ${hits - 1}`);
    } catch (error) {
      await gdb.command(`-break-delete ${number}`);
      throw error;
    }
    return inserted;
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
