/** What commands of the command-line tool do with a machine or a build, and how they show it. All return the exit status. */
import { join } from 'node:path';
import type { GuestName } from '../../qemu-runner/guest/guests.ts';
import { ensureLab, type BuildProgress, type LabOptions } from '../../qemu-runner/guest/lab.ts';
import type { LaunchConfiguration } from '../protocol.ts';
import { runAudit } from './audit.ts';
import { DapClient } from './dapClient.ts';
import { runJumpSequence } from './jumpSequence.ts';
import { unlessException } from './session.ts';
import { StatusLine } from './statusLine.ts';
import { Timeline } from './timeline.ts';

/** Where it stands, while something lasts. */
export const status = new StatusLine(process.stderr);

/** Starts an adapter for some work, and ends it. */
async function withAdapter(work: (client: DapClient) => Promise<number>): Promise<number> {
  const client = DapClient.start({ program: process.execPath, args: [join(__dirname, 'adapter.cjs')] });
  const stop = (): void => {
    void client.stop().finally(() => process.exit(130));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await work(client);
  } finally {
    status.clear();
    await client.stop();
  }
}

/** Tells what a machine is doing. */
export const onProgress = (message: string): void => {
  status.show(message);
};

/** Jumps there and back, and tells whether kernel A survived. */
export async function run(launch: LaunchConfiguration): Promise<number> {
  const timeline = new Timeline(process.stdout);
  return withAdapter(async (client) => {
    const { survived, phases } = await runJumpSequence(client, timeline, launch, onProgress);
    timeline.note(
      survived
        ? `Kernel A survived: ${phases.length} phases, its file is whole and its counter goes on.`
        : 'Kernel A did not survive: its file or its counter is not what it was.',
    );
    return survived ? 0 : 1;
  });
}

/** Work that is shown as a timeline. */
export async function follow(work: (client: DapClient, timeline: Timeline) => Promise<void>): Promise<number> {
  return withAdapter(async (client) => {
    await unlessException(client, async () => work(client, new Timeline(process.stdout)));
    return 0;
  });
}

/** The report alone goes to the standard output, from where it can be put into a file. */
export async function audit(launch: LaunchConfiguration, trips: number): Promise<number> {
  const timeline = new Timeline(process.stderr);
  return withAdapter(async (client) => runAudit(client, timeline, launch, trips, { onProgress, write }));
}

/** Tells how far a build is. */
export const onBuildProgress = ({ step, detail, fraction }: BuildProgress): void => {
  const percent = fraction === undefined ? '' : `${Math.round(fraction * 100)} %`;
  status.show(`${step}: ${[percent, detail].filter(Boolean).join('  ')}`);
};

/** Work of the lab's build that shows how far it is, and ends by Ctrl-C. */
export async function withBuild<T>(work: (options: LabOptions) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  process.once('SIGINT', () => {
    abort.abort();
  });
  try {
    return await work({ onProgress: onBuildProgress, signal: abort.signal });
  } finally {
    status.clear();
  }
}

/** Builds a guest of the lab. */
export async function build(guest: GuestName): Promise<number> {
  const lab = await withBuild(async (options) => ensureLab({ guest, ...options }));
  process.stdout.write(`The lab guest (${lab.guest.title}: ${lab.release}) is in ${lab.directory}\n`);
  return 0;
}

/** Writes a result to the standard output, in place of the line of what lasted. */
export const write = (text: string): void => {
  status.clear();
  process.stdout.write(text);
};
