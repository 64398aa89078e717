/** A session: one machine, a gdb for each kernel, the router between them and the tracker that follows the jump. */
import { EventEmitter } from 'node:events';
import type { GuestAgent } from '../../qemu-runner/agent.ts';
import { notAvailable } from '../../qemu-runner/attachedMachine.ts';
import { Machine } from '../../qemu-runner/machine.ts';
import type { ResolvedConfiguration } from '../configuration.ts';
import { sessionStopped } from '../errors.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import type { AuditEvent, JumpState, KexecCallEvent, PhaseEvent, TransferEvent } from '../protocol.ts';
import type { Router } from '../rsp/router.ts';
import { JumpAudit } from './audit.ts';
import type { Facts } from '../preflight/facts.ts';
import { PreflightGate } from '../preflight/gate.ts';
import { gatherFacts } from '../preflight/gather.ts';
import { discover } from './discovery.ts';
import { JumpLog } from './jumpLog.ts';
import { KERNEL_NAMES, type Kernel, type KernelName } from './kernel.ts';
import { Hibernation } from './hibernation.ts';
import { describeFailure } from './kexecCalls.ts';
import { JUMPING_FUNCTION } from './kexecCode.ts';
import type { MachineMemory } from './machineMemory.ts';
import { SessionMemory } from './memory.ts';
import { startParts, stopParts, type SessionParts } from './parts.ts';
import { claimOnlineCpus } from './onlineCpus.ts';
import { readScene, type ResetScene } from './resetScene.ts';
import { RunControl, type RunEvents } from './runControl.ts';
import { savedKernelOf } from './savedKernel.ts';
import { Snapshots } from './snapshots.ts';
import { StopChoice } from './stopChoice.ts';
import { SwapWatch } from './swapWatch.ts';
import { Suspension } from './suspension.ts';
import { Symbols } from './symbols.ts';
import { parseCpus, parseSystemRegisters, type SystemRegisters } from './systemRegisters.ts';

interface SessionEvents extends RunEvents {
  phase: [PhaseEvent];
  /** A call of kernel_kexec() returned. */
  call: [KexecCallEvent];
  /** A part of a jump was audited. */
  audited: [AuditEvent];
  /** An image is being saved or loaded. */
  transfer: [TransferEvent];
  /** Something the user should know, and need not do anything about. */
  note: [string];
  /** The machine is gone; with an Error unless it was powered off. */
  ended: [Error | undefined];
  /** What goes to and comes from a gdb. */
  trace: [string];
}

export class JumpSession extends EventEmitter<SessionEvents> {
  readonly log = new JumpLog();
  readonly stopChoice: StopChoice;
  readonly run: RunControl;
  readonly snapshots: Snapshots;
  readonly audit: JumpAudit;
  readonly preflight: PreflightGate;
  readonly hibernation = new Hibernation(this);
  readonly suspension: Suspension;
  /** The swap that is under way. */
  readonly swap: SwapWatch;
  private readonly memory: SessionMemory;
  private stopping: Promise<void> | undefined;
  /** What the agent of kernel B's place calls itself: C is who resumes kernel A. */
  peerRole: 'B' | 'C';

  /** @throws UserFacingError `invalid-configuration`: `stopAt` names what there is not. */
  constructor(
    readonly configuration: ResolvedConfiguration,
    private readonly parts: SessionParts,
    facts?: Facts,
  ) {
    super();
    this.preflight = new PreflightGate(configuration.preflight, facts);
    const { machine, router, tracker, agent, folder, kernels, gdbs, memory } = parts;
    this.stopChoice = new StopChoice(configuration.stopAt, kernels);
    this.memory = new SessionMemory(router, memory, kernels);
    const imageOf = (point: string): string => folder.file(`${point}.qcow2`);
    this.snapshots = new Snapshots({
      ...{ qmp: machine.qmp, router, tracker, agent, configuration, kernels, memory, imageOf },
    });
    this.audit = new JumpAudit(tracker, memory, kernels);
    this.audit.isOn = configuration.audit;
    this.swap = new SwapWatch(tracker, memory);
    this.peerRole = configuration.machine.kind === 'launch' && configuration.machine.resume ? 'C' : 'B';
    const symbols = new Symbols(configuration, gdbs);
    symbols.follow(tracker);
    const { stopChoice } = this;
    const sceneOfReset = async (): Promise<ResetScene | undefined> => this.sceneOfReset();
    const { isSaved } = this;
    this.run = new RunControl({ router, gdbs, tracker, kernels, symbols, stopChoice, isSaved, sceneOfReset });
    this.suspension = new Suspension(this, machine);
    this.forward();
    this.followJump();
    this.watch();
  }

