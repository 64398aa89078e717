/** `kexec-jump hibernate` and `resume`: kernel A saved to a file, and brought back from it in a fresh machine. */
import { resolve } from 'node:path';
import type { HibernateWish, HibernationReport, LaunchConfiguration } from '../protocol.ts';
import type { DapClient } from './dapClient.ts';
import { canary, openSession, untilKernelA, type Canary } from './session.ts';
import type { Timeline } from './timeline.ts';

const SAVING_SECONDS = 3600;
const MB = 1e6;

/** Boots kernel A, gives it something to keep, saves it through kernel B, and powers off. */
export async function runHibernate(
  client: DapClient,
  timeline: Timeline,
  launch: LaunchConfiguration,
  { file, level }: { file: string; level: HibernateWish['level'] },
  onProgress: (message: string) => void,
): Promise<void> {
  await openSession(client, timeline, { ...launch, stopAt: [] }, onProgress);
  await untilKernelA(client);
  timeline.note(`kernel A keeps ${describe(await canary(client, 'plant'))}`);
  const wish: HibernateWish = { path: resolve(file), level, after: 'poweroff' };
  const report = await client.request<HibernationReport>('kexecJump/hibernate', wish, SAVING_SECONDS);
  onProgress('');
  const { bytes, seconds, compared, leftOut } = report;
  timeline.note(
    `${file} has kernel A: ${Math.round(bytes / MB)} MB in ${seconds.toFixed(1)} s. ` +
      `${compared} pages are as they are in memory, ${leftOut} are left out.`,
  );
}

/** Resumes kernel A, and shows what it has kept. */
export async function runResume(
  client: DapClient,
  timeline: Timeline,
  launch: LaunchConfiguration & { resume: string },
  onProgress: (message: string) => void,
): Promise<void> {
  const resume = resolve(launch.resume);
  timeline.peer = 'C';
  await openSession(client, timeline, { ...launch, resume, stopAt: [] }, onProgress);
  await untilKernelA(client);
  onProgress('');
  timeline.note(`kernel A goes on, and has kept ${describe(await canary(client, 'check'))}`);
}

const describe = ({ sha256, counter }: Canary): string =>
  `a file with SHA-256 ${sha256.slice(0, 12)}… and counts: ${counter}`;
