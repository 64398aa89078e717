/** The measurements themselves, in the order in which a booting kernel comes by their places. */
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import { AdapterMemory } from './adapterMemory.ts';
import { CONTENDER_NAMES, type StepKind } from './contender.ts';
import { reasonOf, type Field } from './field.ts';
import { Ours } from './ours.ts';
import { QUANTITIES, type QuantityName } from './quantities.ts';
import { RawStub } from './rawStub.ts';
import { milliseconds, type Samples } from './samples.ts';
import { symbolLoads } from './symbolLoad.ts';

const MEBIBYTE = 0x100000;

/** Start of the kernel's text, which is the same in every machine; the read-only part of it is longer than this. */
const TEXT = 0xc1000000;
const TEXT_LENGTH = 2 * MEBIBYTE;

const SYMBOL_ROUNDS = 5;
const PAINT_ROUNDS = 40;
const MEMORY_ROUNDS = 8;
const DORMANT_BACKTRACES = 40;

const STEP_ROUNDS = 15;

/** Steps of one kind: each round begins where a function is entered, and goes on for so many steps. */
interface Walk {
  quantity: QuantityName;
  from: string;
  kind: StepKind;
  steps: number;
}

/**
 * Functions that the booting kernel calls many times in the same way, before there is a program whose addresses are
 * random. No repeated instruction is on the way of the single ones: ours steps it as one, gdb alone each of its turns.
 */
const WALKS: readonly Walk[] = [
  { quantity: 'stepInto', from: 'vsnprintf', kind: 'line into', steps: 20 },
  { quantity: 'stepOver', from: 'path_openat', kind: 'line over', steps: 15 },
  { quantity: 'stepInstruction', from: 'path_openat', kind: 'instruction', steps: 20 },
];

/** Deep in the kernel: the first program of kernel A gets its memory. */
const PAINTED_FUNCTION = 'mmap_region';

/** Hears which quantity is being measured. */
export type Progress = (quantity: QuantityName) => void;

/** Measures what is wanted; samples by quantity. Contenders that fail are noted in the field. */
export async function measureAll(
  field: Field,
  lab: Lab,
  wanted: readonly QuantityName[],
  progress: Progress,
): Promise<Map<QuantityName, Samples>> {
  const results = new Map<QuantityName, Samples>();
  const take = async (quantity: QuantityName, measure: () => Promise<Samples>): Promise<void> => {
    if (!wanted.includes(quantity)) return;
    progress(quantity);
    try {
      results.set(quantity, await measure());
    } catch (error) {
      field.skipped.set(QUANTITIES[quantity].title, reasonOf(error));
    }
  };
  for (const walk of WALKS) await take(walk.quantity, async () => measureSteps(field, walk));
  await take('paint', async () => measurePaint(field));
  await take('memory', async () => measureMemory(field, lab));
  await take('memoryInside', async () => measureMemoryInside(field, lab));
  await take('dormant', async () => measureDormant(field));
  await take('symbols', async () => measureSymbols(field, lab));
  return results;
}

async function measureSteps(field: Field, { from, kind, steps }: Walk): Promise<Samples> {
  const samples = await field.rounds(STEP_ROUNDS, async (contender) => {
    await contender.runTo(from);
    const times: number[] = [];
    for (let step = 0; step < steps; step++) times.push(await milliseconds(async () => contender.step(kind)));
    return times;
  });
  await comparePlaces(field, `where steps by ${kind} end`);
  return samples;
}

/** Each stop is painted once: what was read of the last one is of no use for it. */
async function measurePaint(field: Field): Promise<Samples> {
  await field.each(async (contender) => contender.runTo(PAINTED_FUNCTION));
  await comparePlaces(field, 'where stops are painted');
  await field.compare('what is painted', async (contender) => {
    const { frames, variables } = await contender.paint();
    return `${frames} frames, ${variables} variables`;
  });
  return field.rounds(PAINT_ROUNDS, async (contender) => {
    await contender.step('line over');
    return [await milliseconds(async () => contender.paint())];
  });
}

