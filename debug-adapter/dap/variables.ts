/** Request family: scopes, variables, setVariable, evaluate of expressions. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { GdbCommandError } from '../errors.ts';
import { list, quote, text, tuple, type MiTuple } from '../gdb/mi.ts';
import type { KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import { descriptorTables, REGISTER_GROUPS, registerGroup, type RegisterGroup } from './registers.ts';
import { memoryReferenceOf, pointsToSomething, watchable } from './pointers.ts';
import { variablesOf, type ReadAhead } from './readAhead.ts';
import { frameOf, frameOrLive, miFrame, type FrameAddress } from './threads.ts';

/** What a variables reference stands for. */
type Container =
  /** Arguments or locals of a frame, as gdb lists them. */
  | { kind: 'frame variables'; frame: FrameAddress; items: readonly MiTuple[] }
  /** The global variables that the user asked for. */
  | { kind: 'globals'; frame: FrameAddress }
  | { kind: 'registers'; frame: FrameAddress }
  | { kind: 'register group'; frame: FrameAddress; group: RegisterGroup }
  /** A variable with children, of which gdb makes a variable object when they are asked for. */
  | { kind: 'variable'; frame: FrameAddress; expression: string }
  /** A gdb variable object with children. */
  | { kind: 'object'; kernel: KernelName; name: string };

type VariableObject = Container & { kind: 'object' };

const MOST_CHILDREN = 1000;
const CHARACTERS = /^(const )?((un)?signed )?char \[\d*\]$/;

/** Global variables that tell where a jump stands. Source: kernel/kexec_core.c, include/linux/kernel.h, jiffies.h. */
const FIRST_GLOBALS = ['kexec_image', 'system_state', 'jiffies', 'init_task'];

/** The variables of the stops that the user looks at, one a kernel. `forget` when one is over. */
export class Variables {
  private readonly containers = new Map<number, Container>();
  private nextReference = 1;
  /** Names of gdb's variable objects. */
  private readonly objects: Record<KernelName, string[]> = { A: [], B: [] };
  /** Those of stops that are over. */
  private readonly staleObjects: Record<KernelName, string[]> = { A: [], B: [] };

  constructor(
    private readonly session: JumpSession,
    private readonly ahead: ReadAhead,
  ) {}

  /** Global variables that the scope Globals shows, by name. */
  readonly globals = new Set(FIRST_GLOBALS);

  /** The scopes of a frame. One without variables of its own, such as an assembler routine's, opens with its registers. */
  async scopes(id: number): Promise<DebugProtocol.Scope[]> {
    const frame = frameOf(id);
    const items = await this.frameVariables(frame);
    const scopes: DebugProtocol.Scope[] = [];
    const add = (name: string, container: Container, rest: Partial<DebugProtocol.Scope>): void => {
      scopes.push({ name, variablesReference: this.reference(container), expensive: false, ...rest });
    };
    const isArgument = (item: MiTuple): boolean => text(item['arg']) === '1';
    for (const [name, presentationHint, own] of [
      ['Locals', 'locals', items.filter((item) => !isArgument(item))],
      ['Arguments', 'arguments', items.filter(isArgument)],
    ] as const) {
      if (own.length > 0) add(name, { kind: 'frame variables', frame, items: own }, { presentationHint });
    }
    const isBare = scopes.length === 0;
    add('Registers', { kind: 'registers', frame }, { presentationHint: 'registers', expensive: !isBare });
    add('Globals', { kind: 'globals', frame }, { presentationHint: 'globals', expensive: true });
    return scopes;
  }

  async list(reference: number): Promise<DebugProtocol.Variable[]> {
    const container = this.containers.get(reference);
    switch (container?.kind) {
      case 'frame variables':
        return this.describeAll(container.frame, container.items);
      case 'globals':
        return this.describeGlobals(container.frame);
      case 'registers':
        return REGISTER_GROUPS.map((group) => ({
          name: group,
          value: '',
          variablesReference: this.reference({ kind: 'register group', frame: container.frame, group }),
        }));
      case 'register group':
        return this.registers(container.frame, container.group);
      case 'variable':
      case 'object':
        return this.children(await this.objectOf(reference, container));
      case undefined:
        return [];
    }
  }

