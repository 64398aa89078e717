/** The preflight of a launch, by its files alone. */
import assert from 'node:assert/strict';
import { resolveConfiguration } from '../../debug-adapter/configuration.ts';
import type { Facts } from '../../debug-adapter/preflight/facts.ts';
import { gatherFacts } from '../../debug-adapter/preflight/gather.ts';
import { judge } from '../../debug-adapter/preflight/judge.ts';
import type { PreflightReport } from '../../debug-adapter/preflight/rule.ts';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { findLab } from '../../qemu-runner/guest/lab.ts';

/** The lab guest is the one that is built for what the package has, whatever a test builds beside. */
const lab = findLab();

export async function factsOf(launch: LaunchConfiguration): Promise<Facts> {
  const facts = await gatherFacts(await resolveConfiguration({ ...launch, preflight: 'tell' }, lab));
  assert.ok(facts);
  return facts;
}

export async function preflightOf(launch: LaunchConfiguration): Promise<PreflightReport> {
  return judge(await factsOf(launch));
}

/** Names of the rules that break. */
export function breaking({ rules }: PreflightReport): string[] {
  return rules.filter(({ verdict }) => verdict === 'breaks').map(({ name }) => name);
}