/** Every contender reads the same as QEMU's stub. */
async function measureMemory(field: Field, lab: Lab): Promise<Samples> {
  const place = await memoryPlace(field);
  return besideStub(lab, place, async (address, expected, samples) => {
    await field.rounds(
      1,
      async (contender) => [await readingSpeed(expected, async () => contender.readMemory(address, MEBIBYTE))],
      samples,
    );
  });
}

/** What the adapter does for a read, in this process. */
async function measureMemoryInside(field: Field, lab: Lab): Promise<Samples> {
  const place = await memoryPlace(field);
  const memory = await AdapterMemory.start(lab);
  try {
    await memory.runTo(place);
    return await besideStub(lab, place, async (address, expected, samples) => {
      const speed = await readingSpeed(expected, async () => memory.readMemory(address, MEBIBYTE));
      samples.set('ours', [...(samples.get('ours') ?? []), speed]);
    });
  } finally {
    await memory.end();
  }
}

/** Stops all where the kernel's text is as it stays, and returns where that is. */
async function memoryPlace(field: Field): Promise<number> {
  await field.each(async (contender) => contender.runTo(PAINTED_FUNCTION));
  const [contender] = field.running();
  if (!contender) throw new Error('there is nobody to read');
  return contender.programCounter();
}

/** Lets QEMU's stub read, and then others the same; no address is read twice in a row. */
async function besideStub(
  lab: Lab,
  place: number,
  others: (address: number, expected: Buffer, samples: Samples) => Promise<void>,
): Promise<Samples> {
  const samples: Samples = new Map();
  const stub = await RawStub.start(lab);
  try {
    await stub.runTo(place);
    for (let round = 0; round < MEMORY_ROUNDS; round++) {
      const address = TEXT + ((round * MEBIBYTE) % TEXT_LENGTH);
      const expected = await stub.readMemory(address, MEBIBYTE);
      const speed = await readingSpeed(expected, async () => stub.readMemory(address, MEBIBYTE));
      samples.set('QEMU stub', [...(samples.get('QEMU stub') ?? []), speed]);
      await others(address, expected, samples);
    }
    return samples;
  } finally {
    await stub.end();
  }
}

/** MiB/s of a read of 1 MiB. */
async function readingSpeed(expected: Buffer, read: () => Promise<Buffer>): Promise<number> {
  let bytes: Buffer | undefined;
  const taken = await milliseconds(async () => (bytes = await read()));
  if (!bytes?.equals(expected)) throw new Error('it did not read what is in the memory');
  return 1000 / taken;
}

async function measureDormant(field: Field): Promise<Samples> {
  const ours = field.running().find((contender) => contender instanceof Ours);
  if (!ours) return new Map();
  const times: number[] = [];
  try {
    await ours.leaveKernelADormant();
    for (let turn = 0; turn < DORMANT_BACKTRACES; turn++) {
      await ours.forgetKernelA();
      times.push(await milliseconds(async () => ours.backtrace()));
    }
  } catch (error) {
    field.skipped.set('ours', reasonOf(error));
  }
  return new Map([['ours', times]]);
}

/** Of new processes, not of those in the field. */
async function measureSymbols(field: Field, lab: Lab): Promise<Samples> {
  const samples: Samples = new Map();
  const loads = symbolLoads(lab);
  for (let round = 0; round < SYMBOL_ROUNDS; round++) {
    for (const name of CONTENDER_NAMES.filter((candidate) => !field.skipped.has(candidate))) {
      try {
        samples.set(name, [...(samples.get(name) ?? []), await loads[name]()]);
      } catch (error) {
        field.skipped.set(name, reasonOf(error));
      }
    }
  }
  return samples;
}

async function comparePlaces(field: Field, what: string): Promise<void> {
  await field.compare(what, async (contender) => `0x${(await contender.programCounter()).toString(16)}`);
}
