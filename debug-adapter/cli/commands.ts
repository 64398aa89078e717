/** The commands of the command-line tool. */
import type { ParseArgsConfig } from 'node:util';
import { GUEST_NAMES } from '../../qemu-runner/guest/guests.ts';
import { runHibernate, runResume } from './hibernate.ts';
import { showDifference, showImage, showLog, UNREADABLE, type Output } from './image.ts';
import { runMake, runPatch, runTree } from './kernelWork.ts';
import {
  guestOf,
  launchOf,
  launchToJudge,
  levelOf,
  MACHINE_OPTIONS,
  mebibytesOf,
  Misused,
  type Values,
} from './launchOptions.ts';
import { CANNOT_BE_TOLD, runPreflight } from './preflight.ts';
import { audit, build, follow, onBuildProgress, onProgress, run, withBuild, write } from './work.ts';

export interface Command {
  /** What comes behind the command's name. */
  usage: string;
  /** Lines of help. */
  help: readonly string[];
  options: NonNullable<ParseArgsConfig['options']>;
  /** How many files it takes, at least and at most. */
  files: readonly [least: number, most: number];
  /** The exit status of a failure, beside its own. */
  failure: number;
  /** @returns the exit status. @throws Misused */
  run: (values: Values, files: string[]) => number | Promise<number>;
}

const output: Output = {
  write: (text) => process.stdout.write(text),
  complain: (sentence) => process.stderr.write(`kexec-jump: ${sentence}\n`),
};