  /** Evaluates an expression in a frame, or globally in a kernel. @throws GdbCommandError with gdb's own words. */
  async evaluate(frame: FrameAddress, expression: string): Promise<DebugProtocol.EvaluateResponse['body']> {
    const created = await this.create(frame, expression).catch(async () => {
      // A variable object that cannot be made says nothing of the reason; plain evaluation does.
      await this.session.gdbs[frame.kernel].command(`-data-evaluate-expression ${miFrame(frame)} ${quote(expression)}`);
      return this.create(frame, expression);
    });
    const { value, type, variablesReference, memoryReference } = this.describe(frame.kernel, created);
    return {
      result: await this.asText(frame, expression, type ?? '', value),
      variablesReference,
      ...(type === undefined ? {} : { type }),
      ...(memoryReference === undefined ? {} : { memoryReference }),
    };
  }

  /** Assigns to a variable and returns its new value. */
  async set(reference: number, name: string, value: string): Promise<string> {
    const container = this.containers.get(reference);
    if (container?.kind === 'object' || container?.kind === 'variable') {
      const object = await this.objectOf(reference, container);
      return this.assign(object.kernel, await this.childNamed(object, name), value);
    }
    if (container && container.kind !== 'registers') {
      const expression = container.kind === 'register group' ? `$${name}` : name;
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
    const frame = frameOrLive(frameId, this.session);
    this.session.run.mustBeOnCpu(frame.kernel);
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
    const container = variablesReference === undefined ? undefined : this.containers.get(variablesReference);
    const frame = container && 'frame' in container ? container.frame : frameOrLive(frameId, this.session);
    if (asAddress) return watchable(frame.kernel, Number(name), bytes ?? 4, name);
    const gdb = this.session.gdbs[frame.kernel];
    let expression = name;
    if (container?.kind === 'object' || container?.kind === 'variable') {
      const child = await this.childNamed(await this.objectOf(variablesReference!, container), name);
      const path = await gdb.command(`-var-info-path-expression ${quote(child)}`);
      expression = text(path['path_expr']);
    }
    const value = async (wanted: string): Promise<number> =>
      Number(text((await gdb.command(`-data-evaluate-expression ${miFrame(frame)} ${quote(wanted)}`))['value']));
    try {
      const address = await value(`(unsigned long)&(${expression})`);
      return watchable(frame.kernel, address, await value(`sizeof(${expression})`), name);
    } catch (error) {
      if (!(error instanceof GdbCommandError)) throw error;
      return { dataId: null, description: error.gdbMessage };
    }
  }

  /**
   * A kernel goes on: the values read of it are no longer true. A dormant one's stay. gdb's objects go when the next one is
   * made: a step does not wait for that.
   */
  forget(kernel: KernelName): void {
    for (const [reference, container] of this.containers) {
      if (kernelOf(container) === kernel) this.containers.delete(reference);
    }
    this.staleObjects[kernel].push(...this.objects[kernel].splice(0));
  }

  private reference(container: Container): number {
    this.containers.set(this.nextReference, container);
    return this.nextReference++;
  }

  private async registers(frame: FrameAddress, group: RegisterGroup): Promise<DebugProtocol.Variable[]> {
    const { kernel, cpu } = frame;
    if (group !== 'Descriptor tables') return registerGroup(this.session.gdbs[kernel], frame, group);
    // A dormant kernel's are in its memory, the CPU has its peer's; and QEMU's monitor tells of the CPU that stopped.
    const isTold = kernel === this.session.live && cpu === this.session.router.stoppedCpu;
    return isTold ? descriptorTables(await this.session.systemRegisters()) : [];
  }

  private async assign(kernel: KernelName, name: string, value: string): Promise<string> {
    return text((await this.session.gdbs[kernel].command(`-var-assign ${quote(name)} ${quote(value)}`))['value']);
  }

  /** Arguments and locals of a frame; none where there is no debug information. */
  private async frameVariables(frame: FrameAddress): Promise<MiTuple[]> {
    const results = await this.ahead.take(frame.kernel, variablesOf(frame)).catch((error: unknown) => {
      if (error instanceof GdbCommandError) return undefined;
      throw error;
    });
    const seen = new Set<string>();
    return list(results?.['variables'])
      .map(tuple)
      .filter((item) => {
        // An inner block's variable hides the one of the same name outside; gdb lists the inner one first.
        const isFirst = !seen.has(text(item['name']));
        seen.add(text(item['name']));
        return isFirst;
      });
  }

  private async describeAll(frame: FrameAddress, items: readonly MiTuple[]): Promise<DebugProtocol.Variable[]> {
    return Promise.all(
      items.map(async (item) => {
        const name = text(item['name']);
        return { name, evaluateName: name, ...(await this.local(frame, name, item)) };
      }),
    );
  }

  private async describeGlobals(frame: FrameAddress): Promise<DebugProtocol.Variable[]> {
    const { file } = this.session.kernels[frame.kernel];
    const items = [...this.globals].filter((name) => file.symbol(name)).map((name) => ({ name }));
    return this.describeAll(frame, items);
  }

  /** gdb's list of variables says all of a simple value; what it lists without a value needs a variable object. */
  private async local(frame: FrameAddress, name: string, item: MiTuple): Promise<Omit<DebugProtocol.Variable, 'name'>> {
    const type = text(item['type']);
    const value = text(item['value']);
    if ('value' in item) {
      const canBeOpened = pointsToSomething(type, value);
      return {
        ...{ value, type },
        variablesReference: canBeOpened ? this.reference({ kind: 'variable', frame, expression: name }) : 0,
        ...memoryReferenceOf(frame.kernel, type, value),
      };
    }
    try {
      const variable = this.describe(frame.kernel, await this.create(frame, name));
      return { ...variable, value: await this.asText(frame, name, type, variable.value) };
    } catch {
      return { value: '<not available>', type, variablesReference: 0 };
    }
  }

  /** A variable object shows an array of characters as its length; people want the text. */
  private async asText(frame: FrameAddress, expression: string, type: string, value: string): Promise<string> {
    if (!CHARACTERS.test(type)) return value;
    const command = `-data-evaluate-expression ${miFrame(frame)} ${quote(expression)}`;
    const results = await this.session.gdbs[frame.kernel].command(command).catch(() => undefined);
    return text(results?.['value']) || value;
  }

  /** The variable object of a container, which is made where it is not there yet. */
  private async objectOf(
    reference: number,
    container: Container & { kind: 'variable' | 'object' },
  ): Promise<VariableObject> {
    if (container.kind === 'object') return container;
    const created = await this.create(container.frame, container.expression);
    const object: VariableObject = { kind: 'object', kernel: container.frame.kernel, name: text(created['name']) };
    // Not when the kernel went on meanwhile: then it is over.
    if (this.containers.has(reference)) this.containers.set(reference, object);
    return object;
  }

  private async create(frame: FrameAddress, expression: string): Promise<MiTuple> {
    const { kernel } = frame;
    const gdb = this.session.gdbs[kernel];
    const creation = gdb.command(`-var-create ${miFrame(frame)} - * ${quote(expression)}`);
    for (const name of this.staleObjects[kernel].splice(0)) {
      void gdb.command(`-var-delete ${quote(name)}`).catch(() => undefined);
    }
    const created = await creation;
    this.objects[kernel].push(text(created['name']));
    return created;
  }

  private async children(object: VariableObject): Promise<DebugProtocol.Variable[]> {
    return (await this.childObjects(object)).map((child) => ({
      name: text(child['exp']),
      ...this.describe(object.kernel, child),
    }));
  }

  /** gdb's name of a child object; empty when there is none. */
  private async childNamed(object: VariableObject, name: string): Promise<string> {
    const child = (await this.childObjects(object)).find((item) => text(item['exp']) === name);
    return text(child?.['name']);
  }

  private async childObjects({ kernel, name }: VariableObject): Promise<MiTuple[]> {
    const results = await this.session.gdbs[kernel].command(
      `-var-list-children --all-values ${quote(name)} 0 ${MOST_CHILDREN}`,
    );
    return list(results['children']).map(tuple);
  }

  private describe(kernel: KernelName, object: MiTuple): Omit<DebugProtocol.Variable, 'name'> {
    const type = text(object['type']);
    const value = text(object['value']);
    const hasChildren = Number(text(object['numchild'])) > 0;
    return {
      value: value || type,
      type,
      variablesReference: hasChildren ? this.reference({ kind: 'object', kernel, name: text(object['name']) }) : 0,
      ...memoryReferenceOf(kernel, type, value),
    };
  }
}

const kernelOf = (container: Container): KernelName =>
  container.kind === 'object' ? container.kernel : container.frame.kernel;
