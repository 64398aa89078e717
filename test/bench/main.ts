/**
 * The bench: our adapter, plain gdb and the npm package cdt-gdb-adapter side by side on QEMU with the lab's kernel.
 *
 *   npm run bench [-- --json FILE] [--only QUANTITY,...]
 *
 * It never judges by time: its exit status is 0 unless something did not run.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { findLab, type Lab } from '../../qemu-runner/guest/lab.ts';
import { Field, reasonOf } from './field.ts';
import { measureAll } from './measurements.ts';
import { NpmAdapter } from './npmAdapter.ts';
import { Ours } from './ours.ts';
import { PlainGdb } from './plainGdb.ts';
import { isQuantity, QUANTITIES, type QuantityName } from './quantities.ts';
import { rowsOf, tableOf } from './report.ts';

async function bench(lab: Lab, quantities: readonly QuantityName[], jsonFile: string | undefined): Promise<number> {
  const field = new Field();
  const stop = (): void => {
    void field.end().finally(() => process.exit(130));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await field.enter('plain gdb', async () => PlainGdb.start(lab));
    await field.enter('ours', async () => Ours.start());
    await field.enter('npm adapter', async () => NpmAdapter.start(lab));
    const results = await measureAll(field, lab, quantities, (quantity) => {
      process.stderr.write(`measuring: ${QUANTITIES[quantity].title}\n`);
    });
    const rows = rowsOf(results);
    process.stdout.write(tableOf(rows, field));
    if (jsonFile !== undefined) {
      const [processor] = cpus();
      const about = {
        date: new Date().toISOString().slice(0, 10),
        machine: `${processor?.model ?? 'unknown'}, ${cpus().length} cores`,
        kernel: lab.release,
      };
      const { notes, skipped } = field;
      const report = { ...about, rows, skipped: Object.fromEntries(skipped), notes };
      writeFileSync(jsonFile, JSON.stringify(report, null, 2) + '\n');
    }
    return field.skipped.size === 0 ? 0 : 1;
  } finally {
    await field.end();
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } });
  const names = Object.keys(QUANTITIES).filter(isQuantity);
  const quantities = values.only?.split(',') ?? names;
  if (!quantities.every(isQuantity)) {
    process.stderr.write(`Quantities are ${names.join(', ')}.\n`);
    return 1;
  }
  const lab = findLab();
  if (!lab) {
    process.stderr.write('The lab guest is not built yet: run "npm start" once.\n');
    return 1;
  }
  return bench(lab, quantities, values.json);
}

void main()
  .catch((error: unknown) => {
    process.stderr.write(`bench: ${reasonOf(error)}\n`);
    return 1;
  })
  .then((code) => {
    process.exitCode = code;
  });
