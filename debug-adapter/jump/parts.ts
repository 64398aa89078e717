/** The parts of a session: each started once, ended once, and none left when another does not start. */
import { GuestAgent } from '../../qemu-runner/agent.ts';
import { writeInitrdOfA } from '../../qemu-runner/bootFiles.ts';
import { PrivateFolder } from '../../qemu-runner/janitor.ts';
import { Machine } from '../../qemu-runner/machine.ts';
import { GuestRamFile } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { ResolvedConfiguration } from '../configuration.ts';
import { KernelGdb } from '../gdb/kernelGdb.ts';
import { RspClient } from '../rsp/client.ts';
import { Router } from '../rsp/router.ts';
import { KernelStub } from '../rsp/stub.ts';
import { FUNCTIONS_WITH_PHASES, Kernel, KERNEL_NAMES, type KernelName, type KexecLayout } from './kernel.ts';
import { JumpTracker } from './tracker.ts';

export interface SessionParts {
  readonly folder: PrivateFolder;
  readonly machine: Machine;
  readonly router: Router;
  /** Guest memory, readable while the machine runs. */
  readonly memory: GuestRamFile;
  readonly stubs: readonly KernelStub[];
  readonly kernels: Readonly<Record<KernelName, Kernel>>;
  readonly gdbs: Readonly<Record<KernelName, KernelGdb>>;
  readonly tracker: JumpTracker;
  readonly agent: GuestAgent;
}

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
    const machine = (started.machine = await startMachine(configuration, folder));
    const router = (started.router = await Router.attach(await RspClient.connect(machine.paths.gdb), 'A'));
    const memory = (started.memory = new GuestRamFile(machine.paths.ram));
    const kernels = {
      A: new Kernel('A', configuration.kernels.A.file),
      B: new Kernel('B', configuration.kernels.B.file),
    };
    const stubs = (started.stubs = KERNEL_NAMES.map((name) => new KernelStub(name, router)));
    for (const stub of stubs) await stub.listen(gdbSocket(folder, stub.kernel as KernelName));
    const gdbs = (started.gdbs = await startGdbs(configuration, folder, kernels));
    const tracker = new JumpTracker(router, memory, kernels);
    const agent = new GuestAgent(machine.agentChannel, {
      consoleTail: () => (router.live === 'A' ? machine.consoleA : machine.consoleB).tail(2000),
      isRunning: () => router.isRunning,
    });
    return { folder, machine, router, memory, stubs, kernels, gdbs, tracker, agent };
  } catch (error) {
    await stopParts(started);
    throw error;
  }
}

/** Ends what was started: the gdb first, so that none of them sees its machine go. */
export async function stopParts({ gdbs, stubs, router, machine, memory, folder }: Started): Promise<void> {
  if (gdbs) await Promise.all([gdbs.A.stop(), gdbs.B.stop()]);
  for (const stub of stubs ?? []) stub.close();
  router?.close();
  await machine?.stop();
  memory?.close();
  folder?.release();
}

async function startMachine(configuration: ResolvedConfiguration, folder: PrivateFolder): Promise<Machine> {
  const { kernels, qemu, memory } = configuration;
  const initrd = folder.file('initrd');
  writeInitrdOfA(initrd, kernels.A.initrd, kernels.B);
  return Machine.start(
    qemu.path,
    {
      kernelImage: kernels.A.image,
      initrd,
      append: kernels.A.append,
      memory,
      accel: qemu.accel,
      extraArguments: qemu.args,
    },
    folder,
  );
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
    if (sourceDirectory !== undefined) await gdb.addSourceDirectory(sourceDirectory);
    kernel.layout = await readKexecLayout(gdb);
    await gdb.connect(gdbSocket(folder, kernel.name));
    return gdb;
  } catch (error) {
    await gdb.stop();
    throw error;
  }
}

async function readKexecLayout(gdb: KernelGdb): Promise<KexecLayout> {
  const bodies = new Map<string, number>();
  for (const name of FUNCTIONS_WITH_PHASES) {
    const address = await gdb.bodyOf(name);
    if (address !== undefined) bodies.set(name, address);
  }
  return {
    controlCodePage: await gdb.offsetOf('kimage', 'control_code_page'),
    pageSize: Number(await gdb.evaluate('sizeof(struct page)')),
    bodies,
  };
}

function gdbSocket(folder: PrivateFolder, kernel: KernelName): string {
  return folder.file(`gdb-${kernel}.socket`);
}