export const COMMANDS: Readonly<Record<string, Command>> = {
  run: {
    usage: '[--window low|high|MIN-MAX] [--memory MiB] [--guest NAME] [--anyway]',
    help: [
      'jump from kernel A into kernel B and back, and show how it went; --anyway:',
      'also where the preflight says that it breaks',
    ],
    ...{ options: MACHINE_OPTIONS, files: [0, 0], failure: 1 },
    run: (values) => run(launchOf(values)),
  },
  audit: {
    usage: '[--window low|high|MIN-MAX] [--memory MiB] [--guest NAME] [--trips N] [--anyway]',
    help: [
      'the same N times (2), hash every page frame on the way, and print what did',
      'not arrive, stay or come back, of both kernels; the exit status is 0 when all',
      'is exact, 1 on a violation, 3 when not all could be judged, as when the',
      'machine failed',
    ],
    options: { ...MACHINE_OPTIONS, trips: { type: 'string', default: '2' } },
    ...{ files: [0, 0], failure: 1 },
    run: (values) => {
      const trips = Math.floor(Number(values['trips']));
      if (!(trips > 0)) throw new Misused('--trips is at least 1');
      return audit(launchOf(values), trips);
    },
  },
  hibernate: {
    usage: 'FILE [--level 0|1|16|17] [--window low|high|MIN-MAX] [--memory MiB] [--guest NAME] [--anyway]',
    help: [
      'save kernel A through kernel B to FILE, and power off; LEVEL is what is left',
      "out, as makedumpfile's: 1 zero pages, 16 free pages, 17 both (the default)",
    ],
    options: { ...MACHINE_OPTIONS, level: { type: 'string', default: '17' } },
    ...{ files: [1, 1], failure: 1 },
    run: (values, [file]) => {
      const level = levelOf(values['level']);
      return follow(async (client, timeline) =>
        runHibernate(client, timeline, launchOf(values), { file: file!, level }, onProgress),
      );
    },
  },
  preflight: {
    usage:
      '[--window low|high|MIN-MAX] [--memory MiB] [--hibernate FILE [--level N] | --resume FILE] [--configuration FILE] [--json]',
    help: [
      'tell what would break on the way there, back, into a FILE or from it, and how',
      'to mend it, from the files alone; FILE of --configuration has a launch',
      'configuration as JSON (- is the standard input); the exit status is 0 when',
      'all is well, 1 when something breaks, 2 when it cannot be told',
    ],
    options: {
      ...{ ...MACHINE_OPTIONS, level: { type: 'string', default: '17' }, hibernate: { type: 'string' } },
      ...{ resume: { type: 'string' }, configuration: { type: 'string' }, json: { type: 'boolean' } },
    },
    ...{ files: [0, 0], failure: CANNOT_BE_TOLD },
    run: (values) =>
      runPreflight(launchToJudge(values), values['json'] === true, { onProgress: onBuildProgress, write }),
  },
  resume: {
    usage: 'FILE [--entry ADDRESS]',
    help: ['bring kernel A back from FILE in a fresh machine, and show that it goes on'],
    ...{ options: { entry: { type: 'string' } }, files: [1, 1], failure: 1 },
    run: (values, [file]) => {
      const entry = typeof values['entry'] === 'string' ? { entry: values['entry'] } : {};
      return follow(async (client, timeline) => runResume(client, timeline, { resume: file!, ...entry }, onProgress));
    },
  },
  image: {
    usage: 'FILE... [--entry ADDRESS] [--vmlinux FILE] [--loader-memory MiB] [--json]',
    help: [
      'tell what a memory image is: its pages, its kernel, the jump it was taken in',
      '(ADDRESS is where the kernel is entered again), whether it can be resumed, by a',
      'kernel C with so much memory if that is given;',
      'several files are the parts of a split set; the exit status is 0 when it is',
      'whole, 1 when it is damaged but shown, 2 when it cannot be read',
    ],
    options: {
      ...{ entry: { type: 'string' }, vmlinux: { type: 'string' } },
      ...{ 'loader-memory': { type: 'string' }, json: { type: 'boolean' } },
    },
    ...{ files: [1, Infinity], failure: UNREADABLE },
    run: (values, files) => {
      const loaderMemory = mebibytesOf('--loader-memory', values['loader-memory']);
      return showImage(files, { ...values, loaderMemory }, output);
    },
  },
  diff: {
    usage: 'FILE FILE [--entry-a ADDRESS] [--entry-b ADDRESS] [--json]',
    help: ['compare two memory images; the exit status is that of diff(1)'],
    options: { 'entry-a': { type: 'string' }, 'entry-b': { type: 'string' }, json: { type: 'boolean' } },
    ...{ files: [2, 2], failure: UNREADABLE },
    run: (values, files) => showDifference([files[0]!, files[1]!], values, output),
  },
  dmesg: {
    usage: 'FILE... [--entry ADDRESS]',
    help: ["print the log of a memory image's kernel"],
    options: { entry: { type: 'string' } },
    ...{ files: [1, Infinity], failure: UNREADABLE },
    run: (values, files) => showLog(files, values, output),
  },
  build: {
    usage: '[--guest NAME]',
    help: [
      'build the lab guest (kernel, kexec-tools, initramfs); NAME, here and above, is',
      `one of ${GUEST_NAMES.join(', ')}`,
    ],
    ...{ options: { guest: MACHINE_OPTIONS.guest }, files: [0, 0], failure: 1 },
    run: ({ guest }) => build(guestOf(guest)),
  },
  tree: {
    usage: 'FOLDER [--guest NAME]',
    help: [
      "make a kernel tree to work on in FOLDER: the lab's patched source under git, its",
      'build, and a launch.json that builds and debugs it',
    ],
    ...{ options: { guest: MACHINE_OPTIONS.guest }, files: [1, 1], failure: 1 },
    run: ({ guest }, [folder]) =>
      withBuild(async (options) => runTree(folder!, { guest: guestOf(guest), ...options }, output)),
  },
  make: {
    usage: 'TREE...',
    help: [
      'build kernels, each named by its vmlinux, its build folder or its source tree;',
      "the exit status is make's",
    ],
    ...{ options: {}, files: [1, Infinity], failure: 1 },
    run: async (_values, places) => runMake(places, output),
  },
  patch: {
    usage: 'TREE [-o FILE] [--subject TEXT]',
    help: ["make a patch of the edits in a kernel tree, in the kernel's own form"],
    options: { output: { type: 'string', short: 'o' }, subject: { type: 'string' } },
    ...{ files: [1, 1], failure: 1 },
    run: async (values, [folder]) => runPatch(folder!, values, output),
  },
  help: {
    usage: '',
    help: ['this text'],
    ...{ options: {}, files: [0, 0], failure: 1 },
    run: () => {
      process.stdout.write(usage());
      return 0;
    },
  },
};

/** Column in which what a command does begins. */
const HELP_COLUMN = 43;

/** Help of all commands. */
export function usage(): string {
  const lines = Object.entries(COMMANDS).flatMap(([name, { usage: behind, help }]) => {
    const start = `  ${name} ${behind}`.trimEnd();
    const indented = help.map((line) => `${' '.repeat(HELP_COLUMN)}${line}`);
    if (start.length >= HELP_COLUMN) return [start, ...indented];
    return [start.padEnd(HELP_COLUMN) + help[0]!, ...indented.slice(1)];
  });
  return `Usage: kexec-jump <command>\n\n${lines.join('\n')}\n`;
}
