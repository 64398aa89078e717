/** What a session tells its client unasked: stops, phases, output, the state of the jump. */
import { ContinuedEvent, Event as DapEvent, InvalidatedEvent, OutputEvent, StoppedEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { KernelGdb } from '../gdb/kernelGdb.ts';
import type { KernelName } from '../jump/kernel.ts';
import { PHASE_MEANING } from '../jump/phases.ts';
import type { JumpSession } from '../jump/session.ts';
import type { SessionStop } from '../jump/stops.ts';
import type { CustomEvents, PhaseEvent } from '../protocol.ts';
import { threadOf } from './threads.ts';

export interface ReportOptions {
  /** Whether gdb's every message is told, as telemetry, which clients do not show. */
  trace: boolean;
  /** DAP's id of the breakpoint that a kernel's gdb knows by a number. */
  breakpointId: (kernel: KernelName, number: number) => number | undefined;
}

export class Reporter {
  constructor(private readonly send: (event: DebugProtocol.Event) => void) {}

  /** Tells everything that happens in a session from now on, but its end. */
  follow(session: JumpSession, { trace, breakpointId }: ReportOptions): void {
    session.on('stopped', (stop) => {
      this.stopped(stop, stop.breakpoint === undefined ? undefined : breakpointId(stop.kernel, stop.breakpoint));
    });
    session.router.on('live', () => {
      // The threads' names say which kernel is live.
      this.send(new InvalidatedEvent(['threads']));
    });
    session.on('phase', (phase) => {
      this.phase(phase);
    });
    session.on('state', () => {
      this.sendCustom('kexecJump/state', session.state);
    });
    if (trace) {
      session.on('trace', (line) => {
        this.print(line + '\n', 'telemetry');
      });
    }
    session.on('problem', (error) => {
      this.tell(error);
    });
    session.on('ended', (error) => {
      if (error) this.tell(error);
    });
  }

  /** Tells that the machine goes on without having been told to by a request that says so. */
  continued(session: JumpSession): void {
    this.send(new ContinuedEvent(threadOf(session.live), true));
  }

  /** Tells of a failure, with what the user can do. */
  tell(error: Error): void {
    this.print((error instanceof UserFacingError ? error.describe() : error.message) + '\n', 'important');
  }

  /** Prints a line of a logpoint. */
  log(line: string): void {
    this.print(line + '\n', 'console');
  }

  sendCustom<Name extends keyof CustomEvents>(name: Name, body: CustomEvents[Name]): void {
    this.send(new DapEvent(name, body));
  }

  private phase(phase: PhaseEvent): void {
    this.sendCustom('kexecJump/phase', phase);
    const seconds = phase.seconds.toFixed(2).padStart(7);
    this.print(`${seconds} s  ${phase.phase.padEnd(14)}  ${PHASE_MEANING[phase.phase]}\n`, 'console');
  }

  private stopped(stop: SessionStop, breakpoint: number | undefined): void {
    // VS Code brings the Run and Debug view up for the reason "breakpoint" only.
    const reason = stop.reason === 'phase' ? 'breakpoint' : stop.reason;
    const event: DebugProtocol.StoppedEvent = new StoppedEvent(reason, threadOf(stop.kernel));
    event.body.description = stop.description;
    event.body.allThreadsStopped = true;
    if (breakpoint !== undefined) event.body.hitBreakpointIds = [breakpoint];
    const { function: name, file, line, address } = KernelGdb.location(stop.results);
    this.print(`           ${stop.description}: ${name || address}${file ? ` at ${file}:${line}` : ''}\n`, 'console');
    this.send(event);
  }

  private print(text: string, category: 'console' | 'important' | 'telemetry'): void {
    this.send(new OutputEvent(text, category));
  }
}
