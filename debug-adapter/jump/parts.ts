/** The parts of a session: each started once, ended once, and none left when another does not start. */
import { setTimeout as delay } from 'node:timers/promises';
import { AttachedMachine } from '../../qemu-runner/attachedMachine.ts';
import { Console } from '../../qemu-runner/consoles.ts';
import { GuestAgent } from '../../qemu-runner/agent.ts';
import { writeInitrdOfA } from '../../qemu-runner/bootFiles.ts';
import { PrivateFolder } from '../../qemu-runner/janitor.ts';
import { Machine } from '../../qemu-runner/machine.ts';
import type { AttachedTo, ResolvedConfiguration, SavedMachine } from '../configuration.ts';
import { needsFirstC, type BootFiles, type LaunchedMachine } from '../launchedMachine.ts';
import { KernelGdb } from '../gdb/kernelGdb.ts';
import type { ImageMachine } from '../postMortem/imageMachine.ts';
import { RspClient } from '../rsp/client.ts';
import { Router } from '../rsp/router.ts';
import { KernelStub } from '../rsp/stub.ts';
import { Kernel, KERNEL_NAMES, type KernelName } from './kernel.ts';
import { RamFileMemory, StubMemory, type MachineMemory } from './machineMemory.ts';
import { readKexecCode } from './kexecCode.ts';
import { readKexecLayout, readTaskOffsets } from './layouts.ts';
import { JumpTracker } from './tracker.ts';

export interface SessionParts {
  readonly folder: PrivateFolder;
  readonly machine: Machine | AttachedMachine | ImageMachine;
  readonly router: Router;
  /** Guest memory, readable while the machine runs. */
  readonly memory: MachineMemory;
  readonly stubs: readonly KernelStub[];
  readonly kernels: Readonly<Record<KernelName, Kernel>>;
  readonly gdbs: Readonly<Record<KernelName, KernelGdb>>;
  readonly tracker: JumpTracker;
  readonly agent: GuestAgent;
}

/** Source: Intel SDM volume 3, section 18.2. */
const KVM_DEBUG_REGISTERS = 4;
const SETTLE_MS = 200;
const NO_RAM_FILE = { size: 0, read: () => undefined };
/** RAM below the PCI hole, where nobody says how much there is; in bytes. */
const MOST_RAM = (3 << 30) >>> 0;

/** What has been started so far, in that order. */
type Started = { -readonly [Part in keyof SessionParts]?: SessionParts[Part] };

/**
 * Starts QEMU, stopped before its first instruction, and what debugs it.
 * @throws UserFacingError of the part that did not start; the others are ended again.
 */
export async function startParts(configuration: ResolvedConfiguration): Promise<SessionParts> {
  const folder = PrivateFolder.make();
  const started: Started = { folder };
  try {
    const { machine, memory, router } = await startMachine(configuration.machine, folder, started);
    if (configuration.machine.kind === 'launch' && configuration.machine.qemu.accel === 'kvm') {
      router.debugRegisters = KVM_DEBUG_REGISTERS;
    }
    if (configuration.stepIntoInterrupts) await router.stepIntoInterrupts();
    const kernels = {
      A: new Kernel('A', configuration.kernels.A.file),
      B: new Kernel('B', configuration.kernels.B.file),
    };
    const stubs = (started.stubs = KERNEL_NAMES.map((name) => new KernelStub(name, router)));
    for (const stub of stubs) await stub.listen(gdbSocket(folder, stub.kernel as KernelName));
    const gdbs = (started.gdbs = await startGdbs(configuration, folder, kernels));
    const tracker = new JumpTracker(router, memory, kernels);
    const channel = machine instanceof Machine ? machine.agentChannel : new Console(() => undefined);
    const agent = new GuestAgent(channel, {
      consoleTail: () => machine.consoleTail(router.live as KernelName),
      isRunning: () => router.isRunning,
    });
    return { folder, machine, router, memory, stubs, kernels, gdbs, tracker, agent };
  } catch (error) {
    await stopParts(started);
    throw error;
  }
}

/** Ends what was started: the gdb first, so that none of them sees its machine go. A machine of the user's runs on. */
export async function stopParts({ gdbs, stubs, router, machine, memory, folder }: Started): Promise<void> {
  if (gdbs) await Promise.all([gdbs.A.stop(), gdbs.B.stop()]);
  for (const stub of stubs ?? []) stub.close();
  if (machine instanceof AttachedMachine) await router?.detach().catch(() => undefined);
  router?.close();
  await machine?.stop();
  if (memory instanceof RamFileMemory) memory.close();
  folder?.release();
}

