/**
 * Every failure of this room that a person can see. Each says what happened, keeps the evidence (stderr, packet, log)
 * and says what to do next.
 */

/** A failure with a sentence for its user: `message` says what and where, `action` what to do next. */
export class UserFacingError extends Error {
  /** Stable name of the failure, for tests and for callers that react to one kind. */
  readonly code: string;
  /** What the user can do next, one sentence. */
  readonly action: string;
  /** Captured output that shows the cause, if there is any. */
  readonly evidence: string;

  constructor(code: string, message: string, action: string, evidence = '') {
    super(message);
    this.name = 'UserFacingError';
    this.code = code;
    this.action = action;
    this.evidence = evidence;
  }

  /** The whole story as text: what happened, what to do, and the captured evidence. */
  describe(): string {
    const evidence = this.evidence.trim();
    return `${this.message} ${this.action}${evidence ? `\n${evidence}` : ''}`;
  }
}
