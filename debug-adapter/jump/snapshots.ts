/** Going back in time: the restart point of a session, and snapshots by name that outlive it. */
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import type { GuestAgent } from '../../qemu-runner/agent.ts';
import type { QmpClient } from '../../qemu-runner/qmp.ts';
import { SnapshotLibrary, type GuestIdentity } from '../../qemu-runner/snapshotLibrary.ts';
import { loadMachine, saveMachine } from '../../qemu-runner/snapshots.ts';
import type { ResolvedConfiguration } from '../configuration.ts';
import type { LaunchedMachine } from '../launchedMachine.ts';
import { needsQmp, notNow, savedImageOnly, sessionStopped } from '../errors.ts';
import type { CpuMemento } from '../rsp/cpuOwners.ts';
import type { Router } from '../rsp/router.ts';
import type { MachineMemory } from './machineMemory.ts';
import { KERNEL_NAMES, type Kernel, type KernelName } from './kernel.ts';
import { claimOnlineCpus } from './onlineCpus.ts';
import { fromSavedMoment, parseSavedMoment, toSavedMoment, type TrackerMemento } from './memento.ts';
import type { JumpTracker } from './tracker.ts';

/** A moment of this session. */
interface Moment {
  tracker: TrackerMemento;
  cpus: CpuMemento;
  /** Kernels whose agents answered. */
  ready: readonly string[];
}

/** The parts of a session that go back in time. */
export interface TimeTravellers {
  readonly qmp: QmpClient | undefined;
  readonly router: Router;
  readonly tracker: JumpTracker;
  readonly agent: GuestAgent;
  readonly memory: MachineMemory;
  readonly configuration: ResolvedConfiguration;
  readonly kernels: Readonly<Record<KernelName, Kernel>>;
  /** Path of the image of a point in time. */
  readonly imageOf: (point: PointInTime) => string;
}

/** What a session can go back to by itself: before the jump, to the start of the swap of pages. */
export type PointInTime = 'restart' | 'swap';

const WHEN_KEPT: Readonly<Record<PointInTime, string>> = {
  restart: 'One is taken when kernel A runs its programs.',
  swap: 'One is taken by the first step from the start of the swap on: stop at the phase "swapping pages".',
};

export class Snapshots {
  private readonly library = new SnapshotLibrary();
  private readonly kept = new Map<PointInTime, Moment>();
  /** Moments of the snapshots that this session took, by when; theirs can be gone back to in the middle of a jump. */
  private readonly own = new Map<string, Moment>();

  constructor(private readonly parts: TimeTravellers) {}

  /** Keeps the machine as it is now. */
  async keep(point: PointInTime): Promise<void> {
    const moment = this.moment();
    await saveMachine(this.qmp(), this.parts.imageOf(point));
    this.kept.set(point, moment);
  }

  /** Brings the stopped machine back. @throws UserFacingError `not-now` while nothing was kept. */
  async goTo(point: PointInTime): Promise<void> {
    const moment = this.kept.get(point);
    if (!moment) throw notNow('Going back', 'there is no snapshot to go back to', WHEN_KEPT[point]);
    await this.rewind(this.parts.imageOf(point), moment);
  }

  /** Saves the machine under a name; a snapshot of that name is replaced. */
  async save(name: string): Promise<void> {
    const moment = this.moment();
    const taken = new Date().toISOString();
    await saveMachine(this.qmp(), this.library.imageToSave(name));
    const { live, phase = 'booting' } = moment.tracker;
    const state = { moment: toSavedMoment(moment.tracker), ready: moment.ready };
    const where = `kernel ${live}, ${phase}`;
    this.library.describe({ name, taken, where, guest: await this.identity(), state });
    this.own.set(taken, moment);
  }

  /**
   * Brings the stopped machine back to a snapshot.
   * @throws UserFacingError `snapshot-unknown`, `snapshot-of-other-guest`, `snapshot-unusable`.
   */
  async load(name: string): Promise<void> {
    const { description, image } = this.library.find(name, await this.identity());
    const own = this.own.get(description.taken);
    if (own) {
      await this.rewind(image, own);
      return;
    }
    const { moment, ready = [] } = (description.state ?? {}) as { moment?: unknown; ready?: string[] };
    const saved = parseSavedMoment(moment);
    const { router, memory, tracker, kernels } = this.parts;
    await this.rewindTo(image, ready, async () => {
      await tracker.startFrom(await fromSavedMoment(saved, memory, router.layout, kernels));
      await claimOnlineCpus(router, kernels);
    });
  }

  private moment(): Moment {
    const { tracker, router, agent } = this.parts;
    return { tracker: tracker.memento(), cpus: router.views.memento(), ready: agent.ready };
  }

  private async rewind(image: string, { tracker, cpus, ready }: Moment): Promise<void> {
    await this.rewindTo(image, ready, async () => {
      await this.parts.tracker.rewind(tracker);
      this.parts.router.views.rewind(cpus);
    });
  }

  private async rewindTo(image: string, ready: readonly string[], restore: () => Promise<void>): Promise<void> {
    const { router, agent } = this.parts;
    await loadMachine(this.qmp(), image);
    router.forgetMachineState();
    agent.rewind(ready, sessionStopped());
    await restore();
  }

  /** What has to be the same for a machine's state to make sense: QEMU does not check the kernels. */
  private async identity(): Promise<GuestIdentity> {
    const { qemu: version } = (await this.qmp().command('query-version')) as { qemu: Record<string, number> };
    const { kernels, machine } = this.parts.configuration;
    const ofKernel = (name: KernelName): [string, string] => [`kernel ${name}`, kernels[name].file.banner ?? ''];
    return {
      ...Object.fromEntries(KERNEL_NAMES.map(ofKernel)),
      QEMU: `${version['major']}.${version['minor']}.${version['micro']}`,
      ...(machine.kind === 'launch' ? identityOfMachine(machine) : { machine: 'attached' }),
    };
  }

  private qmp(): QmpClient {
    if (this.parts.configuration.machine.kind === 'image') throw savedImageOnly();
    if (!this.parts.qmp) throw needsQmp('A snapshot');
    return this.parts.qmp;
  }
}

function identityOfMachine({ memory, cpus, cpu, qemu, boot }: LaunchedMachine): GuestIdentity {
  const fingerprint = createHash('sha256');
  for (const name of KERNEL_NAMES) fingerprint.update(readFileSync(boot[name].initrd)).update(boot[name].append);
  return {
    memory: `${memory} MiB`,
    CPUs: cpu === undefined ? String(cpus) : `${cpus}, ${cpu}`,
    accelerator: qemu.accel,
    'QEMU arguments': qemu.args.join(' '),
    'initial RAM disks and command lines': fingerprint.digest('hex').slice(0, 16),
  };
}
