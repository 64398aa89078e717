/** Gathers what the rules judge by from the files of a launch, before anything is started. */
import { existsSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { readBootHeader } from '../../qemu-runner/bootHeader.ts';
import { userDataFolder } from '../../qemu-runner/userData.ts';
import type { ResolvedConfiguration } from '../configuration.ts';
import type { LaunchedMachine } from '../launchedMachine.ts';
import type { KernelName } from '../jump/kernel.ts';
import { hasPae } from '../machineCpus.ts';
import type { HibernateWish, ResumeWay } from '../protocol.ts';
import type { ResumeImage } from '../postMortem/resumeImage.ts';
import type { DiskPlace, Facts, InitrdFacts, KernelFacts, ResumeFacts, SaveFacts } from './facts.ts';
import { readInitrd } from './initrd.ts';
import { reloadsGdt, savesRegisters, setsCr4Again } from './kernelCode.ts';
import { kernelOptions } from './kernelOptions.ts';

const DEFAULT_LEVEL: HibernateWish['level'] = 17;

/**
 * What can be known before the machine runs.
 * @returns `undefined` for a machine or an image of the user's: what it was booted with is not known.
 * @throws UserFacingError when a file cannot be read.
 */
export async function gatherFacts(configuration: ResolvedConfiguration): Promise<Facts | undefined> {
  const { machine, kernels, hibernate } = configuration;
  if (machine.kind !== 'launch') return undefined;
  const initrds = new Map<string, Promise<InitrdFacts>>();
  const kernel = async (name: KernelName): Promise<KernelFacts> => {
    const { initrd } = machine.boot[name];
    const reading = initrds.get(initrd) ?? readInitrd(initrd);
    initrds.set(initrd, reading);
    return kernelFacts(machine, kernels[name].file, name, await reading);
  };
  const [A, B] = await Promise.all([kernel('A'), kernel('B')]);
  return {
    memory: machine.memory * 2 ** 20,
    window: machine.window,
    kernels: { A, B },
    save: saveFacts(hibernate),
    resume: machine.resume && resumeFacts(machine.resume, machine.resumeBy),
    live: undefined,
  };
}

function kernelFacts(
  { boot }: LaunchedMachine,
  file: ResolvedConfiguration['kernels']['A']['file'],
  name: KernelName,
  initrd: InitrdFacts,
): KernelFacts {
  const { image, append } = boot[name];
  const { setupSize, placement } = readBootHeader(image);
  return {
    options: kernelOptions(file),
    append,
    imageSize: statSync(image).size - setupSize,
    placement,
    reloadsGdt: reloadsGdt(file),
    savesRegisters: savesRegisters(file),
    setsCr4Again: hasPae(file) ? setsCr4Again(file) : 'without PAE',
    initrd,
  };
}

/** Of a save that was wished for, else of one by the palette. */
export function saveFacts(wish: Pick<HibernateWish, 'path' | 'level'> | undefined): SaveFacts {
  const folder = wish ? dirname(wish.path) : userDataFolder('images', 'KEXEC_JUMP_IMAGES');
  return { level: wish?.level ?? DEFAULT_LEVEL, places: [tmpdir(), folder].map(placeOf) };
}

/** A folder that is not there yet will be made where its parents are. */
function placeOf(folder: string): DiskPlace {
  let there = folder;
  while (!existsSync(there) && there !== dirname(there)) there = dirname(there);
  const { bavail, bsize } = statfsSync(there);
  return { path: folder, free: bavail * bsize, device: statSync(there).dev };
}

function resumeFacts({ path, explorer, memoryEnd }: ResumeImage, way: ResumeWay): ResumeFacts {
  const { regions } = explorer.image;
  return {
    path,
    loaded: regions.reduce((sum, { length }) => sum + length, 0),
    memoryEnd,
    copies: way === 'copy',
  };
}
