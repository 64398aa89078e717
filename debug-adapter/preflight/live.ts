/** What a machine that runs says of itself: the live kernel through its agent, what is loaded from memory. */
import { parseFields } from '../../qemu-runner/agent.ts';
import { PAGE_SIZE, readWord } from '../../vmcore-viewer/core/physicalMemory.ts';
import { loadedPageList, readKimage } from '../jump/kimage.ts';
import type { JumpSession } from '../jump/session.ts';
import type { LiveFacts } from './facts.ts';

/** Asks the guest's shell for it. */
export const LIVE_COMMAND = 'grep -E "^(MemTotal|MemAvailable):" /proc/meminfo; grep "System RAM" /proc/iomem';

/** @returns `undefined` while no kernel runs its programs. */
export async function gatherLive(session: JumpSession): Promise<LiveFacts | undefined> {
  const { canJump, canJumpBack } = session.state;
  if (!canJump && !canJumpBack) return undefined;
  const { output = '' } = parseFields(await session.agent.request('run', LIVE_COMMAND));
  return {
    kernel: session.live,
    ...parseAnswer(Buffer.from(output, 'base64').toString()),
    loaded: canJump ? await loadedNow(session) : undefined,
  };
}

/** Sizes in bytes. Exported for its tests. */
export function parseAnswer(text: string): Pick<LiveFacts, 'systemRam' | 'total' | 'available'> {
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
  const ranges = [...text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) : System RAM$/gm)];
  return {
    total: kibibytes('MemTotal') * 1024,
    available: kibibytes('MemAvailable') * 1024,
    systemRam: ranges.map(([, start = '', end = '']) => ({ start: parseInt(start, 16), end: parseInt(end, 16) })),
  };
}

/** Segments and destinations of the kimage that kernel A has loaded. Source: kernel/kexec_core.c, kexec_image. */
async function loadedNow(session: JumpSession): Promise<LiveFacts['loaded']> {
  const { kernels, physical } = session;
  const { A } = kernels;
  const image = await physical.settle(() => readWord(physical, A.address('kexec_image') - A.pageOffset));
  if (!image || !A.layout) return undefined;
  const read = async (address: number, length: number): Promise<Buffer | undefined> =>
    physical.settle(() => physical.read(address - A.pageOffset, length));
  const { segments } = await readKimage(A, A.layout, image, read, physical);
  const list = await physical.settle(() => loadedPageList(A, physical)).catch(() => undefined);
  const pages = list?.exchanges.map(({ destination }) => destination) ?? [];
  const first = pages.reduce((least, page) => Math.min(least, page), Infinity);
  const last = pages.reduce((most, page) => Math.max(most, page + PAGE_SIZE - 1), 0);
  return { segments, destinations: pages.length > 0 ? { first, last, count: pages.length } : undefined };
}
