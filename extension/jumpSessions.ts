/** The debug sessions of ours that are under way, and what can be done in the one the user looks at. */
import * as vscode from 'vscode';
import { DEBUG_TYPE, type CustomEvents, type CustomRequests, type JumpState } from '../debug-adapter/protocol.ts';

/** Context keys that commands are enabled by. */
const CAN_JUMP = 'kexecJump.canJump';
const HAS_SESSION = 'kexecJump.hasSession';
const CAN_JUMP_BACK = 'kexecJump.canJumpBack';
const IN_SWAP = 'kexecJump.inSwap';
const ASLEEP = 'kexecJump.asleep';

export class JumpSessions implements vscode.Disposable {
  private readonly states = new Map<string, JumpState>();
  private readonly changed = new vscode.EventEmitter<JumpState | undefined>();
  private readonly consolesOpened = new vscode.EventEmitter<CustomEvents['kexecJump/consoles']>();
  private readonly met = new vscode.EventEmitter<CustomEvents['kexecJump/exception']>();
  private readonly audited = new vscode.EventEmitter<CustomEvents['kexecJump/audited']>();
  private readonly transferred = new vscode.EventEmitter<CustomEvents['kexecJump/transfer']>();
  private readonly broke = new vscode.EventEmitter<CustomEvents['kexecJump/preflight']>();
  private readonly began = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable;
  private current: vscode.DebugSession | undefined;

  /** What the user's session can do; `undefined` when there is none. */
  readonly onDidChange = this.changed.event;
  readonly onDidOpenConsoles = this.consolesOpened.event;
  /** A kernel met an exception. */
  readonly onDidMeetException = this.met.event;
  /** A part of a jump was audited. */
  readonly onDidAudit = this.audited.event;
  /** The session begins, and rules of the preflight break. */
  readonly onDidBreakRules = this.broke.event;
  /** An image is being saved or loaded. */
  readonly onDidTransfer = this.transferred.event;
  /** A session begins: what was told of the exceptions of the one before is over. */
  readonly onDidBegin = this.began.event;

  constructor() {
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      this.consolesOpened,
      this.met,
      this.audited,
      this.transferred,
      this.broke,
      this.began,
      vscode.debug.onDidStartDebugSession((session) => {
        if (session.type !== DEBUG_TYPE) return;
        this.began.fire();
        this.show(session);
      }),
      vscode.debug.onDidChangeActiveDebugSession((session) => {
        if (session?.type === DEBUG_TYPE) this.show(session);
      }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        if (session.type !== DEBUG_TYPE) return;
        this.states.delete(session.id);
        if (this.current?.id === session.id) this.show(undefined);
      }),
      vscode.debug.onDidReceiveDebugSessionCustomEvent(({ session, event, body }) => {
        if (session.type !== DEBUG_TYPE) return;
        if (event === 'kexecJump/consoles') {
          this.consolesOpened.fire(body as CustomEvents['kexecJump/consoles']);
        } else if (event === 'kexecJump/exception') {
          this.met.fire(body as CustomEvents['kexecJump/exception']);
        } else if (event === 'kexecJump/transfer') {
          this.transferred.fire(body as CustomEvents['kexecJump/transfer']);
        } else if (event === 'kexecJump/preflight') {
          this.broke.fire(body as CustomEvents['kexecJump/preflight']);
        } else if (event === 'kexecJump/audited') {
          this.audited.fire(body as CustomEvents['kexecJump/audited']);
        } else if (event === 'kexecJump/state') {
          this.states.set(session.id, body as JumpState);
          this.show(session);
        }
      }),
    );
  }

  /** The session that the user looks at. */
  get active(): vscode.DebugSession | undefined {
    return this.current;
  }

  /**
   * Sends a request of ours to the user's session.
   * @throws Error with the adapter's sentence, or when there is no session.
   */
  async request<Name extends keyof CustomRequests>(
    name: Name,
    argumentsOfRequest: CustomRequests[Name]['arguments'],
  ): Promise<CustomRequests[Name]['body']> {
    if (!this.current) throw new Error('No Kexec Jump session is running. Start one with F5.');
    return (await this.current.customRequest(name, argumentsOfRequest)) as CustomRequests[Name]['body'];
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private show(session: vscode.DebugSession | undefined): void {
    this.current = session;
    const state = session && this.states.get(session.id);
    void vscode.commands.executeCommand('setContext', HAS_SESSION, session !== undefined);
    void vscode.commands.executeCommand('setContext', CAN_JUMP, state?.canJump ?? false);
    void vscode.commands.executeCommand('setContext', CAN_JUMP_BACK, state?.canJumpBack ?? false);
    void vscode.commands.executeCommand('setContext', ASLEEP, state?.asleep ?? false);
    void vscode.commands.executeCommand('setContext', IN_SWAP, state?.phase.startsWith('swapping') ?? false);
    this.changed.fire(state);
  }
}
