/** The command-line tool: a thin door to the same rooms as the extension. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { ensureLab, type BuildProgress } from '../../qemu-runner/guest/lab.ts';
import type { LaunchConfiguration } from '../protocol.ts';
import { DapClient } from './dapClient.ts';
import { runJumpSequence } from './jumpSequence.ts';
import { StatusLine } from './statusLine.ts';
import { Timeline } from './timeline.ts';

const USAGE = `Usage: kexec-jump <command>

  run [--window low|high] [--memory MiB]   jump from kernel A into kernel B and back, and show how it went
  build                                    build the lab guest (kernel, kexec-tools, initramfs)
  help                                     this text
`;

const status = new StatusLine(process.stderr);

async function run(window: 'low' | 'high', memory: number): Promise<number> {
  const timeline = new Timeline(process.stdout);
  const client = DapClient.start({ program: process.execPath, args: [join(__dirname, 'adapter.cjs')] });
  const stop = (): void => {
    void client.stop().finally(() => process.exit(130));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const launch: LaunchConfiguration = { window, memory };
    const { survived, phases } = await runJumpSequence(client, timeline, launch, (message) => {
      status.show(message);
    });
    timeline.note(
      survived
        ? `Kernel A survived: ${phases.length} phases, its file is whole and its counter goes on.`
        : 'Kernel A did not survive: its file or its counter is not what it was.',
    );
    return survived ? 0 : 1;
  } finally {
    status.clear();
    await client.stop();
  }
}

async function build(): Promise<number> {
  const abort = new AbortController();
  process.once('SIGINT', () => {
    abort.abort();
  });
  const onProgress = ({ step, detail, fraction }: BuildProgress): void => {
    const percent = fraction === undefined ? '' : `${Math.round(fraction * 100)} %`;
    status.show(`${step}: ${[percent, detail].filter(Boolean).join('  ')}`);
  };
  const lab = await ensureLab({ onProgress, signal: abort.signal });
  status.clear();
  process.stdout.write(`The lab guest (Linux ${lab.release}) is in ${lab.directory}\n`);
  return 0;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      window: { type: 'string', default: 'high' },
      memory: { type: 'string', default: '256' },
    },
  });
  switch (positionals[0]) {
    case 'run':
      return run(values.window === 'low' ? 'low' : 'high', Number(values.memory));
    case 'build':
      return build();
    case 'help':
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

void main()
  .catch((error: unknown) => {
    status.clear();
    const text = error instanceof UserFacingError ? error.describe() : (error as Error).message;
    process.stderr.write(`kexec-jump: ${text}\n`);
    return 1;
  })
  .then((code) => {
    process.exitCode = code;
  });
