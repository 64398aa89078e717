/** What a session tells its client unasked: stops, phases, output, the state of the jump. */
import {
  CapabilitiesEvent,
  ContinuedEvent,
  Event as DapEvent,
  OutputEvent,
  StoppedEvent,
  ThreadEvent,
} from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { KernelGdb } from '../gdb/kernelGdb.ts';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';
import { describeError } from '../jump/kexecCode.ts';
import { PHASE_MEANING } from '../jump/phases.ts';
import type { JumpSession } from '../jump/session.ts';
import type { SessionStop } from '../jump/stops.ts';
import { ruleLine } from '../preflight/report.ts';
import { nameKernels, type CustomEvents, type JumpState, type KexecCallEvent, type PhaseEvent } from '../protocol.ts';
import { cpusOf } from './stack.ts';
import { threadOf } from './threads.ts';

/** A state that is over before a person sees it is not told: a step takes 1 ms. */
const SHORTEST_STATE_MS = 20;

/** A step that takes longer than this is told to leave the dormant kernel where it is; most are over by then. */
const LONG_STEP_MS = 100;

export class Reporter {
  /** Whether each kernel is told to stand still or to run by itself; else both do as the machine does. */
  kernelsApart = false;
  private longStep: NodeJS.Timeout | undefined;
  private stateTimer: NodeJS.Timeout | undefined;
  private toldState = '';
  private stepsBack = false;

  constructor(private readonly send: (event: DebugProtocol.Event) => void) {}

  /**
   * Tells everything that happens in a session from now on, but its end.
   * @param breakpointId DAP's id of the breakpoint that a kernel's gdb knows by a number.
   */
  follow(session: JumpSession, breakpointId: (kernel: KernelName, number: number) => number | undefined): void {
    const { consoles, peerRole: peer } = session;
    if (consoles) this.sendCustom('kexecJump/consoles', { ...consoles, peer });
    session.on('stopped', (stop) => {
      clearTimeout(this.longStep);
      this.capabilities(session);
      this.stopped(
        session,
        stop,
        stop.breakpoint === undefined ? undefined : breakpointId(stop.kernel, stop.breakpoint),
      );
    });
    session.on('dormant', (kernel) => {
      this.handOver(session, kernel);
    });
    session.on('phase', (phase) => {
      this.phase(phase, session.peerRole);
    });
    session.on('call', (call) => {
      this.call(call);
    });
    session.on('state', () => {
      this.stateTimer ??= setTimeout(() => {
        this.stateTimer = undefined;
        this.state(session.state);
      }, SHORTEST_STATE_MS);
    });
    if (session.configuration.trace) {
      session.on('trace', (line) => {
        this.print(line + '\n', 'telemetry');
      });
    }
    session.on('audited', (event) => {
      this.sendCustom('kexecJump/audited', event);
    });
    session.on('transfer', (event) => {
      this.sendCustom('kexecJump/transfer', event);
    });
    session.on('note', (line) => {
      this.log(line);
    });
    session.on('problem', (error) => {
      this.tell(error);
    });
    session.on('ended', (error) => {
      if (error) this.tell(error);
    });
  }

  /** Tells what breaks before the machine runs. */
  preflight({ preflight, configuration: { hibernate } }: JumpSession): void {
    const rules = preflight.atLaunch(hibernate !== undefined);
    if (rules.length === 0) return;
    for (const rule of rules) this.print(`${ruleLine(rule)}\n`, 'important');
    this.sendCustom('kexecJump/preflight', { broken: rules, asks: preflight.asks });
  }

  /** Tells that the machine goes on without having been told to by a request that says so. */
  continued(session: JumpSession): void {
    this.send(new ContinuedEvent(threadOf({ kernel: session.live, cpu: session.router.stoppedCpu }), true));
  }

  /**
   * A kernel went dormant, and the one on the CPU runs. The thread goes and comes, so that a client that looked at it looks
   * at the kernel that runs from then on: there it finds Pause.
   */
  handOver(session: JumpSession, dormant: KernelName): void {
    if (!this.kernelsApart) return;
    if (!session.run.isStopped) this.goesOn(session);
    for (const thread of threadsOf(session, dormant)) this.send(new ThreadEvent('exited', thread));
    this.dormantStandStill(session);
  }

  /** Tells that the live kernel goes on, on all of its CPUs but one of which the client knows. */
  goesOn(session: JumpSession, known?: number): void {
    if (!this.kernelsApart) return;
    for (const thread of threadsOf(session, session.live)) {
      if (thread !== known) this.send(new ContinuedEvent(thread, false));
    }
  }

  /** A step has begun, and its answer was sent. */
  stepBegan(session: JumpSession): void {
    clearTimeout(this.longStep);
    if (session.run.isStopped) return;
    this.longStep = setTimeout(() => {
      this.dormantStandStill(session);
    }, LONG_STEP_MS).unref();
  }