  /** Starts everything, with the machine stopped before its first instruction. */
  static async start(configuration: ResolvedConfiguration): Promise<JumpSession> {
    const facts = configuration.preflight === 'off' ? undefined : await gatherFacts(configuration);
    const parts = await startParts(configuration);
    try {
      return new JumpSession(configuration, parts, facts);
    } catch (error) {
      await stopParts(parts);
      throw error;
    }
  }

  get router(): Router {
    return this.parts.router;
  }

  get gdbs(): Readonly<Record<KernelName, KernelGdb>> {
    return this.parts.gdbs;
  }

  get kernels(): Readonly<Record<KernelName, Kernel>> {
    return this.parts.kernels;
  }

  /** The machine's physical memory. */
  get physical(): MachineMemory {
    return this.parts.memory;
  }

  get agent(): GuestAgent {
    return this.parts.agent;
  }

  /** Sockets at which the consoles can be joined; none of a machine that the user started. */
  get consoles(): { A: string; B: string; qemu: string } | undefined {
    const { folder, machine } = this.parts;
    if (!(machine instanceof Machine)) return undefined;
    return {
      A: folder.file('console-A.socket'),
      B: folder.file('console-B.socket'),
      qemu: folder.file('qemu.socket'),
    };
  }

  /** The file behind the disk to which kernel B saves. */
  get hibernationDisk(): string | undefined {
    const { machine } = this.parts;
    return machine instanceof Machine ? machine.paths.hibernationDisk : undefined;
  }

  /** What a kernel's console printed last. */
  consoleTail(kernel: KernelName): string {
    return this.parts.machine.consoleTail(kernel);
  }

  /** Whether instruction breakpoints take debug registers. */
  get isKvm(): boolean {
    const { machine } = this.configuration;
    return machine.kind === 'launch' && machine.qemu.accel === 'kvm';
  }

  /** Whether a saved image is debugged, and no machine. */
  get isSaved(): boolean {
    return this.configuration.machine.kind === 'image';
  }

  /** The live kernel. */
  get live(): KernelName {
    return this.router.live as KernelName;
  }

  /** Whether the user is told by a stop when a call of kernel_kexec() fails, or by a note. */
  set stopsAtFailedJumps(stops: boolean) {
    this.parts.tracker.stopsAtFailures = stops;
  }

  /** What a kernel is called: in kernel B's place may be C. */
  titleOf(kernel: KernelName): string {
    return kernel === 'A' ? 'A' : this.peerRole;
  }

  /** Whether a kernel was on the CPU and left it. */
  isDormant(kernel: KernelName): boolean {
    return kernel !== this.live && this.router.dormantView(kernel) !== undefined;
  }

  get isEnding(): boolean {
    return this.stopping !== undefined;
  }

  get state(): JumpState {
    const { phase } = this.parts.tracker;
    const { isStopped, isAboutToStop, isAsleep } = this.run;
    const isFree = !isStopped && !isAboutToStop && !isAsleep;
    return {
      live: this.live,
      phase: phase ?? '',
      running: !isStopped,
      asleep: isAsleep,
      canJump: isFree && phase === 'A running' && this.agent.isReady('A'),
      canJumpBack: isFree && phase === 'B running' && this.agent.isReady('B'),
      peer: this.peerRole,
    };
  }

  /** Lets the machine run from its first instruction. */
  async begin(): Promise<void> {
    const { tracker } = this.parts;
    const saved = savedKernelOf(this.configuration.machine, this.kernels.A, this.router.layout);
    if (saved) {
      await tracker.beginResume(saved);
      await this.run.tellGdbs();
      saved.boot.kernelKexecReturnsTo = await this.gdbs.A.callerOf(JUMPING_FUNCTION, this.router.stoppedCpu);
    } else {
      await tracker.begin();
    }
    await this.run.execute(this.live, '-exec-continue');
    if (saved) this.emit('dormant', 'A');
  }

