/** The DAP session: takes each request to its family. */
import { InitializedEvent, LoggingDebugSession, TerminatedEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { ensureLab } from '../../qemu-runner/guest/lab.ts';
import { needsLab, resolveConfiguration } from '../configuration.ts';
import { noSession } from '../errors.ts';
import { jump, jumpBack, restart, waitForKernelA } from '../jump/commands.ts';
import { JumpSession } from '../jump/session.ts';
import type { SessionStop } from '../jump/stops.ts';
import type { CustomRequests, LaunchConfiguration } from '../protocol.ts';
import { BREAKPOINT_MODES } from './breakpointModes.ts';
import { Breakpoints } from './breakpoints.ts';
import { completions } from './completions.ts';
import { disassemble } from './disassembly.ts';
import { evaluate } from './evaluate.ts';
import { readMemory, writeMemory } from './memory.ts';
import { modules } from './modules.ts';
import { interpolate } from './logMessage.ts';
import { Progress } from './progress.ts';
import { Reporter } from './reporter.ts';
import { stackTrace, threads } from './stack.ts';
import { kernelOf } from './threads.ts';
import { Variables } from './variables.ts';

type Respond<Body> = (body?: Body) => void;

interface Running {
  jump: JumpSession;
  breakpoints: Breakpoints;
  variables: Variables;
}

export class KexecJumpDebugSession extends LoggingDebugSession {
  private running: Running | undefined;
  private readonly launchAborted = new AbortController();
  private supportsProgress = false;
  private readonly reporter = new Reporter((event) => {
    this.sendEvent(event);
  });

  constructor() {
    super();
    this.setDebuggerLinesStartAt1(true);
    this.setDebuggerColumnsStartAt1(true);
  }

  protected override initializeRequest(
    response: DebugProtocol.InitializeResponse,
    client: DebugProtocol.InitializeRequestArguments,
  ): void {
    this.supportsProgress = client.supportsProgressReporting ?? false;
    response.body = {
      supportsConfigurationDoneRequest: true,
      supportsFunctionBreakpoints: true,
      supportsConditionalBreakpoints: true,
      supportsHitConditionalBreakpoints: true,
      supportsInstructionBreakpoints: true,
      breakpointModes: [...BREAKPOINT_MODES],
      supportsSteppingGranularity: true,
      supportsDisassembleRequest: true,
      supportsReadMemoryRequest: true,
      supportsWriteMemoryRequest: true,
      supportsSetVariable: true,
      supportsEvaluateForHovers: true,
      supportsSetExpression: true,
      supportsCompletionsRequest: true,
      supportsModulesRequest: true,
      supportsDataBreakpoints: true,
      supportsLogPoints: true,
      supportsRestartRequest: true,
      supportsTerminateRequest: true,
    };
    this.sendResponse(response);
  }

  protected override launchRequest(
    response: DebugProtocol.LaunchResponse,
    launch: DebugProtocol.LaunchRequestArguments & LaunchConfiguration,
  ): void {
    this.answer(response, async () => {
      const jumpSession = await this.startMachine(launch);
      this.running = {
        jump: jumpSession,
        breakpoints: new Breakpoints(jumpSession),
        variables: new Variables(jumpSession),
      };
      this.reporter.follow(jumpSession, {
        trace: launch.trace ?? false,
        breakpointId: (kernel, number) => this.running?.breakpoints.idOf(kernel, number),
      });
      jumpSession.stopsAtBreakpoint = async (stop) => this.logOrStop(stop);
      jumpSession.on('continued', () => void this.running?.variables.forget());
      jumpSession.on(
        'ended',
        () =>
          void this.end().finally(() => {
            this.sendEvent(new TerminatedEvent());
          }),
      );
      this.reporter.sendCustom('kexecJump/consoles', jumpSession.consoles);
      this.sendEvent(new InitializedEvent());
      return undefined;
    });
  }

  protected override configurationDoneRequest(response: DebugProtocol.ConfigurationDoneResponse): void {
    this.answer(response, async () => {
      const { jump: jumpSession } = this.required();
      await jumpSession.begin();
      void this.followBoot(jumpSession);
      return undefined;
    });
  }

  protected override restartRequest(response: DebugProtocol.RestartResponse): void {
    const work = async (): Promise<void> => {
      const { jump: jumpSession } = this.required();
      await restart(jumpSession);
      if (!jumpSession.isStopped) this.reporter.continued(jumpSession);
    };
    this.answer(response, work, { showUser: true });
  }

  protected override disconnectRequest(response: DebugProtocol.DisconnectResponse): void {
    this.answer(response, async () => this.end());
  }

  protected override terminateRequest(response: DebugProtocol.TerminateResponse): void {
    this.answer(response, async () => {
      await this.end();
      this.sendEvent(new TerminatedEvent());
    });
  }

  protected override setBreakPointsRequest(
    response: DebugProtocol.SetBreakpointsResponse,
    wanted: DebugProtocol.SetBreakpointsArguments,
  ): void {
    this.answer(response, async () => ({ breakpoints: await this.required().breakpoints.setSource(wanted) }));
  }

  protected override setFunctionBreakPointsRequest(
    response: DebugProtocol.SetFunctionBreakpointsResponse,
    wanted: DebugProtocol.SetFunctionBreakpointsArguments,
  ): void {
    this.answer(response, async () => ({ breakpoints: await this.required().breakpoints.setFunctions(wanted) }));
  }

  protected override setInstructionBreakpointsRequest(
    response: DebugProtocol.SetInstructionBreakpointsResponse,
    wanted: DebugProtocol.SetInstructionBreakpointsArguments,
  ): void {
    this.answer(response, async () => ({ breakpoints: await this.required().breakpoints.setInstructions(wanted) }));
  }

  protected override threadsRequest(response: DebugProtocol.ThreadsResponse): void {
    this.answer(response, async () => Promise.resolve({ threads: this.running ? threads(this.running.jump) : [] }));
  }

  protected override stackTraceRequest(
    response: DebugProtocol.StackTraceResponse,
    wanted: DebugProtocol.StackTraceArguments,
  ): void {
    this.answer(response, async () => stackTrace(this.required().jump, wanted));
  }

  protected override scopesRequest(
    response: DebugProtocol.ScopesResponse,
    { frameId }: DebugProtocol.ScopesArguments,
  ): void {
    this.answer(response, async () => Promise.resolve({ scopes: this.required().variables.scopes(frameId) }));
  }

  protected override variablesRequest(
    response: DebugProtocol.VariablesResponse,
    { variablesReference }: DebugProtocol.VariablesArguments,
  ): void {
    this.answer(response, async () => ({ variables: await this.required().variables.list(variablesReference) }));
  }

  protected override setVariableRequest(
    response: DebugProtocol.SetVariableResponse,
    { variablesReference, name, value }: DebugProtocol.SetVariableArguments,
  ): void {
    this.answer(response, async () => ({
      value: await this.required().variables.set(variablesReference, name, value),
    }));
  }

  protected override setExpressionRequest(
    response: DebugProtocol.SetExpressionResponse,
    { expression, value, frameId }: DebugProtocol.SetExpressionArguments,
  ): void {
    this.answer(response, async () => this.required().variables.setExpression(expression, value, frameId));
  }

  protected override completionsRequest(
    response: DebugProtocol.CompletionsResponse,
    wanted: DebugProtocol.CompletionsArguments,
  ): void {
    this.answer(response, async () => ({ targets: await completions(this.required().jump, wanted) }));
  }

  protected override dataBreakpointInfoRequest(
    response: DebugProtocol.DataBreakpointInfoResponse,
    wanted: DebugProtocol.DataBreakpointInfoArguments,
  ): void {
    this.answer(response, async () => this.required().variables.dataBreakpointInfo(wanted));
  }

  protected override setDataBreakpointsRequest(
    response: DebugProtocol.SetDataBreakpointsResponse,
    wanted: DebugProtocol.SetDataBreakpointsArguments,
  ): void {
    this.answer(response, async () => ({ breakpoints: await this.required().breakpoints.setData(wanted) }));
  }

  protected override evaluateRequest(
    response: DebugProtocol.EvaluateResponse,
    wanted: DebugProtocol.EvaluateArguments,
  ): void {
    this.answer(response, async () => evaluate(this.required().jump, this.required().variables, wanted));
  }

  protected override disassembleRequest(
    response: DebugProtocol.DisassembleResponse,
    wanted: DebugProtocol.DisassembleArguments,
  ): void {
    this.answer(response, async () => ({ instructions: await disassemble(this.required().jump, wanted) }));
  }

  protected override readMemoryRequest(
    response: DebugProtocol.ReadMemoryResponse,
    wanted: DebugProtocol.ReadMemoryArguments,
  ): void {
    this.answer(response, async () => readMemory(this.required().jump, wanted));
  }

  protected override writeMemoryRequest(
    response: DebugProtocol.WriteMemoryResponse,
    wanted: DebugProtocol.WriteMemoryArguments,
  ): void {
    this.answer(response, async () => writeMemory(this.required().jump, wanted));
  }

  protected override continueRequest(
    response: DebugProtocol.ContinueResponse,
    { threadId }: DebugProtocol.ContinueArguments,
  ): void {
    this.execute(response, threadId, '-exec-continue');
  }

  protected override nextRequest(
    response: DebugProtocol.NextResponse,
    { threadId, granularity }: DebugProtocol.NextArguments,
  ): void {
    this.execute(response, threadId, granularity === 'instruction' ? '-exec-next-instruction' : '-exec-next');
  }

  protected override stepInRequest(
    response: DebugProtocol.StepInResponse,
    { threadId, granularity }: DebugProtocol.StepInArguments,
  ): void {
    this.execute(response, threadId, granularity === 'instruction' ? '-exec-step-instruction' : '-exec-step');
  }

  protected override stepOutRequest(
    response: DebugProtocol.StepOutResponse,
    { threadId }: DebugProtocol.StepOutArguments,
  ): void {
    this.execute(response, threadId, '-exec-finish');
  }

  protected override pauseRequest(response: DebugProtocol.PauseResponse): void {
    this.answer(response, async () => this.required().jump.pause(), { showUser: true });
  }

  protected override customRequest(command: string, response: DebugProtocol.Response, wanted: unknown): void {
    this.answer(response, async () => {
      const { jump: jumpSession } = this.required();
      switch (command as keyof CustomRequests | 'modules') {
        // A request of DAP's that the base class does not know.
        case 'modules':
          return { modules: modules(jumpSession) };
        case 'kexecJump/jump':
          await jump(jumpSession);
          return {};
        case 'kexecJump/jumpBack':
          jumpBack(jumpSession);
          return {};
        case 'kexecJump/agent': {
          const { verb, argument, seconds } = wanted as CustomRequests['kexecJump/agent']['arguments'];
          return { text: await jumpSession.agent.request(verb, argument, seconds) };
        }
        default:
          throw new Error(`Unknown request ${command}`);
      }
    });
  }

  /** Ends the machine and everything around it. */
  async end(): Promise<void> {
    this.launchAborted.abort();
    await this.running?.jump.stop();
  }

  private async startMachine(launch: LaunchConfiguration): Promise<JumpSession> {
    const progress = new Progress(
      this.supportsProgress
        ? (event) => {
            this.sendEvent(event);
          }
        : undefined,
    );
    try {
      const { signal } = this.launchAborted;
      const lab = needsLab(launch)
        ? await ensureLab({
            signal,
            onProgress: ({ step, detail, fraction }) => {
              progress.report('Building the lab guest', detail ? `${step}: ${detail}` : step, fraction);
            },
          })
        : undefined;
      progress.report('Starting the machine', 'QEMU and two gdb processes');
      const configuration = await resolveConfiguration(launch, lab);
      signal.throwIfAborted();
      const jumpSession = await JumpSession.start(configuration);
      if (signal.aborted) await jumpSession.stop();
      signal.throwIfAborted();
      return jumpSession;
    } finally {
      progress.end();
    }
  }

  /** A logpoint prints its message and does not stop. */
  private async logOrStop({ kernel, breakpoint }: SessionStop): Promise<boolean> {
    const { breakpoints, jump: jumpSession } = this.required();
    const message = breakpoint === undefined ? undefined : breakpoints.logMessageOf(kernel, breakpoint);
    if (message === undefined) return true;
    this.reporter.log(await interpolate(message, async (expression) => jumpSession.gdbs[kernel].evaluate(expression)));
    return false;
  }

  /** Kernel A boots; then, if the configuration says so, it jumps. */
  private async followBoot(jumpSession: JumpSession): Promise<void> {
    try {
      await waitForKernelA(jumpSession);
      if (jumpSession.configuration.autoJump) await jump(jumpSession);
    } catch (error) {
      if (!jumpSession.isEnding) this.reporter.tell(error as Error);
    }
  }

  private execute(response: DebugProtocol.Response, threadId: number, command: string): void {
    this.answer(
      response,
      async () => {
        await this.required().jump.execute(kernelOf(threadId), command);
        return undefined;
      },
      { showUser: true },
    );
  }

  private required(): Running {
    if (!this.running) throw noSession();
    return this.running;
  }

  /**
   * Answers a request with what the work returns, or with the sentence of its error. The client shows the sentence where
   * the answer would be (a variable's value, a hover); with `showUser` in a message of its own.
   */
  private answer<Body>(
    response: DebugProtocol.Response,
    work: () => Promise<Body>,
    { showUser }: { showUser?: true } = {},
  ): void {
    const respond: Respond<Body> = (body) => {
      if (body !== undefined) response.body = body;
      this.sendResponse(response);
    };
    work()
      .then(respond)
      .catch((error: unknown) => {
        const text = error instanceof UserFacingError ? error.describe() : (error as Error).message;
        this.sendErrorResponse(response, {
          id: 1,
          format: '{text}',
          variables: { text },
          // Nobody wants to be told that what they ended did not come to its end.
          ...(this.launchAborted.signal.aborted ? { showUser: false } : showUser && { showUser }),
        });
      });
  }
}
