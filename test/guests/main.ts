/**
 * `npm run test:guests [-- GUEST...]`: every trial on every guest of the lab, and the table of docs/guests.md, in which guests that were
 * not asked for keep their rows. Takes a quarter of an hour, and as long again where the guests are to be built.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GUEST_NAMES, guestOf, isGuestName, type GuestName } from '../../qemu-runner/guest/guests.ts';
import { ensureLab } from '../../qemu-runner/guest/lab.ts';
import { Debuggee } from '../guest/debuggee.ts';
import { TRIALS, type Trial } from './trials.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'guests.md');
const TABLE = /^\| guest [^]*?(?=^\n|\n\n|$(?![^]))/m;

interface Outcome {
  passed: boolean;
  /** Of a table's cell. */
  text: string;
}

async function attempt(trial: Trial, guest: GuestName): Promise<Outcome> {
  const began = performance.now();
  try {
    const figure = await trial(guest);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    return { passed: true, text: `${figure}, ${seconds} s` };
  } catch (error) {
    process.stderr.write(`${guest}: ${(error as Error).message}\n`);
    return { passed: false, text: `**no**: ${(error as Error).message.split('\n')[0]!.slice(0, 80)}` };
  } finally {
    await Debuggee.endAll();
  }
}

const rowOf = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

async function main(guests: readonly GuestName[]): Promise<void> {
  const page = readFileSync(PAGE, 'utf8');
  const rows = new Map((TABLE.exec(page)?.[0] ?? '').split('\n').map((row) => [/^\| `([^`]+)`/.exec(row)?.[1], row]));
  for (const guest of guests) {
    process.stderr.write(`${guest}: building it if need be\n`);
    await ensureLab({ guest });
    const cells: string[] = [];
    for (const [name, trial] of Object.entries(TRIALS)) {
      const { passed, text } = await attempt(trial, guest);
      process.stderr.write(`${guest}: ${name}: ${text}\n`);
      if (!passed) process.exitCode = 1;
      cells.push(text);
    }
    rows.set(guest, rowOf([`\`${guest}\`: ${guestOf(guest).title}`, ...cells]));
  }
  const head = ['guest', ...Object.keys(TRIALS)];
  const known = GUEST_NAMES.flatMap((guest) => rows.get(guest) ?? []);
  const table = [rowOf(head), rowOf(head.map(() => '---')), ...known].join('\n');
  process.stdout.write(`${table}\n`);
  writeFileSync(
    PAGE,
    page.replace(TABLE, () => table),
  );
}

const chosen = process.argv.slice(2).filter(isGuestName);
await main(chosen.length > 0 ? chosen : GUEST_NAMES);