  /** Finds out where the jump of a machine of the user's, or of a saved one, stands, and stops there. */
  async attach(): Promise<void> {
    const { router, tracker, memory, kernels } = this.parts;
    const registers = await router.registers();
    const found = await discover({ memory, layout: router.layout, registers, kernels });
    if (!found) await tracker.begin();
    else await tracker.startFrom(found);
    if (found) await claimOnlineCpus(router, kernels);
    await this.run.tellGdbs();
    const { A } = this.kernels;
    if (this.isDormant('A'))
      A.boot.kernelKexecReturnsTo = await this.gdbs.A.callerOf(JUMPING_FUNCTION, this.router.stoppedCpu);
    const { machine } = this.configuration;
    const notes =
      machine.kind === 'attach' ? notAvailable(machine) : machine.kind === 'image' ? machine.image.notes : [];
    for (const line of notes) this.emit('note', line);
    await this.run.standStill(this.isSaved ? 'Saved image' : 'Attached');
  }

  /** Reads memory of a kernel by virtual address, or of the machine; `undefined` when any of it is not there. */
  async readMemory(space: KernelName | 'physical', address: number, length: number): Promise<Buffer | undefined> {
    return this.memory.read(space, address, length);
  }

  /** Writes memory of the stopped live kernel, or of the stopped machine. @returns whether all of it is there. */
  async writeMemory(space: KernelName | 'physical', address: number, bytes: Buffer): Promise<boolean> {
    const written = await this.memory.write(space, address, bytes);
    this.gdbs[this.live].forgetCaches();
    return written;
  }

  /** GDT and IDT of the CPU, which gdb does not know. */
  async systemRegisters(): Promise<SystemRegisters | undefined> {
    const registers = await this.monitor('info registers');
    return registers === undefined ? undefined : parseSystemRegisters(registers);
  }

  /** What a machine that was reset says of why. */
  private async sceneOfReset(): Promise<ResetScene | undefined> {
    const registers = await this.monitor('info registers -a');
    return registers === undefined
      ? undefined
      : readScene(parseCpus(registers), this.physical, this.kernels, this.live);
  }

  private async monitor(line: string): Promise<string | undefined> {
    const answer = await this.parts.machine.qmp?.command('human-monitor-command', { 'command-line': line });
    return typeof answer === 'string' ? answer : undefined;
  }

  /** Ends everything that the session started. Safe to call more than once. */
  async stop(): Promise<void> {
    this.stopping ??= (async () => {
      this.run.end();
      this.agent.close(sessionStopped());
      this.router.removeAllListeners();
      await stopParts(this.parts);
    })();
    return this.stopping;
  }

  /** What run control tells, the session tells. */
  private forward(): void {
    this.run.on('stopped', (stop) => this.emit('stopped', stop));
    this.run.on('continued', (kernel) => this.emit('continued', kernel));
    this.run.on('dormant', (kernel) => this.emit('dormant', kernel));
    this.run.on('state', () => this.emit('state'));
    this.run.on('problem', (error) => this.emit('problem', error));
  }

  private followJump(): void {
    const { tracker } = this.parts;
    tracker.on('phase', (phase, kernel) => {
      this.emit('phase', this.log.begin(phase, kernel));
      this.emit('state');
    });
    tracker.on('callBegins', (kernel, name) => {
      this.log.beginCall(kernel, name);
    });
    tracker.on('callEnds', (_, name, error) => {
      const call = this.log.endCall(name, error);
      if (call) this.emit('call', call);
    });
    tracker.on('callFailed', (failure) => {
      if (!tracker.stopsAtFailures) this.emit('note', describeFailure(failure));
    });
    tracker.on('located', (kernel) => {
      if (kernel.name === 'B') this.peerRole = tracker.resumes ? 'C' : 'B';
      this.agent.forget(this.titleOf(kernel.name));
    });
    tracker.on('problem', (error) => this.emit('problem', error));
    this.audit.on('judged', (event) => {
      this.emit('audited', event);
      this.emit('note', event.line);
    });
  }

  private watch(): void {
    for (const name of KERNEL_NAMES) {
      const gdb = this.gdbs[name];
      gdb.on('died', (error) => this.emit('ended', error));
      gdb.on('line', (line) => this.emit('trace', `gdb ${name} ${line}`));
    }
    this.agent.on('hello', (role) => {
      if (role !== 'A') this.peerRole = role === 'C' ? 'C' : 'B';
      this.emit('state');
    });
    this.router.on('running', () => {
      this.log.time.start();
    });
    this.router.on('stopped', () => {
      this.log.time.stop();
    });
    this.router.on('lost', (error) => this.emit('ended', error));
    this.parts.machine.on('died', (error) => this.emit('ended', error));
    this.parts.machine.on('event', (name, data) => {
      // With `-action shutdown=pause` the dead machine stays, with its registers as they were.
      if (name === 'SHUTDOWN' && data['reason'] === 'guest-shutdown') this.emit('ended', undefined);
    });
  }
}
