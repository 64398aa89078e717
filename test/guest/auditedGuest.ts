/** A session whose jumps are audited, for tests: its reports, its page list, and writes that do harm. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Audit, AuditEvent, JumpDescription, LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { findLab } from '../../qemu-runner/guest/lab.ts';
import type { AuditReport } from '../../vmcore-viewer/core/auditReport.ts';
import type { AuditStage, AuditVerdictName } from '../../vmcore-viewer/core/auditVerdicts.ts';
import { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import { decodePageList, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { GuestRamFile, PAGE_SIZE, readWord } from '../../vmcore-viewer/core/physicalMemory.ts';
import { Debuggee, type Stop } from './debuggee.ts';

/** A slot of the control page. Source: arch/x86/kernel/relocate_kernel_32.S, CP_PA_BACKUP_PAGES_MAP. */
export const LIST_HEAD = 0x81c;
const SECONDS = 120;

type KernelName = 'A' | 'B';

export class AuditedGuest {
  readonly events: AuditEvent[] = [];
  private opened: GuestRamFile | undefined;

  private constructor(readonly debuggee: Debuggee) {
    debuggee.client.on('event', ({ event, body }) => {
      if (event === 'kexecJump/audited') this.events.push(body as AuditEvent);
    });
  }

  /** Kernel A runs its programs. */
  static async launch(configuration: LaunchConfiguration, environment?: NodeJS.ProcessEnv): Promise<AuditedGuest> {
    const guest = await AuditedGuest.begin(configuration, environment);
    await guest.debuggee.ready('canJump');
    return guest;
  }

  static async begin(configuration: LaunchConfiguration, environment: NodeJS.ProcessEnv = {}): Promise<AuditedGuest> {
    const launch = { audit: true, autoJump: false, stopAt: [], ...configuration };
    return new AuditedGuest(await Debuggee.launch(launch, environment));
  }

  async end(): Promise<void> {
    this.opened?.close();
    await this.debuggee.end();
  }

  async audit(): Promise<Audit> {
    return this.debuggee.client.request<Audit>('kexecJump/audit');
  }

  /** The report of a kernel's last jump. */
  async report(kernel: KernelName): Promise<AuditReport> {
    const report = (await this.audit()).jumps.filter((jump) => jump.kernel === kernel).at(-1);
    assert.ok(report, `a jump of kernel ${kernel} was audited`);
    return report;
  }

  async jump(): Promise<void> {
    await this.debuggee.client.request('kexecJump/jump');
  }

  async jumpBack(): Promise<void> {
    await this.debuggee.ready('canJumpBack');
    await this.debuggee.client.request('kexecJump/jumpBack');
  }

  async thereAndBack(): Promise<void> {
    await this.jump();
    await this.jumpBack();
    await this.debuggee.ready('canJump');
  }

  async proceed(kernel: KernelName): Promise<void> {
    await this.debuggee.proceed(kernel === 'A' ? 1 : 2);
  }

  async pause(kernel: KernelName): Promise<void> {
    await this.debuggee.client.request('pause', { threadId: kernel === 'A' ? 1 : 2 });
    await this.debuggee.stop();
  }

  /** Waits for a stage of a kernel's jump. */
  async judged(kernel: KernelName, stage: AuditStage): Promise<AuditEvent> {
    const isIt = (event: AuditEvent): boolean =>
      event.kernel === kernel && event.stages.some((outcome) => outcome.stage === stage);
    const before = this.events.find(isIt);
    if (before) return before;
    const event = await this.debuggee.client.waitFor('kexecJump/audited', SECONDS, ({ body }) =>
      isIt(body as AuditEvent),
    );
    return event.body as AuditEvent;
  }

  get ram(): GuestRamFile {
    return (this.opened ??= new GuestRamFile(join(this.debuggee.folder, 'ram')));
  }

  async atPhase(phase: string): Promise<Stop> {
    const stop = await this.debuggee.stop();
    assert.equal(stop.description, `Phase: ${phase}`);
    return stop;
  }

  /** Kernel A enters machine_kexec(): the list that it will leave by. */
  async listToLeaveBy(): Promise<PageList> {
    await this.atPhase('leaving A');
    const [frame] = await this.debuggee.stack(1);
    return decodePageList(this.ram, Number(await this.debuggee.evaluate('(unsigned)image->head', frame!.id)));
  }

  /** The swap begins: the control page and its list. */
  async atSwap(): Promise<{ controlPage: number; list: PageList }> {
    await this.atPhase('swapping pages');
    const controlPage = Number(BigInt(await this.debuggee.evaluate('(unsigned)$eip'))) & ~(PAGE_SIZE - 1);
    return { controlPage, list: decodePageList(this.ram, readWord(this.ram, controlPage + LIST_HEAD)!) };
  }

  /** The list that kernel A has left by, while kernel B runs. */
  async listLeftBy(): Promise<PageList> {
    const entryPoint = Number((await this.debuggee.agent('status'))['entry']);
    return decodePageList(this.ram, readWord(this.ram, entryPoint - (entryPoint % PAGE_SIZE) + LIST_HEAD)!);
  }

  /** Physical address of a kernel's symbol, as the kernel itself knows it. */
  async physicalOf(kernel: KernelName, symbol: string): Promise<number> {
    const { kernels } = await this.debuggee.client.request<JumpDescription>('kexecJump/describeJump');
    const { offset } = kernels.find(({ name }) => name === kernel)!;
    return symbolsOfLab().symbol(symbol)!.address + offset! - symbolsOfLab().pageOffset;
  }

  async write(address: number, bytes: Buffer): Promise<void> {
    const memoryReference = `physical:0x${address.toString(16)}`;
    await this.debuggee.client.request('writeMemory', { memoryReference, data: bytes.toString('base64') });
  }
}

/** The lab's vmlinux, which both kernels run. */
export const symbolsOfLab = (): KernelFile => (lab ??= new KernelFile(findLab()!.vmlinux));
let lab: KernelFile | undefined;

/** Physical addresses of the pages that have a verdict. */
export function where({ findings }: AuditReport, stage: AuditStage, verdict: AuditVerdictName): number[] {
  return findings
    .filter((finding) => finding.stage === stage && finding.verdict === verdict)
    .flatMap(({ pfn, pages }) => Array.from({ length: pages }, (_, index) => (pfn + index) * PAGE_SIZE));
}

/** A word of the page list. */
export function entry(value: number): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32LE(value);
  return word;
}
