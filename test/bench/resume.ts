/**
 * The bench of resuming: a kernel A that nearly fills its memory, saved as a whole, and put back in both ways from both windows, in
 * turns.
 *
 *   npm run bench:resume [-- ROUNDS]      3 rounds where nothing is said
 *
 * It never judges by time: its exit status is 0 unless something did not run, or kernel A did not come back as it was.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RESUME_WAYS, type ResumeWay } from '../../debug-adapter/protocol.ts';
import { LabMachine } from '../guest/labMachine.ts';

/** Of kernel A's machine, in MiB; the other way takes twice of it and more. */
const MEMORY = 256;
const LARGE = 2 * MEMORY + 48;
/** What fills kernel A: random bytes in tmpfs, in MiB. There must be room to swap the window to. */
const FILLED = 185;
const WINDOWS = ['low', 'high'] as const;
const KIB = 1024;
const MB = 1e6;

type WindowName = (typeof WINDOWS)[number];

interface Measured {
  /** Seconds from the machine's start until kernel C could load the image, until it had, and until kernel A answered. */
  ready: number;
  put: number;
  back: number;
  /** Bytes of memory that kernel C had in use at most, without its own image. */
  peak: number;
  /** Bytes of kernel A's memory that were put back. */
  image: number;
}

interface Saved {
  disk: string;
  sha256: string;
}

const now = (): number => performance.now() / 1000;
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Saves a kernel A that is nearly full, with all its pages. */
async function save(disk: string, window: WindowName): Promise<Saved> {
  writeFileSync(disk, '');
  truncateSync(disk, (MEMORY + 4) << 20);
  const a = await LabMachine.boot('A', { disks: [disk], memory: MEMORY });
  const { sha256 = '' } = await a.agent('plant', String(FILLED), 300);
  await a.jump(window);
  await a.agent('save', 'target=/dev/vda level=0', 60);
  await a.stop();
  return { disk, sha256 };
}

/** A kernel C for this way; one that copies from a high window is loaded by another, the one that is booted. */
async function bootC(window: WindowName, way: ResumeWay, disk: string): Promise<LabMachine> {
  if (way === 'load') return LabMachine.boot('C', { disks: [disk], memory: LARGE });
  const append = window === 'low' ? 'mem=32M' : '';
  const c = await LabMachine.boot('C', { disks: [disk], memory: MEMORY, append });
  if (window === 'high') await c.jump('high', 'C');
  return c;
}

const field = (name: string): string => `sed -n "s/^${name}: *\\([0-9]*\\) kB/\\1/p" /proc/meminfo`;

async function measure(window: WindowName, way: ResumeWay, { disk, sha256 }: Saved): Promise<Measured> {
  const began = now();
  const c = await bootC(window, way, disk);
  const ready = now() - began;
  const watch = `while :; do ${field('MemAvailable')}; usleep 20000; done >/tmp/available`;
  await c.run(`(setsid sh -c '${watch}' </dev/null >/dev/null 2>&1 &)`);
  const { bytes } = await c.agent('resume', `source=/dev/vda way=${way}`, 120);
  const put = now() - began;
  const least = Number(await c.run('sort -n /tmp/available | head -n 1'));
  const total = Number(await c.run(field('MemTotal')));
  await c.enter('jump', 'A');
  const back = now() - began;
  assert.equal((await c.agent('check', '', 120))['sha256'], sha256, 'kernel A is as it was');
  await c.stop();
  return { ready, put: put - ready, back, peak: (total - least) * KIB, image: Number(bytes) };
}

/** What kexec_load says that it would take in a machine of kernel A's size, in bytes. */
async function largestToLoad(disk: string): Promise<number> {
  const c = await LabMachine.boot('C', { disks: [disk], memory: MEMORY });
  const refusal = await c.agent('resume', 'source=/dev/vda way=load').then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
  await c.stop();
  const [, most] = /at most half of this kernel's memory, (\d+) of/.exec(refusal) ?? [];
  assert.ok(most !== undefined, refusal);
  return Number(most) << 20;
}

async function bench(rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-resume-'));
  const results = new Map<string, Measured[]>();
  try {
    const saved: Partial<Record<WindowName, Saved>> = {};
    for (const window of WINDOWS) {
      process.stderr.write(`saving: the ${window} window\n`);
      saved[window] = await save(join(folder, window), window);
    }
    for (let round = 1; round <= rounds; round++) {
      for (const window of WINDOWS) {
        for (const way of RESUME_WAYS) {
          process.stderr.write(`round ${round}: the ${window} window, ${way}\n`);
          const key = `${window} | ${way}`;
          results.set(key, [...(results.get(key) ?? []), await measure(window, way, saved[window]!)]);
        }
      }
    }
    const most = await largestToLoad(saved.low!.disk);
    process.stdout.write(table(results, most));
  } finally {
    await LabMachine.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

function table(results: ReadonlyMap<string, Measured[]>, mostToLoad: number): string {
  const heading = [
    ...[
      'window',
      'way',
      'machine (MB)',
      'until kernel C is ready (s)',
      'image put back (s)',
      'until kernel A answers (s)',
    ],
    ...['memory in use by C (MB)', `largest image in ${MEMORY} MB`],
  ];
  const rows = [...results].map(([key, runs]) => {
    const middle = (field: keyof Measured): number => median(runs.map((run) => run[field]));
    const [window, way] = key.split(' | ');
    const isCopy = way === 'copy';
    const largest = isCopy ? `${Math.round(middle('image') / MB)} MB, all of it` : `${Math.round(mostToLoad / MB)} MB`;
    return [
      ...[window, way, isCopy ? MEMORY : LARGE, middle('ready').toFixed(1), middle('put').toFixed(1)],
      ...[middle('back').toFixed(1), Math.round(middle('peak') / MB), largest],
    ];
  });
  const lines = [heading, heading.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n') + '\n';
}

bench(Number(process.argv[2] ?? 3)).catch((error: unknown) => {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 1;
});
