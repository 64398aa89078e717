/** Plain gdb: one process behind MI, straight on QEMU's own gdbstub. What its defaults are is left as it is. */
import { list, quote, text, tuple } from '../../debug-adapter/gdb/mi.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import { PAINTED_FRAMES, type Contender, type PaintedStop, type StepKind } from './contender.ts';
import { GuestMachine } from './guestMachine.ts';
import { MiClient, resultsOf } from './miClient.ts';

const STEP: Record<StepKind, string> = {
  instruction: '-exec-step-instruction',
  'line into': '-exec-step',
  'line over': '-exec-next',
};

const CONTENTS = 'contents="';

export class PlainGdb implements Contender {
  readonly name = 'plain gdb';
  private stopLine = '';
  private objects: string[] = [];

  private constructor(
    private readonly machine: GuestMachine,
    private readonly gdb: MiClient,
  ) {}

  static async start(lab: Lab): Promise<PlainGdb> {
    const machine = await GuestMachine.start(lab);
    const plain = new PlainGdb(machine, new MiClient());
    try {
      await plain.gdb.command(`-file-exec-and-symbols ${quote(lab.vmlinux)}`);
      await plain.gdb.command(`-target-select remote ${machine.gdbSocket}`);
      return plain;
    } catch (error) {
      await plain.end();
      throw error;
    }
  }

  async runTo(functionName: string): Promise<void> {
    const { number } = tuple((await this.gdb.results(`-break-insert ${functionName}`))['bkpt']);
    this.stopLine = await this.gdb.run('-exec-continue');
    await this.gdb.command(`-break-delete ${text(number)}`);
  }

  async step(kind: StepKind): Promise<void> {
    this.stopLine = await this.gdb.run(STEP[kind]);
  }

  async programCounter(): Promise<number> {
    return Promise.resolve(Number(text(tuple(resultsOf(this.stopLine)['frame'])['addr'])));
  }

  /** A variable that a client can open needs a variable object; those of the last stop are deleted in the same way. */
  async paint(): Promise<PaintedStop> {
    for (const object of this.objects.splice(0)) await this.gdb.command(`-var-delete ${object}`);
    await this.gdb.command('-thread-info');
    const stack = await this.gdb.results(`-stack-list-frames --thread 1 0 ${PAINTED_FRAMES - 1}`);
    const listed = await this.gdb.results('-stack-list-variables --thread 1 --frame 0 --simple-values');
    const variables = list(listed['variables']).map(tuple);
    for (const variable of variables) {
      if ('value' in variable && !text(variable['type']).endsWith('*')) continue;
      const name = quote(text(variable['name']));
      const created = await this.gdb.results(`-var-create --thread 1 --frame 0 - * ${name}`).catch(() => undefined);
      if (created) this.objects.push(text(created['name']));
    }
    return { frames: list(stack['stack']).length, variables: variables.length };
  }

  /** The bytes are cut out of the line: to parse two million characters would be charged to gdb. */
  async readMemory(address: number, length: number): Promise<Buffer> {
    const line = await this.gdb.command(`-data-read-memory-bytes ${address} ${length}`);
    const start = line.indexOf(CONTENTS) + CONTENTS.length;
    return Buffer.from(line.slice(start, line.indexOf('"', start)), 'hex');
  }

  async end(): Promise<void> {
    await this.gdb.end();
    await this.machine.end();
  }
}
