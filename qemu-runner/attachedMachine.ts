/** A machine that the user started: we look at it, and leave it as it is when we go. */
import { EventEmitter } from 'node:events';
import { connectionRefused } from './errors.ts';
import { QmpClient, type QmpObject } from './qmp.ts';

/** Where a machine of the user's can be reached: unix sockets by path, or `host:port` with a loopback host. */
export interface AttachTarget {
  gdbstub: string;
  qmp?: string | undefined;
  /** Path of the file behind the guest's memory (memory-backend-file,share=on). */
  ram?: string | undefined;
}

/** What a debugger cannot do in a machine of the user's for lack of an address, a sentence each. */
export function notAvailable({ qmp, ram }: AttachTarget): string[] {
  return [
    ...(qmp === undefined
      ? ['Without "qmp": no snapshots and no Restart, no descriptor tables, and a power-off is not noticed.']
      : []),
    ...(ram === undefined
      ? ['Without "ram": memory of a dormant or running kernel can be read only while the machine is stopped.']
      : []),
    "The guest's consoles and its agent are yours: load and jump in the guest, the session follows.",
  ];
}

export class AttachedMachine extends EventEmitter<{ event: [string, QmpObject]; died: [Error] }> {
  private constructor(
    /** Without it there are no snapshots, no descriptor tables, and a power-off is not noticed. */
    readonly qmp: QmpClient | undefined,
  ) {
    super();
    qmp?.on('event', (name, data) => this.emit('event', name, data));
  }

  /** @throws UserFacingError `connection-refused` when nobody listens at the QMP address. */
  static async attach({ qmp }: AttachTarget): Promise<AttachedMachine> {
    if (qmp === undefined) return new AttachedMachine(undefined);
    const client = await QmpClient.connect(qmp).catch((error: unknown) => {
      throw connectionRefused('QMP', qmp, (error as Error).message);
    });
    return new AttachedMachine(client);
  }

  /** Size of the machine's RAM in bytes, if it can be asked. */
  async ramSize(): Promise<number | undefined> {
    const summary = (await this.qmp?.command('query-memory-size-summary')) as { 'base-memory': number } | undefined;
    return summary?.['base-memory'];
  }

  /** The user sees the consoles, we do not. */
  consoleTail(): string {
    return '';
  }

  async stop(): Promise<void> {
    this.qmp?.close();
    return Promise.resolve();
  }
}
