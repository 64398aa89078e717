/**
 * The machine's CPUs, which QEMU's gdbstub calls threads: which of them stopped last, the registers of each, and how one is
 * stepped by itself. A CPU is known by its index, from 0 on; a machine with one CPU is never asked to select it.
 */
import type { RspClient } from './client.ts';
import { threadInReply } from './stopReply.ts';

export class Cpus {
  /** The CPU that stopped last. */
  current = 0;
  /** The CPU whose registers and page tables QEMU takes, and the one that it reports when it is told to stop (Hg, Hc). */
  private selected = 0;
  private reported = 0;
  /** `g` packets of the stopped machine. */
  private readonly known = new Map<number, Buffer>();

  private constructor(
    private readonly qemu: RspClient,
    /** QEMU's names of the CPUs. */
    private readonly threads: readonly string[],
  ) {}

  /** Asks a gdbstub for its CPUs; one that does not tell has one. */
  static async of(qemu: RspClient): Promise<Cpus> {
    const threads: string[] = [];
    for (let packet = 'qfThreadInfo'; ; packet = 'qsThreadInfo') {
      const answer = await qemu.request(packet);
      if (!answer.startsWith('m')) return new Cpus(qemu, threads.length > 0 ? threads : ['01']);
      threads.push(...answer.slice(1).split(','));
    }
  }

  get count(): number {
    return this.threads.length;
  }

  get indices(): readonly number[] {
    return [...this.threads.keys()];
  }

  /** The machine stopped. @param packet the stop reply. */
  stopped(packet: string): void {
    const index = this.threads.indexOf(threadInReply(packet) ?? '');
    if (index >= 0) this.current = this.selected = this.reported = index;
  }

  /** The machine goes on, or was changed: nothing is known of its CPUs any more. */
  forget(): void {
    this.known.clear();
  }

  /** The `g` packet of a CPU of the stopped machine. */
  async registers(cpu: number): Promise<Buffer> {
    const known = this.known.get(cpu);
    if (known) return known;
    const registers = Buffer.from(await this.on(cpu, async () => this.qemu.request('g')), 'hex');
    this.known.set(cpu, registers);
    return registers;
  }

  /**
   * Asks QEMU something about a CPU of the stopped machine: its registers, memory by its page tables.
   * @param send sends all its requests at once, so that no other CPU is selected in between.
   */
  async on<T>(cpu: number, send: () => Promise<T>): Promise<T> {
    if (this.selected !== cpu) this.select('g', cpu);
    this.selected = cpu;
    return send();
  }

  /** Lets all CPUs run. */
  run(): void {
    this.known.clear();
    this.qemu.send('c');
  }

  /**
   * Lets one CPU execute an instruction; the others stand still, which they do not with a plain `s`.
   * Source: QEMU, gdbstub.c, gdb_continue_partial().
   */
  step(cpu: number): void {
    this.known.clear();
    // At another stop than that of the step QEMU ends the step of the CPU that it reports, and of no other.
    if (this.reported !== cpu) this.select('c', cpu);
    this.reported = cpu;
    this.qemu.send(this.count === 1 ? 's' : `vCont;s:${this.threads[cpu]}`);
  }

  private select(forWhat: 'g' | 'c', cpu: number): void {
    // Of a link that is lost the router hears by itself.
    this.qemu.request(`H${forWhat}${this.threads[cpu]}`).catch(() => undefined);
  }
}
