/** `kexec-jump preflight`: what would break, told from the files alone; no machine is started. */
import { readFileSync } from 'node:fs';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { ensureLab, type BuildProgress } from '../../qemu-runner/guest/lab.ts';
import { guestOfConfiguration, isCore, needsLab, resolveConfiguration } from '../configuration.ts';
import { invalidConfiguration, preflightNotPossible } from '../errors.ts';
import { gatherFacts } from '../preflight/gather.ts';
import { judge } from '../preflight/judge.ts';
import { reportText } from '../preflight/report.ts';
import type { Verdict } from '../preflight/rule.ts';
import type { LaunchConfiguration } from '../protocol.ts';

/** Exit statuses. A warning breaks nothing. */
const STATUS: Readonly<Record<Verdict, number>> = { ok: 0, warning: 0, breaks: 1, unknown: 2 };
export const CANNOT_BE_TOLD = STATUS.unknown;

export interface PreflightOutput {
  onProgress: (progress: BuildProgress) => void;
  write: (text: string) => void;
}

/** Judges a launch and prints the report. @returns the exit status. @throws UserFacingError when a file cannot be read. */
export async function runPreflight(
  launch: LaunchConfiguration,
  isJson: boolean,
  { onProgress, write }: PreflightOutput,
): Promise<number> {
  if (isCore(launch)) throw preflightNotPossible();
  const lab = needsLab(launch) ? await ensureLab({ guest: guestOfConfiguration(launch), onProgress }) : undefined;
  // What breaks is to be reported, not refused.
  let configuration;
  try {
    configuration = await resolveConfiguration({ ...launch, preflight: 'tell' }, lab);
  } catch (error) {
    if (!(error instanceof UserFacingError) || error.code !== 'image-not-resumable' || isJson) throw error;
    write(`${error.describe()}\n`);
    return STATUS.breaks;
  }
  const facts = await gatherFacts(configuration);
  if (!facts) throw preflightNotPossible();
  const report = judge(facts);
  write(isJson ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return STATUS[report.verdict];
}

/**
 * Reads a launch configuration, as in launch.json but without comments.
 * @param path "-" is the standard input.
 */
export function readLaunch(path: string): LaunchConfiguration {
  const text = readFileSync(path === '-' ? 0 : path, 'utf8');
  try {
    const launch = JSON.parse(text) as unknown;
    if (typeof launch === 'object' && launch !== null && !Array.isArray(launch)) return launch;
  } catch {
    // It is said below.
  }
  throw invalidConfiguration('configuration', `"${path}" is no JSON object`);
}