  /** Tells, behind the news that the live kernel goes on, which kernels stand still. */
  dormantStandStill(session: JumpSession): void {
    if (!this.kernelsApart) return;
    for (const kernel of KERNEL_NAMES) if (session.isDormant(kernel)) this.standsStill(session, kernel);
  }

  /** Tells of a failure, with what the user can do. */
  tell(error: Error): void {
    this.print((error instanceof UserFacingError ? error.describe() : error.message) + '\n', 'important');
  }

  /** Prints a line, such as a logpoint's. */
  log(line: string): void {
    this.print(line + '\n', 'console');
  }

  sendCustom<Name extends keyof CustomEvents>(name: Name, body: CustomEvents[Name]): void {
    this.send(new DapEvent(name, body));
  }

  /** Steps back are there where they make sense: in the swap of pages. */
  private capabilities({ state: { phase } }: JumpSession): void {
    const supportsStepBack = phase.startsWith('swapping');
    if (supportsStepBack === this.stepsBack) return;
    this.stepsBack = supportsStepBack;
    this.send(new CapabilitiesEvent({ supportsStepBack }));
  }

  private state(state: JumpState): void {
    const text = JSON.stringify(state);
    if (text === this.toldState) return;
    this.toldState = text;
    this.sendCustom('kexecJump/state', state);
  }

  private phase(phase: PhaseEvent, peer: string): void {
    this.sendCustom('kexecJump/phase', phase);
    const seconds = phase.seconds.toFixed(2).padStart(7);
    const line = `${phase.phase.padEnd(14)}  ${PHASE_MEANING[phase.phase]}`;
    this.print(`${seconds} s  ${nameKernels(line, peer)}\n`, 'console');
  }

  private call(call: KexecCallEvent): void {
    this.sendCustom('kexecJump/call', call);
    const lasted = (call.returned ?? call.began) - call.began;
    const outcome = call.error === undefined ? `${lasted.toFixed(2)} s` : `failed: ${describeError(call.error)}`;
    this.print(`             ${call.function}()  ${outcome}\n`, 'console');
  }

  private stopped(session: JumpSession, stop: SessionStop, breakpoint: number | undefined): void {
    // VS Code brings the Run and Debug view up for the reason "breakpoint" only.
    const reason = stop.reason === 'phase' ? 'breakpoint' : stop.reason;
    const event: DebugProtocol.StoppedEvent = new StoppedEvent(reason, threadOf(stop));
    event.body.description = stop.description;
    event.body.allThreadsStopped = !this.kernelsApart;
    if (stop.exception) {
      event.body.text = stop.description;
      this.sendCustom('kexecJump/exception', { kernel: stop.kernel, ...stop.exception });
    }
    if (breakpoint !== undefined) event.body.hitBreakpointIds = [breakpoint];
    this.send(event);
    this.othersStop(session, stop);
    // Steps follow each other faster than anybody reads.
    if (stop.reason === 'step') return;
    const { function: name, file, line, address } = KernelGdb.location(stop.results);
    this.print(`           ${stop.description}: ${name || address}${file ? ` at ${file}:${line}` : ''}\n`, 'console');
  }

  /**
   * A dormant kernel can be looked at while its peer runs. 0.8 s after a thread went on VS Code gives the focus of that
   * one to one that stands still; not when the last that it heard to go on was another.
   * Source: VS Code, debugSession.ts, passFocusScheduler.
   */
  private standsStill(session: JumpSession, kernel: KernelName): void {
    for (const thread of threadsOf(session, kernel)) {
      this.send(new ContinuedEvent(thread, false));
      this.alsoStopped(thread, 'dormant', 'Dormant');
    }
  }

  /** A stop of one CPU stops the other ones of its kernel, too. */
  private othersStop(session: JumpSession, stop: SessionStop): void {
    if (!this.kernelsApart) return;
    const others = threadsOf(session, stop.kernel).filter((thread) => thread !== threadOf(stop));
    for (const thread of others) this.alsoStopped(thread, 'pause', `Paused with CPU ${stop.cpu}`);
  }

  /** A thread stands still, and the client goes on to show the one that it shows. */
  private alsoStopped(thread: number, reason: string, description: string): void {
    const event: DebugProtocol.StoppedEvent = new StoppedEvent(reason, thread);
    event.body.description = description;
    event.body.preserveFocusHint = true;
    event.body.allThreadsStopped = false;
    this.send(event);
  }

  private print(text: string, category: 'console' | 'important' | 'telemetry'): void {
    this.send(new OutputEvent(text, category));
  }
}

/** The threads of a kernel, one a CPU. */
function threadsOf(session: JumpSession, kernel: KernelName): number[] {
  return cpusOf(session, kernel).map((cpu) => threadOf({ kernel, cpu }));
}