async function startMachine(
  wanted: LaunchedMachine | AttachedTo | SavedMachine,
  folder: PrivateFolder,
  started: Started,
): Promise<Pick<SessionParts, 'machine' | 'memory' | 'router'>> {
  if (wanted.kind === 'attach') return attachMachine(wanted, started);
  if (wanted.kind === 'image') return standInFor(wanted.image, folder, started);
  const { qemu, cpus, cpu, memory: size, resume } = wanted;
  const booted = filesToBoot(wanted, folder);
  const machine = (started.machine = await Machine.start(
    qemu.path,
    {
      kernelImage: booted.image,
      initrd: booted.initrd,
      append: booted.append,
      memory: size,
      ...{ cpus, cpu, accel: qemu.accel },
      extraArguments: qemu.args,
      resumeImage: resume?.path,
    },
    folder,
  ));
  const memory = (started.memory = new RamFileMemory(machine.paths.ram));
  const first: KernelName = resume ? 'B' : 'A';
  const router = (started.router = await Router.attach(await RspClient.connect(machine.paths.gdb), memory, first));
  return { machine, memory, router };
}

/** The first kernel's files; the kernel that it is to load is in its initial RAM disk. */
function filesToBoot(machine: LaunchedMachine, folder: PrivateFolder): BootFiles {
  const { A, B } = machine.boot;
  if (machine.resume && !needsFirstC(machine)) return B;
  const first = machine.resume ? B : A;
  const initrd = folder.file('initrd');
  writeInitrdOfA(initrd, first.initrd, B);
  return { ...first, initrd };
}

async function attachMachine(
  target: AttachedTo,
  started: Started,
): Promise<Pick<SessionParts, 'machine' | 'memory' | 'router'>> {
  const machine = (started.machine = await AttachedMachine.attach(target));
  const qemu = await RspClient.connect(target.gdbstub);
  // A running machine stops when it is connected to, and says so unasked.
  await delay(SETTLE_MS);
  if (target.ram !== undefined) {
    const memory = (started.memory = new RamFileMemory(target.ram));
    return { machine, memory, router: (started.router = await Router.attach(qemu, memory, 'A')) };
  }
  const router = (started.router = await Router.attach(qemu, NO_RAM_FILE, 'A'));
  const size = target.memory === undefined ? await machine.ramSize() : target.memory * 2 ** 20;
  return { machine, router, memory: new StubMemory(router, size ?? MOST_RAM) };
}

/** A saved image in the place of a machine: its own gdbstub is there for as long as the image is open. */
async function standInFor(
  image: ImageMachine,
  folder: PrivateFolder,
  started: Started,
): Promise<Pick<SessionParts, 'machine' | 'memory' | 'router'>> {
  started.machine = image;
  const socket = folder.file('image.socket');
  await image.serve(socket);
  const router = (started.router = await Router.attach(await RspClient.connect(socket), image.memory, 'A'));
  return { machine: image, memory: image.memory, router };
}

/** Both at a time: most of it is gdb reading symbols. */
async function startGdbs(
  configuration: ResolvedConfiguration,
  folder: PrivateFolder,
  kernels: Readonly<Record<KernelName, Kernel>>,
): Promise<SessionParts['gdbs']> {
  const starting = KERNEL_NAMES.map(async (name) => startGdb(configuration, folder, kernels[name]));
  const outcomes = await Promise.allSettled(starting);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) {
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.stop();
    throw failed.reason;
  }
  const [A, B] = await Promise.all(starting);
  return { A: A!, B: B! };
}

async function startGdb(
  configuration: ResolvedConfiguration,
  folder: PrivateFolder,
  kernel: Kernel,
): Promise<KernelGdb> {
  const gdb = await KernelGdb.start(kernel.name, configuration.gdb.path, configuration.gdb.setup);
  folder.own(gdb.process.pid);
  gdb.process.once('exited', () => {
    folder.gone(gdb.process.pid);
  });
  try {
    const { vmlinux, sourceDirectory, gdbScripts } = configuration.kernels[kernel.name];
    await gdb.loadSymbols(vmlinux);
    await gdb.loadKernelCommands(gdbScripts);
    for (const [from, to] of configuration.sourceFileMap) await gdb.substitutePath(from, to);
    if (sourceDirectory !== undefined) await gdb.addSourceDirectory(sourceDirectory);
    kernel.layout = await readKexecLayout(gdb);
    kernel.taskOffsets = await readTaskOffsets(gdb);
    kernel.kexecCode = await readKexecCode(gdb);
    await gdb.connect(gdbSocket(folder, kernel.name));
    return gdb;
  } catch (error) {
    await gdb.stop();
    throw error;
  }
}

function gdbSocket(folder: PrivateFolder, kernel: KernelName): string {
  return folder.file(`gdb-${kernel}.socket`);
}
