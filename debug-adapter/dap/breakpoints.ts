/** Request family: source, function, instruction, data and exception breakpoints, each set in the kernels that its mode names. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { GdbCommandError, savedImageOnly, tooManyHardwareBreakpoints } from '../errors.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { list, quote, text, tuple, type MiTuple } from '../gdb/mi.ts';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import type { ExceptionKind } from '../jump/exceptions.ts';
import { parseFunctionName, parseMode, type BreakpointMode } from './breakpointModes.ts';
import { EXCEPTION_FILTERS, exceptionFilter, isFailedJump } from './exceptionFilters.ts';
import { parseHitCondition } from './hitCondition.ts';

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
  /** The kernel is in an exception where this breakpoint is hit. */
  exception?: ExceptionKind;
}

/** gdb's words for a debug register that is not to be had. */
const NO_DEBUG_REGISTER = /[Cc]ould ?n.t insert hardware|[Cc]annot insert hardware|[Tt]oo many hardware/;

interface Placed {
  /** DAP's id. */
  id: number;
  wanted: Wanted;
  /** gdb's number in each kernel that has it. */
  numbers: Map<KernelName, string>;
  /** Hits so far, by kernel. */
  hits: Map<KernelName, number>;
}

/** What a hit means: the machine goes on, or stops, or prints a line and goes on. */
export interface Hit {
  stops: boolean;
  logMessage?: string;
  exception?: ExceptionKind;
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
        mode: this.mode(mode),
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
        const { owner, name } = parseFunctionName(given);
        const mode = this.mode(owner);
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
        mode: this.mode(mode),
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

  /** Stops at oopses, panics and failed jumps, as the client's filters say; at all until it says so. */
  async setExceptions(
    filters: readonly string[] = EXCEPTION_FILTERS.map(({ filter }) => filter),
  ): Promise<DebugProtocol.Breakpoint[]> {
    this.session.stopsAtFailedJumps = filters.some(isFailedJump);
    const wanted = filters.flatMap((id) => exceptionFilter(id) ?? []);
    const placed = await this.replace(
      'exceptions',
      wanted.map(({ kind, function: name }) => ({
        location: `--function ${quote(name)}`,
        mode: parseMode('both'),
        exception: kind,
      })),
    );
    return filters.map((id) => (isFailedJump(id) ? { verified: true } : (placed.shift() ?? { verified: false })));
  }

  /** Counts a hit of the breakpoint that a kernel's gdb knows by a number, and says what it means. */
  hit(kernel: KernelName, number: number): Hit {
    const placed = this.find(kernel, number);
    if (!placed) return { stops: true };
    const hits = (placed.hits.get(kernel) ?? 0) + 1;
    placed.hits.set(kernel, hits);
    const { hitCondition, logMessage, exception } = placed.wanted;
    if (!parseHitCondition(hitCondition)(hits)) return { stops: false };
    if (logMessage) return { stops: false, logMessage };
    return { stops: true, ...(exception && { exception }) };
  }

  /** A breakpoint that names no kernel belongs to those that the configuration says. */
  private mode(id: string | undefined): BreakpointMode {
    return parseMode(id ?? this.session.configuration.breakpointKernel);
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
    const placed = wanted.map((each): Placed => ({
      id: this.nextId++,
      wanted: each,
      numbers: new Map(),
      hits: new Map(),
    }));
    const answers = placed.map(({ id }): DebugProtocol.Breakpoint => ({ id, verified: false }));
    if (this.session.isSaved) return answers.map((answer) => ({ ...answer, message: savedImageOnly().message }));
    this.groups.set(group, placed);
    for (const kernel of KERNEL_NAMES) {
      const old = before.flatMap(({ numbers }) => numbers.get(kernel) ?? []);
      if (old.length === 0 && !wanted.some(({ mode }) => mode.kernels.includes(kernel))) continue;
      await this.session.run.whileStopped(kernel, async (gdb) => {
        if (old.length > 0) await gdb.command(`-break-delete ${old.join(' ')}`);
        for (const [index, breakpoint] of wanted.entries()) {
          if (!breakpoint.mode.kernels.includes(kernel)) continue;
          try {
            const inserted = await this.insert(gdb, breakpoint);
            placed[index]!.numbers.set(kernel, text(inserted['number']));
            Object.assign(answers[index]!, this.describe(inserted, answers[index]!));
            if (breakpoint.mode.kernels.length === 1) answers[index]!.message = `Only in kernel ${kernel}`;
          } catch (error) {
            if (!(error instanceof GdbCommandError || error instanceof UserFacingError)) throw error;
            answers[index]!.message ??= error.message;
          }
        }
      });
    }
    return answers;
  }

  private async insert(gdb: KernelGdb, wanted: Wanted): Promise<MiTuple> {
    const { location, watch, mode, condition, hitCondition } = wanted;
    parseHitCondition(hitCondition);
    // Under KVM a software breakpoint is an 0xcc in guest memory, which the jump would copy and swap.
    const hardware = mode.hardware || this.session.isKvm ? '-h ' : '';
    const results = await gdb
      .command(watch ?? `-break-insert ${hardware}${location}`)
      .catch(async (error: unknown) => this.explain(gdb, error));
    const inserted = tuple(results['bkpt'] ?? results['wpt'] ?? results['hw-rwpt'] ?? results['hw-awpt']);
    const number = text(inserted['number']);
    try {
      if (condition) await gdb.command(`-break-condition ${number} ${condition}`);
    } catch (error) {
      await gdb.command(`-break-delete ${number}`);
      throw error;
    }
    return inserted;
  }

  /** gdb keeps a breakpoint for which there is no debug register, and could not go on with it. */
  private async explain(gdb: KernelGdb, error: unknown): Promise<never> {
    if (!(error instanceof GdbCommandError) || !NO_DEBUG_REGISTER.test(error.gdbMessage)) throw error;
    const number = [...error.gdbMessage.matchAll(/hardware (?:break|watch)point (\d+)/g)].at(-1)?.[1];
    if (number !== undefined) await gdb.command(`-break-delete ${number}`);
    throw this.session.isKvm ? tooManyHardwareBreakpoints() : error;
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
