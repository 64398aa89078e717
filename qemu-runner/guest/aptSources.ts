/** A private apt: its own lists, cache and sources, so that the user's apt state is neither needed nor touched. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CommandRunner } from './command.ts';
import { noDebianRepository } from './errors.ts';

/** The Debian release that has Linux 6.1; a newer machine's repositories still carry it. */
const SUITE = 'bookworm';
const ARCHIVE_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** What of the user's apt configuration decides whether a repository can be reached at all. */
const NETWORK_SETTING = /^Acquire::(http|https|ftp|tor|Check-Valid-Until|Check-Date|ForceIPv4|ForceIPv6)\b/i;

/** One line a repository: base address, label. The format string of apt-get indextargets that `debianSources` reads. */
const INDEX_FORMAT = '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)';

/**
 * The lines of a sources.list with Linux 6.1's release, from what the machine has configured. The security repository is
 * asked for the kernel source only (architecture "all" is in every index): the fewer indexes, the fewer that can be stale.
 * @param indexTargets output of `apt-get indextargets --format INDEX_FORMAT`
 * @param keyring keyring file to trust, if apt's own set is not to be used
 */
export function debianSources(indexTargets: string, keyring?: string): string[] {
  const trust = keyring ? ` signed-by=${keyring}` : '';
  const lines = new Set<string>();
  for (const line of indexTargets.split('\n')) {
    const [origin, label, component, address] = line.split('|');
    if (origin !== 'Debian' || component !== 'main' || !address) continue;
    if (label === 'Debian') {
      lines.add(`deb [arch=amd64,i386${trust}] ${address} ${SUITE} main`);
      lines.add(`deb-src [arch=amd64${trust}] ${address} ${SUITE} main`);
    } else if (label === 'Debian-Security') {
      lines.add(`deb [arch=amd64${trust}] ${address} ${SUITE}-security main`);
    }
  }
  return [...lines];
}

/** Of `apt-config dump`, the lines about proxies and the like. */
export function networkSettings(configuration: string): string[] {
  return configuration.split('\n').filter((line) => NETWORK_SETTING.test(line));
}

/**
 * Sets up the private apt in `directory`.
 * @returns the environment to run apt with
 * @throws UserFacingError lab-no-debian-repository
 */
export async function privateApt(directory: string, commands: CommandRunner): Promise<Record<string, string>> {
  const step = "reading the machine's apt sources";
  const targets = await commands.run('apt-get', ['indextargets', '--format', INDEX_FORMAT, 'Created-By: Packages'], {
    step,
  });
  const keyring = existsSync(ARCHIVE_KEYRING) ? ARCHIVE_KEYRING : undefined;
  const sources = debianSources(targets.stdout, keyring);
  if (sources.length === 0) throw noDebianRepository(targets.stdout);
  const network = networkSettings((await commands.run('apt-config', ['dump'], { step })).stdout);

  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(path.join(directory, folder), { recursive: true });
  }
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(directory, name), text);
    return path.join(directory, name);
  };
  const sourceList = file('sources.list', `${sources.join('\n')}\n`);
  const status = file('status', '');
  const configuration = file(
    'apt.conf',
    [
      // No parts: the user's hooks and cache settings are not for us.
      'Dir::Etc::main "/dev/null";',
      'Dir::Etc::parts "/dev/null";',
      `Dir::Etc::sourcelist "${sourceList}";`,
      'Dir::Etc::sourceparts "/dev/null";',
      'Dir::Etc::preferences "/dev/null";',
      'Dir::Etc::preferencesparts "/dev/null";',
      `Dir::State "${path.join(directory, 'state')}";`,
      `Dir::State::status "${status}";`,
      `Dir::Cache "${path.join(directory, 'cache')}";`,
      'APT::Architecture "amd64";',
      'APT::Architectures { "amd64"; "i386"; };',
      // Root would be made to read our folder as user _apt, which it may not.
      'APT::Sandbox::User "root";',
      'Acquire::Languages "none";',
      'Acquire::Retries "3";',
      ...network,
      '',
    ].join('\n'),
  );
  return { APT_CONFIG: configuration };
}
