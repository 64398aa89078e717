/** What the two debug adapters have in common: the same requests, in the order in which VS Code sends them. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { DapClient } from '../../debug-adapter/cli/dapClient.ts';
import { PAINTED_FRAMES, type Contender, type ContenderName, type PaintedStop, type StepKind } from './contender.ts';

const STOP_SECONDS = 120;

const STEP: Record<StepKind, { request: string; granularity?: DebugProtocol.SteppingGranularity }> = {
  instruction: { request: 'stepIn', granularity: 'instruction' },
  'line into': { request: 'stepIn' },
  'line over': { request: 'next' },
};

export abstract class DapContender implements Contender {
  abstract readonly name: ContenderName;
  /** The thread of the kernel that is debugged: the first one, with either adapter. */
  protected readonly threadId = 1;
  private hasBegun = false;

  protected constructor(protected readonly client: DapClient) {}

  /** Starts an adapter's process; the kernel ends it with us. */
  protected static startAdapter(program: string): DapClient {
    return DapClient.start({
      program: 'setpriv',
      args: ['--pdeathsig', 'KILL', '--', process.execPath, program],
    });
  }

  /** Initializes the adapter and asks it for a session; breakpoints can be set then. */
  protected async initialize(adapterID: string, request: 'launch' | 'attach', configuration: object): Promise<void> {
    await this.client.request('initialize', { adapterID, pathFormat: 'path', linesStartAt1: true });
    const initialized = this.client.waitFor('initialized', STOP_SECONDS);
    initialized.catch(() => undefined);
    await this.client.request(request, configuration, STOP_SECONDS);
    await initialized;
  }

  async runTo(functionName: string): Promise<void> {
    await this.setBreakpoint(functionName);
    await this.stopAfter(async () => {
      if (this.hasBegun) return this.client.request('continue', { threadId: this.threadId });
      this.hasBegun = true;
      return this.begin();
    });
    await this.client.request('setFunctionBreakpoints', { breakpoints: [] });
  }

  async step(kind: StepKind): Promise<void> {
    const { request, granularity } = STEP[kind];
    await this.stopAfter(async () => this.client.request(request, { threadId: this.threadId, granularity }));
  }

  async programCounter(): Promise<number> {
    const [frame] = await this.stackTrace(1);
    return Number(frame?.instructionPointerReference);
  }

  async paint(): Promise<PaintedStop> {
    await this.client.request('threads');
    const frames = await this.stackTrace(PAINTED_FRAMES);
    const { scopes } = await this.client.request<DebugProtocol.ScopesResponse['body']>('scopes', {
      frameId: frames[0]?.id,
    });
    let painted = 0;
    for (const { variablesReference } of scopes.filter(({ name }) => /^(Local|Argument)/.test(name))) {
      const { variables } = await this.client.request<DebugProtocol.VariablesResponse['body']>('variables', {
        variablesReference,
      });
      painted += variables.length;
    }
    return { frames: frames.length, variables: painted };
  }

  async readMemory(address: number, count: number): Promise<Buffer> {
    const { data } = await this.client.request<{ data?: string }>('readMemory', {
      memoryReference: `0x${address.toString(16)}`,
      count,
    });
    return Buffer.from(data ?? '', 'base64');
  }

  async end(): Promise<void> {
    await this.client.stop();
  }

  /** Lets the machine run for the first time. */
  protected async begin(): Promise<unknown> {
    return this.client.request('configurationDone');
  }

  /** Frames of the debugged kernel, innermost first, at most so many. */
  protected async stackTrace(levels: number): Promise<DebugProtocol.StackFrame[]> {
    const { stackFrames } = await this.client.request<DebugProtocol.StackTraceResponse['body']>('stackTrace', {
      threadId: this.threadId,
      startFrame: 0,
      levels,
    });
    return stackFrames;
  }

  private async setBreakpoint(functionName: string): Promise<void> {
    await this.client.request('setFunctionBreakpoints', { breakpoints: [{ name: functionName }] });
  }

  private async stopAfter(run: () => Promise<unknown>): Promise<void> {
    const stopped = this.client.waitFor('stopped', STOP_SECONDS);
    await Promise.all([stopped, run()]);
  }
}
