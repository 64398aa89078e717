/** Suspend to RAM: the machine sleeps with both kernels in its memory, until it is woken. QEMU tells of both by events. */
import { once } from 'node:events';
import { agentRefused } from '../../qemu-runner/errors.ts';
import { parseFields } from '../../qemu-runner/agent.ts';
import { cannotSuspend, notNow } from '../errors.ts';
import { answerLater } from './commands.ts';
import type { JumpSession } from './session.ts';

/** What it says of suspend to RAM; s2idle is another thing, in which the CPU only waits. */
const STATES = '/sys/power/mem_sleep';
const TO_RAM = /\bdeep\b/;
/** Milliseconds until the machine sleeps; the kernel suspends its devices before. */
const ASLEEP_MS = 60_000;

/** QEMU's control connection, as far as it is needed to wake a machine. */
interface Wakeable {
  on(event: 'event', listener: (name: string) => void): unknown;
  qmp: { command(name: string): Promise<unknown> } | undefined;
}

export class Suspension {
  constructor(
    private readonly session: JumpSession,
    private readonly machine: Wakeable,
  ) {
    machine.on('event', (name) => {
      if (name === 'SUSPEND') this.setAsleep(true);
      // A machine that is reset or brought back to a snapshot is awake as well.
      if (name === 'WAKEUP' || name === 'RESET' || name === 'RESUME') this.setAsleep(false);
    });
  }

  /** Whether the machine has stopped executing, and waits to be woken. */
  get isAsleep(): boolean {
    return this.session.run.isAsleep;
  }

  /** @throws UserFacingError `cannot-suspend` when the live kernel has no suspend to RAM. */
  async mustBePossible(): Promise<void> {
    const { output = '' } = parseFields(await this.session.agent.request('run', `cat ${STATES}`));
    const states = Buffer.from(output, 'base64').toString().trim();
    if (!TO_RAM.test(states)) throw cannotSuspend(this.session.titleOf(this.session.live), STATES, states);
  }

  /**
   * The live kernel suspends to RAM. Resolves when the machine sleeps.
   * @param woken is called when it has been woken and the kernel runs its programs again.
   * @throws UserFacingError `agent-refused` with the kernel's words when it does not fall asleep.
   */
  async begin(woken: () => void): Promise<void> {
    const { session } = this;
    const limit = AbortSignal.timeout(ASLEEP_MS);
    const asleep = this.isAsleep ? Promise.resolve() : this.nextSleep(limit);
    const answer = session.agent.request('suspend', '', Infinity);
    await Promise.race([asleep, answer]);
    const goOn = async (): Promise<string> => {
      const text = await answer;
      woken();
      return text;
    };
    answerLater(session, goOn());
  }

  /** Wakes the machine. @throws UserFacingError `not-now`. */
  async wake(): Promise<void> {
    const { qmp } = this.machine;
    if (!this.isAsleep || !qmp) {
      throw notNow(
        'Kexec Wake',
        'the machine does not sleep',
        'Let kernel B suspend to RAM first: "Kexec Hibernate…".',
      );
    }
    await qmp.command('system_wakeup');
  }

  private async nextSleep(signal: AbortSignal): Promise<void> {
    try {
      while (!this.isAsleep) await once(this.session, 'state', { signal });
    } catch {
      throw agentRefused('suspend', 'the machine did not fall asleep');
    }
  }

  private setAsleep(isAsleep: boolean): void {
    if (this.session.run.isAsleep === isAsleep) return;
    this.session.run.isAsleep = isAsleep;
    this.session.emit('state');
  }
}
