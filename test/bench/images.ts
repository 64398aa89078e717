/**
 * The bench of memory images: cores of Debian's x86_64 kernel in machines of several sizes, opened and classified by us and by
 * makedumpfile, and by crash where it and the kernel's debug symbols are installed; and how long VS Code takes to show their map.
 *
 *   npm run bench:images [-- 1 4 64]      sizes in GiB
 *
 * It never judges by time: its exit status is 0 unless something did not run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { findProgram } from '../../qemu-runner/programs.ts';
import { coreOfDebian } from '../guest/coreOfDebian.ts';
import { Makedumpfile } from '../guest/makedumpfile.ts';
import { timesToFirstPaint } from './firstPaint.ts';

const GIB = 2 ** 30;
const ROUNDS = 3;
const DEBUG_SYMBOLS = '/usr/lib/debug/boot';

interface Row {
  work: string;
  ours: string;
  peer: string;
  ratio: string;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

interface Measured {
  /** Of the whole process. */
  wall: number;
  result: number;
  milliseconds: number;
  /** Bytes. */
  peak: number;
}

function ours(program: string, work: string, path: string): Measured {
  const runs = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, work, path], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return { ...(JSON.parse(stdout) as Omit<Measured, 'wall'>), wall: performance.now() - began };
  });
  const of = (pick: (run: Measured) => number): number => median(runs.map(pick));
  return {
    wall: of((run) => run.wall),
    result: of((run) => run.result),
    milliseconds: of((run) => run.milliseconds),
    peak: of((run) => run.peak),
  };
}

function timeOf(work: () => void): number {
  return median(
    Array.from({ length: ROUNDS }, () => {
      const began = performance.now();
      work();
      return performance.now() - began;
    }),
  );
}

async function rowsOf(gib: number, core: string, program: string, makedumpfile: Makedumpfile): Promise<Row[]> {
  // First, so that all others find the file in memory.
  const read = ours(program, 'read', core);
  const exclude = ours(program, 'exclude', core);
  const classify = ours(program, 'classify', core);
  const exclusion = timeOf(() => makedumpfile.run(['-d', '31', '--dry-run', core, `${core}.out`]));
  const speed = statSync(core).size / read.milliseconds;
  const perSecond = (bytesPerMillisecond: number): string => `${(bytesPerMillisecond / 1e6).toFixed(2)} GB/s`;
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;
  const crash = timeOfCrash(core);
  /** Some time of ours, beside what the peers take from their start on. */
  const besideMakedumpfile = (work: string, time: number): Row[] => [
    {
      work: `${gib} GiB: ${work}; makedumpfile -d 31 --dry-run`,
      ...{ ours: seconds(time), peer: seconds(exclusion), ratio: (time / exclusion).toFixed(2) },
    },
  ];
  const besidePeers = (work: string, time: number): Row[] => [
    ...besideMakedumpfile(work, time),
    {
      work: `${gib} GiB: the same; crash, kmem -i`,
      ours: seconds(time),
      peer: typeof crash === 'number' ? seconds(crash) : crash,
      ratio: typeof crash === 'number' ? (time / crash).toFixed(2) : '',
    },
  ];
  const rows: Row[] = [
    ...besideMakedumpfile("open to classified by makedumpfile's classes", exclude.milliseconds),
    ...besidePeers('open to all classes', classify.milliseconds),
    ...besideMakedumpfile('the same, with the start of Node', classify.wall),
    { work: `${gib} GiB: peak memory`, ours: `${Math.round(classify.peak / 1e6)} MB`, peer: '', ratio: '' },
  ];
  if (gib > 4) return rows;
  const search = ours(program, 'search', core).result;
  const compare = ours(program, 'compare', core).result;
  const [first, ...later] = await timesToFirstPaint(core, 1 + ROUNDS);
  return [
    ...rows,
    ...besidePeers('open command to the first paint of the map in VS Code', median(later)),
    { work: `${gib} GiB: the same, with the start of the extension`, ours: seconds(first!), peer: '', ratio: '' },
    {
      work: `${gib} GiB: search; reading alone`,
      ...{ ours: perSecond(search), peer: perSecond(speed), ratio: (search / speed).toFixed(2) },
    },
    {
      work: `${gib} GiB: comparison with itself; reading alone`,
      ...{ ours: perSecond(compare), peer: perSecond(speed), ratio: (compare / speed).toFixed(2) },
    },
  ];
}

/** Milliseconds, or why it was not run. */
function timeOfCrash(core: string): number | string {
  const crash = findProgram('crash');
  const symbols = existsSync(DEBUG_SYMBOLS)
    ? readdirSync(DEBUG_SYMBOLS).find((name) => name.startsWith('vmlinux-'))
    : undefined;
  if (crash === undefined) return 'skipped: crash is not installed';
  if (symbols === undefined) return `skipped: no vmlinux in ${DEBUG_SYMBOLS} (linux-image-amd64-dbg)`;
  const input = 'kmem -i\nquit\n';
  return timeOf(() => {
    const { stdout, stderr } = spawnSync(crash, ['-s', join(DEBUG_SYMBOLS, symbols), core], {
      input,
      encoding: 'utf8',
    });
    if (!stdout.includes('TOTAL MEM')) throw new Error(`crash has not counted the pages: ${stdout}${stderr}`);
  });
}

async function main(sizes: readonly number[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-images-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  const program = join(folder, 'reader.cjs');
  const entryPoints = [join(import.meta.dirname, 'imageReader.ts')];
  buildSync({ entryPoints, outfile: program, bundle: true, platform: 'node', format: 'cjs' });
  const makedumpfile = await Makedumpfile.fetch('x86_64');
  const rows: Row[] = [];
  for (const gib of sizes) {
    const core = join(folder, 'core');
    process.stderr.write(`a machine of ${gib} GiB\n`);
    await coreOfDebian(core, gib * GIB);
    rows.push(...(await rowsOf(gib, core, program, makedumpfile)));
    rmSync(core);
  }
  const cells = [
    ['memory images', 'ours', 'peer', 'ours / peer'],
    ['---', '---', '---', '---'],
    ...rows.map(({ work, ours, peer, ratio }) => [work, ours, peer, ratio]),
  ];
  process.stdout.write(cells.map((row) => `| ${row.join(' | ')} |\n`).join(''));
}

const sizes = process.argv.slice(2).map(Number);
await main(sizes.length > 0 ? sizes : [1, 4, 64]);
