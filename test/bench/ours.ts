/** Our own adapter as it is shipped, over the Debug Adapter Protocol. */
import { join } from 'node:path';
import type { DapClient } from '../../debug-adapter/cli/dapClient.ts';
import { DEBUG_TYPE, type JumpState, type LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { DapContender } from './dapContender.ts';
import { PAINTED_FRAMES } from './contender.ts';

const ADAPTER = join(import.meta.dirname, '..', '..', 'dist', 'adapter.cjs');
const BOOT_SECONDS = 180;

export class Ours extends DapContender {
  readonly name = 'ours';
  private state: JumpState | undefined;

  private constructor(client: DapClient) {
    super(client);
    client.on('event', ({ event, body }) => {
      if (event === 'kexecJump/state') this.state = body as JumpState;
    });
  }

  /** Starts the adapter and a session that stops nowhere by itself. `gdb` is the program to start. */
  static async start(gdb = 'gdb'): Promise<Ours> {
    const ours = new Ours(DapContender.startAdapter(ADAPTER));
    const configuration: LaunchConfiguration = { autoJump: false, stopAt: [], gdb: { path: gdb } };
    try {
      await ours.initialize(DEBUG_TYPE, 'launch', configuration);
      return ours;
    } catch (error) {
      await ours.end();
      throw error;
    }
  }

  /** From a stop of kernel A on: A boots and jumps, and B runs its programs; A is dormant. */
  async leaveKernelADormant(): Promise<void> {
    await this.client.request('continue', { threadId: this.threadId });
    await this.until('canJump');
    await this.client.request('kexecJump/jump');
    await this.until('canJumpBack');
  }

  /** Asks for the stack of kernel A, dormant or not, and returns how many frames it has. */
  async backtrace(): Promise<number> {
    return (await this.stackTrace(PAINTED_FRAMES)).length;
  }

  /** Makes gdb forget what it read of the dormant kernel A, so that the next backtrace is again the first one. */
  async forgetKernelA(): Promise<void> {
    const [frame] = await this.stackTrace(1);
    for (const cache of ['register-cache', 'dcache']) {
      const expression = `maintenance flush ${cache}`;
      await this.client.request('evaluate', { expression, frameId: frame?.id, context: 'repl' });
    }
  }

  private async until(what: 'canJump' | 'canJumpBack'): Promise<void> {
    if (this.state?.[what]) return;
    await this.client.waitFor('kexecJump/state', BOOT_SECONDS, ({ body }) => (body as JumpState)[what]);
  }
}
