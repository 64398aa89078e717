/** From options of the command line to a launch configuration. */
import { resolve } from 'node:path';
import { DEFAULT_GUEST, GUEST_NAMES, isGuestName, type GuestName } from '../../qemu-runner/guest/guests.ts';
import { HIBERNATION_LEVELS, type HibernateWish, type LaunchConfiguration } from '../protocol.ts';
import { readLaunch } from './preflight.ts';

/** Values of options by their names. */
export type Values = Record<string, string | boolean | undefined>;

/** Options that are not as they should be. */
export class Misused extends Error {}

/** Of all commands that boot kernel A. */
export const MACHINE_OPTIONS = {
  window: { type: 'string' },
  memory: { type: 'string' },
  guest: { type: 'string' },
  anyway: { type: 'boolean' },
} as const;

/** @throws Misused */
export function launchOf({ window, memory, guest, anyway }: Values): LaunchConfiguration {
  return {
    ...(typeof window === 'string' ? { window: windowOf(window) } : {}),
    ...(memory === undefined ? {} : { memory: Number(memory) }),
    ...(guest === undefined ? {} : { guest: guestOf(guest) }),
    ...(anyway === true ? { preflight: 'tell' } : {}),
  };
}

/** @throws Misused */
export function guestOf(name: Values[string] = DEFAULT_GUEST): GuestName {
  if (isGuestName(name)) return name;
  throw new Misused(`--guest is one of ${GUEST_NAMES.join(', ')}`);
}

function windowOf(text: string): NonNullable<LaunchConfiguration['window']> {
  if (text === 'low' || text === 'high') return text;
  const [, min, max] = /^(\w+)-(\w+)$/.exec(text) ?? [];
  if (min === undefined || max === undefined)
    throw new Misused('--window is low, high, or its first and last byte: 0x…-0x…');
  return { min, max };
}

/** What the preflight judges: of a file, and over it what the options say. */
export function launchToJudge(values: Values): LaunchConfiguration {
  const { configuration, resume, hibernate, level } = values;
  const save = typeof hibernate === 'string' ? { hibernate: { path: resolve(hibernate), level: levelOf(level) } } : {};
  return {
    ...(typeof configuration === 'string' ? readLaunch(configuration) : {}),
    ...launchOf(values),
    ...(typeof resume === 'string' ? { resume: resolve(resume) } : {}),
    ...save,
  };
}

/** @throws Misused */
export function levelOf(text: Values[string]): HibernateWish['level'] {
  const level = HIBERNATION_LEVELS.find((known) => String(known) === text);
  if (level === undefined) throw new Misused(`--level is one of ${HIBERNATION_LEVELS.join(', ')}`);
  return level;
}

/** @param option whose value it is, if it is given. @throws Misused */
export function mebibytesOf(option: string, text: Values[string]): number | undefined {
  if (text === undefined) return undefined;
  const mebibytes = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : 0;
  if (mebibytes > 0) return mebibytes;
  throw new Misused(`${option} is a whole number of MiB, from 1 on`);
}
