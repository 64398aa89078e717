/** The DAP session: its beginning and its end; the requests in between go to their families. */
import { DebugSession, InitializedEvent, InvalidatedEvent, Response, TerminatedEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { noSession } from '../errors.ts';
import { beginAtSnapshot, jump, restart, waitForKernelA } from '../jump/commands.ts';
import type { JumpSession } from '../jump/session.ts';
import { describeException } from '../jump/exceptions.ts';
import { exceptionStop, type SessionStop } from '../jump/stops.ts';
import type { AttachConfiguration, LaunchConfiguration } from '../protocol.ts';
import { Breakpoints } from './breakpoints.ts';
import { CAPABILITIES } from './capabilities.ts';
import { tellsKernelsApart } from './clients.ts';
import { startMachine } from './launch.ts';
import { interpolate } from './logMessage.ts';
import { Progress } from './progress.ts';
import { resumeWithProgress } from './resumeProgress.ts';
import { ReadAhead } from './readAhead.ts';
import { Reporter } from './reporter.ts';
import { handlerOf, isShown, type Running } from './requests.ts';
import { goOn } from './runControl.ts';
import { threads } from './stack.ts';
import { kernelOf } from './threads.ts';
import { Variables } from './variables.ts';

/** Requests behind whose answers a client takes the kernel for running. */
const STEPS: ReadonlySet<string> = new Set(['next', 'stepIn', 'stepOut', 'stepBack', 'reverseContinue']);

/** Requests by which a client shows a stop, and changes nothing. */
const PAINTING: ReadonlySet<string> = new Set(['threads', 'stackTrace', 'scopes', 'variables']);

export class KexecJumpDebugSession extends DebugSession {
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

  protected override dispatchRequest(request: DebugProtocol.Request): void {
    if (!PAINTING.has(request.command)) this.running?.ahead.forget();
    const handler = handlerOf(request.command);
    if (!handler) {
      super.dispatchRequest(request);
      return;
    }
    const work = (): unknown => handler(this.required(), request.arguments ?? {});
    void this.answer(new Response(request), work, isShown(request.command)).then(() => {
      if (this.running && STEPS.has(request.command)) this.reporter.stepBegan(this.running.jump);
    });
  }

  protected override initializeRequest(
    response: DebugProtocol.InitializeResponse,
    client: DebugProtocol.InitializeRequestArguments,
  ): void {
    this.supportsProgress = client.supportsProgressReporting ?? false;
    this.reporter.kernelsApart = tellsKernelsApart(client);
    response.body = CAPABILITIES;
    this.sendResponse(response);
  }

  protected override launchRequest(
    response: DebugProtocol.LaunchResponse,
    launch: DebugProtocol.LaunchRequestArguments & LaunchConfiguration,
  ): void {
    this.startSession(response, launch);
  }

  protected override attachRequest(
    response: DebugProtocol.AttachResponse,
    attach: DebugProtocol.AttachRequestArguments & AttachConfiguration,
  ): void {
    this.startSession(response, attach);
  }

  protected override configurationDoneRequest(response: DebugProtocol.ConfigurationDoneResponse): void {
    void this.answer(response, async () => {
      const { jump: session } = this.required();
      const { snapshot, machine } = session.configuration;
      if (machine.kind !== 'launch') {
        await session.attach();
        return;
      }
      this.reporter.preflight(session);
      if (snapshot === undefined) await session.begin();
      void this.followBoot(session, snapshot);
    });
  }

  protected override threadsRequest(response: DebugProtocol.ThreadsResponse): void {
    void this.answer(response, async () => {
      this.running?.ahead.paints();
      return { threads: this.running ? await threads(this.running.jump) : [] };
    });
  }

  protected override continueRequest(
    response: DebugProtocol.ContinueResponse,
    { threadId }: DebugProtocol.ContinueArguments,
  ): void {
    const work = async (): Promise<DebugProtocol.ContinueResponse['body']> => {
      const { jump: session } = this.required();
      await goOn(session);
      return { allThreadsContinued: !this.reporter.kernelsApart };
    };
    void this.answer(response, work, true).then(() => {
      // The client takes the kernel that it named for running now.
      const session = this.running?.jump;
      if (!session) return;
      if (kernelOf(threadId) === session.live) {
        this.reporter.goesOn(session, threadId);
        this.reporter.dormantStandStill(session);
      } else {
        this.reporter.handOver(session, kernelOf(threadId));
      }
    });
  }

  protected override restartRequest(response: DebugProtocol.RestartResponse): void {
    const work = async (): Promise<void> => {
      const { jump: session } = this.required();
      await restart(session);
      if (!session.run.isStopped) this.reporter.continued(session);
    };
    void this.answer(response, work, true);
  }

  protected override disconnectRequest(response: DebugProtocol.DisconnectResponse): void {
    // Not every client ends an adapter that it has disconnected from: dap-mode waits for it to go.
    void this.answer(response, async () => this.end()).then(() => {
      this.shutdown();
    });
  }

  protected override terminateRequest(response: DebugProtocol.TerminateResponse): void {
    void this.answer(response, async () => {
      await this.end();
      this.sendEvent(new TerminatedEvent());
    });
  }

  /** Ends the machine and everything around it. */
  async end(): Promise<void> {
    this.launchAborted.abort();
    await this.running?.jump.stop();
  }

  private startSession(
    response: DebugProtocol.Response,
    configuration: LaunchConfiguration | AttachConfiguration,
  ): void {
    void this.answer(response, async () => {
      this.follow(await startMachine(configuration, this.progress(), this.launchAborted.signal));
      this.sendEvent(new InitializedEvent());
    });
  }

  /** A bar at the client, if it has one. */
  private progress(): Progress {
    const send = (event: DebugProtocol.Event): void => {
      this.sendEvent(event);
    };
    return new Progress(this.supportsProgress ? send : undefined);
  }

  /** Everything of the session is told from now on. */
  private follow(session: JumpSession): void {
    const ahead = new ReadAhead(session);
    const running = {
      ahead,
      jump: session,
      breakpoints: new Breakpoints(session),
      variables: new Variables(session, ahead),
      variablesChanged: () => {
        this.sendEvent(new InvalidatedEvent(['variables']));
      },
    };
    this.running = running;
    this.reporter.follow(session, (kernel, number) => running.breakpoints.idOf(kernel, number));
    session.run.lookAtBreakpoint = async (stop) => this.lookAtBreakpoint(running, stop);
    void running.breakpoints.setExceptions();
    session.on('continued', (kernel) => {
      running.variables.forget(kernel);
    });
    session.on(
      'ended',
      () =>
        void this.end().finally(() => {
          this.sendEvent(new TerminatedEvent());
        }),
    );
  }

  /** A logpoint prints its message and does not stop; an exception stops with its text. */
  private async lookAtBreakpoint(
    { breakpoints, jump: session }: Running,
    stop: SessionStop,
  ): Promise<SessionStop | undefined> {
    const { kernel, cpu, breakpoint, results } = stop;
    const { stops, logMessage, exception } = breakpoints.hit(kernel, breakpoint ?? 0);
    const gdb = session.gdbs[kernel];
    if (logMessage !== undefined) {
      this.reporter.log(await interpolate(logMessage, async (expression) => gdb.evaluate(expression)));
    }
    if (!exception) return stops ? stop : undefined;
    const described = await describeException(exception, gdb, cpu, () => session.consoleTail(kernel));
    return exceptionStop(kernel, results, described);
  }

  /** Kernel A boots; then, if the configuration says so, it jumps. Or the machine is as in a snapshot. */
  private async followBoot(session: JumpSession, snapshot: string | undefined): Promise<void> {
    try {
      if (snapshot !== undefined) {
        await beginAtSnapshot(session, snapshot);
        return;
      }
      const { machine } = session.configuration;
      const resumes = machine.kind === 'launch' && machine.resume !== undefined;
      if (!resumes) await waitForKernelA(session);
      const begin = async (): Promise<void> =>
        resumes ? resumeWithProgress(session, this.progress()) : this.goOnFromKernelA(session);
      await begin().catch((error: unknown) => {
        if (error instanceof UserFacingError && error.code === 'preflight-breaks') session.preflight.hold(begin);
        throw error;
      });
    } catch (error) {
      if (!session.isEnding) this.reporter.tell(error as Error);
    }
  }

  /** What the configuration wants of a kernel A that has booted. */
  private async goOnFromKernelA(session: JumpSession): Promise<void> {
    const { autoJump, hibernate } = session.configuration;
    if (hibernate) {
      const { path, bytes, compared } = await session.hibernation.save(hibernate);
      this.reporter.log(`Kernel A is saved in ${path}: ${bytes} bytes, ${compared} pages as they are in memory.`);
    } else if (autoJump) {
      await jump(session);
    }
  }

  private required(): Running {
    if (!this.running) throw noSession();
    return this.running;
  }

  /**
   * Answers a request with what the work returns, or with the sentence of its error. The client shows the sentence where
   * the answer would be (a variable's value, a hover), or in a message of its own. Resolves when the answer is sent.
   */
  private async answer(response: DebugProtocol.Response, work: () => unknown, showsFailure = false): Promise<void> {
    try {
      const body = await work();
      if (body !== undefined) response.body = body;
      this.sendResponse(response);
    } catch (error) {
      const text = error instanceof UserFacingError ? error.describe() : (error as Error).message;
      // Nobody wants to be told that what they ended did not come to its end.
      const showUser = this.launchAborted.signal.aborted ? { showUser: false } : showsFailure && { showUser: true };
      // The underscore lets the base class put the sentence into "message" too, which is all that some clients show.
      this.sendErrorResponse(response, { id: 1, format: '{_text}', variables: { _text: text }, ...showUser });
    }
  }
}
