/** Request family: scopes, variables, setVariable, evaluate of expressions. */
import { Handles } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { GdbCommandError, kernelDormant } from '../errors.ts';
import { list, quote, text, tuple, type MiTuple } from '../gdb/mi.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import type { KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import { descriptorTables, REGISTER_GROUPS, registerGroup, type RegisterGroup } from './registers.ts';
import { frameOf, frameOrLive, miFrame, type FrameAddress } from './threads.ts';

/** What a variables reference stands for. */
type Container =
  | { kind: 'locals'; frame: FrameAddress }
  | { kind: 'registers'; frame: FrameAddress }
  | { kind: 'register group'; frame: FrameAddress; group: RegisterGroup }
  /** A gdb variable object with children. */
  | { kind: 'object'; kernel: KernelName; name: string };

const MOST_CHILDREN = 1000;

/** The variables of the stop that the user looks at. `forget` when it is over. */
export class Variables {
  private readonly handles = new Handles<Container>();
  private readonly objects: { kernel: KernelName; name: string }[] = [];

  constructor(private readonly session: JumpSession) {}

  scopes(id: number): DebugProtocol.Scope[] {
    const frame = frameOf(id);
    return [
      {
        name: 'Locals',
        presentationHint: 'locals',
        variablesReference: this.handles.create({ kind: 'locals', frame }),
        expensive: false,
      },
      {
        name: 'Registers',
        presentationHint: 'registers',
        variablesReference: this.handles.create({ kind: 'registers', frame }),
        expensive: true,
      },
    ];
  }

  async list(reference: number): Promise<DebugProtocol.Variable[]> {
    const container = this.handles.get(reference) as Container | undefined;
    switch (container?.kind) {
      case 'locals':
        return this.locals(container.frame);
      case 'registers':
        return REGISTER_GROUPS.map((group) => ({
          name: group,
          value: '',
          variablesReference: this.handles.create({ kind: 'register group', frame: container.frame, group }),
        }));
      case 'register group':
        return this.registers(container.frame, container.group);
      case 'object':
        return this.children(container.kernel, container.name);
      case undefined:
        return [];
    }
  }

  /** Evaluates an expression in a frame, or globally in a kernel. @throws GdbCommandError with gdb's own words. */
  async evaluate(frame: FrameAddress, expression: string): Promise<DebugProtocol.EvaluateResponse['body']> {
    const created = await this.create(frame, expression).catch(async () => {
      // A variable object that cannot be made says nothing of the reason; plain evaluation does.
      await this.session.gdbs[frame.kernel].command(
        `-data-evaluate-expression ${miFrame(frame.level)} ${quote(expression)}`,
      );
      return this.create(frame, expression);
    });
    const { value, type, variablesReference, memoryReference } = this.describe(frame.kernel, created);
    return {
      result: value,
      variablesReference,
      ...(type === undefined ? {} : { type }),
      ...(memoryReference === undefined ? {} : { memoryReference }),
    };
  }

  /** Assigns to a variable and returns its new value. */
  async set(reference: number, name: string, value: string): Promise<string> {
    const container = this.handles.get(reference) as Container | undefined;
    if (container?.kind === 'object') {
      const child = (await this.childObjects(container.kernel, container.name)).find(
        (item) => text(item['exp']) === name,
      );
      return this.assign(container.kernel, text(child?.['name']), value);
    }
    if (container?.kind === 'locals' || container?.kind === 'register group') {
      const expression = container.kind === 'locals' ? name : `$${name}`;
      const created = await this.create(container.frame, expression);
      return this.assign(container.frame.kernel, text(created['name']), value);
    }
    return value;
  }

  /** Assigns to an expression and returns its new value. @throws GdbCommandError, for what is no lvalue. */
  async setExpression(
    expression: string,
    value: string,
    frameId: number | undefined,
  ): Promise<DebugProtocol.SetExpressionResponse['body']> {
    const frame = frameOrLive(frameId, this.session.live);
    if (frame.kernel !== this.session.live) throw kernelDormant(frame.kernel, this.session.live);
    const created = await this.create(frame, expression);
    return { value: await this.assign(frame.kernel, text(created['name']), value) };
  }

