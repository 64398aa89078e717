/** The contenders that still run, and rounds among them: each in turn, so that noise of the machine hits all alike. */
import type { Contender, ContenderName } from './contender.ts';
import type { Samples } from './samples.ts';

export class Field {
  /** Why a contender, or a whole quantity by its title, was not measured, or not to the end. */
  readonly skipped = new Map<string, string>();
  /** What made the work of the contenders unequal. */
  readonly notes: string[] = [];
  private readonly contenders: Contender[] = [];

  /** Starts a contender; one that does not start is skipped. */
  async enter(name: ContenderName, start: () => Promise<Contender>): Promise<void> {
    try {
      this.contenders.push(await start());
    } catch (error) {
      this.skipped.set(name, reasonOf(error));
    }
  }

  /** Those that nothing has stopped yet. */
  running(): Contender[] {
    return this.contenders.filter(({ name }) => !this.skipped.has(name));
  }

  /** Lets each do something, one after the other; one that fails is out. */
  async each(work: (contender: Contender) => Promise<void>): Promise<void> {
    for (const contender of this.running()) {
      try {
        await work(contender);
      } catch (error) {
        this.skipped.set(contender.name, reasonOf(error));
      }
    }
  }

  /** Measures in rounds; `measure` returns the samples of one contender in one round, counted from 0. */
  async rounds(
    count: number,
    measure: (contender: Contender, round: number) => Promise<number[]>,
    samples: Samples = new Map(),
  ): Promise<Samples> {
    for (let round = 0; round < count; round++) {
      await this.each(async (contender) => {
        const before = samples.get(contender.name) ?? [];
        samples.set(contender.name, [...before, ...(await measure(contender, round))]);
      });
    }
    return samples;
  }

  /** Notes it if something that must be the same of all contenders is not. */
  async compare(what: string, look: (contender: Contender) => Promise<string>): Promise<void> {
    const seen = new Map<string, ContenderName[]>();
    await this.each(async (contender) => {
      const value = await look(contender);
      seen.set(value, [...(seen.get(value) ?? []), contender.name]);
    });
    if (seen.size < 2) return;
    const differing = [...seen].map(([value, names]) => `${names.join(' and ')}: ${value}`);
    this.notes.push(`${what} differs: ${differing.join('; ')}`);
  }

  async end(): Promise<void> {
    await Promise.all(this.contenders.map(async (contender) => contender.end().catch(() => undefined)));
  }
}

/** The first line of what an error says. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