  /** Where a variable lies, so that it can be watched: `KERNEL:ADDRESS:BYTES`. */
  async dataBreakpointInfo({
    name,
    variablesReference,
    frameId,
    asAddress,
    bytes,
  }: DebugProtocol.DataBreakpointInfoArguments): Promise<DebugProtocol.DataBreakpointInfoResponse['body']> {
    const container =
      variablesReference === undefined ? undefined : (this.handles.get(variablesReference) as Container | undefined);
    const frame = container?.kind === 'locals' ? container.frame : frameOrLive(frameId, this.session.live);
    if (asAddress) return watchable(frame.kernel, Number(name), bytes ?? 4, name);
    const gdb = this.session.gdbs[frame.kernel];
    let expression = name;
    if (container?.kind === 'object') {
      const child = (await this.childObjects(container.kernel, container.name)).find(
        (item) => text(item['exp']) === name,
      );
      const path = await gdb.command(`-var-info-path-expression ${quote(text(child?.['name']))}`);
      expression = text(path['path_expr']);
    }
    const value = async (wanted: string): Promise<number> =>
      Number(text((await gdb.command(`-data-evaluate-expression ${miFrame(frame.level)} ${quote(wanted)}`))['value']));
    try {
      const address = await value(`(unsigned long)&(${expression})`);
      return watchable(frame.kernel, address, await value(`sizeof(${expression})`), name);
    } catch (error) {
      if (!(error instanceof GdbCommandError)) throw error;
      return { dataId: null, description: error.gdbMessage };
    }
  }

  /** The machine goes on: the values are no longer true. */
  async forget(): Promise<void> {
    this.handles.reset();
    for (const { kernel, name } of this.objects.splice(0)) {
      await this.session.gdbs[kernel].command(`-var-delete ${quote(name)}`).catch(() => undefined);
    }
  }

  private async registers({ kernel, level }: FrameAddress, group: RegisterGroup): Promise<DebugProtocol.Variable[]> {
    if (group !== 'Descriptor tables') return registerGroup(this.session.gdbs[kernel], level, group);
    // A dormant kernel's are in its memory; the CPU has its peer's.
    return kernel === this.session.live ? descriptorTables(await this.session.systemRegisters()) : [];
  }

  private async assign(kernel: KernelName, name: string, value: string): Promise<string> {
    return text((await this.session.gdbs[kernel].command(`-var-assign ${quote(name)} ${quote(value)}`))['value']);
  }

  private async locals(frame: FrameAddress): Promise<DebugProtocol.Variable[]> {
    const gdb = this.session.gdbs[frame.kernel];
    const results = await gdb.command(`-stack-list-variables ${miFrame(frame.level)} --simple-values`);
    const seen = new Set<string>();
    const variables: DebugProtocol.Variable[] = [];
    for (const item of list(results['variables']).map(tuple)) {
      const name = text(item['name']);
      // An inner block's variable hides the one of the same name outside; gdb lists the inner one first.
      if (!name || seen.has(name)) continue;
      seen.add(name);
      variables.push({ name, evaluateName: name, ...(await this.local(frame, name, item)) });
    }
    return variables;
  }

  private async local(frame: FrameAddress, name: string, item: MiTuple): Promise<Omit<DebugProtocol.Variable, 'name'>> {
    const type = text(item['type']);
    if ('value' in item && !/[*\])}]$/.test(type)) return { value: text(item['value']), type, variablesReference: 0 };
    try {
      return this.describe(frame.kernel, await this.create(frame, name));
    } catch {
      return { value: text(item['value']) || '<not available>', type, variablesReference: 0 };
    }
  }

  private async create({ kernel, level }: FrameAddress, expression: string): Promise<MiTuple> {
    const created = await this.session.gdbs[kernel].command(`-var-create ${miFrame(level)} - * ${quote(expression)}`);
    this.objects.push({ kernel, name: text(created['name']) });
    return created;
  }

  private async children(kernel: KernelName, name: string): Promise<DebugProtocol.Variable[]> {
    return (await this.childObjects(kernel, name)).map((child) => ({
      name: text(child['exp']),
      ...this.describe(kernel, child),
    }));
  }

  private async childObjects(kernel: KernelName, name: string): Promise<MiTuple[]> {
    const results = await this.session.gdbs[kernel].command(
      `-var-list-children --all-values ${quote(name)} 0 ${MOST_CHILDREN}`,
    );
    return list(results['children']).map(tuple);
  }

  private describe(kernel: KernelName, object: MiTuple): Omit<DebugProtocol.Variable, 'name'> {
    const type = text(object['type']);
    const value = text(object['value']);
    const hasChildren = Number(text(object['numchild'])) > 0;
    const pointer = /^(?:\([^)]*\) )?(0x[0-9a-f]+)/.exec(value)?.[1];
    return {
      value: value || type,
      type,
      variablesReference: hasChildren ? this.handles.create({ kind: 'object', kernel, name: text(object['name']) }) : 0,
      ...(pointer !== undefined && type.endsWith('*') ? { memoryReference: `${kernel}:${pointer}` } : {}),
    };
  }
}

function watchable(
  kernel: KernelName,
  address: number,
  bytes: number,
  name: string,
): DebugProtocol.DataBreakpointInfoResponse['body'] {
  return {
    dataId: `${kernel}:${hex(address)}:${bytes}`,
    description: `${name} of kernel ${kernel} (${bytes} bytes at ${hex(address)})`,
    accessTypes: ['write', 'read', 'readWrite'],
  };
}
