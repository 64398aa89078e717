/**
 * The audit of jumps: at four moments of a jump there and back, while the machine is held, every page frame is hashed from the
 * RAM file. Each departure of a kernel is a jump of its own, until it is back: while A is away B runs, and while B is away A.
 */
import { EventEmitter } from 'node:events';
import { reportAudit, type AuditedJump, type AuditReport } from '../../vmcore-viewer/core/auditReport.ts';
import { isJudged, JUDGED_AT, type AuditMoment, type StageOutcome } from '../../vmcore-viewer/core/auditStages.ts';
import { brokenEntryInWords, STAGE_NAMES, textOfAudit } from '../../vmcore-viewer/core/auditText.ts';
import { AUDIT_VERDICTS } from '../../vmcore-viewer/core/auditVerdicts.ts';
import { PageHashes } from '../../vmcore-viewer/core/pageHashes.ts';
import { auditNeedsRam, noAuditYet } from '../errors.ts';
import type { Audit, AuditEvent } from '../protocol.ts';
import { beginAuditedJump } from './auditedJump.ts';
import { KERNEL_NAMES, type Kernel, type KernelName } from './kernel.ts';
import { RamFileMemory, type MachineMemory } from './machineMemory.ts';
import type { JumpTracker } from './tracker.ts';

type Judged = ReturnType<typeof reportAudit>;

/** What is known of the jumps so far; it belongs to a moment, and goes back in time with it. */
export interface AuditRecord {
  /** Jumps that are over; what was hashed of them is gone. */
  readonly over: readonly Judged[];
  /** That of each kernel which is about to leave, or is away. */
  readonly underWay: Readonly<Partial<Record<KernelName, AuditedJump>>>;
  /** Why moments of a jump were not seen if it was under way before this record began. */
  readonly unseen: string;
}

const WAS_OFF = 'the audit was off then';
const WAS_SWITCHED_OFF = 'the audit was switched off';
const BEGAN_LATER = 'the session attached to a machine, or went to a snapshot of another session, in the middle';
const DID_NOT_COME_BACK = 'it left again without having come back by its re-entry point';

export class JumpAudit extends EventEmitter<{ judged: [AuditEvent] }> {
  /** What was known when something was hashed last: it can be asked for after a restart too. */
  private last: AuditRecord | undefined;

  constructor(
    private readonly tracker: JumpTracker,
    private readonly memory: MachineMemory,
    private readonly kernels: Readonly<Record<KernelName, Kernel>>,
  ) {
    super();
    this.record = { over: [], underWay: {}, unseen: WAS_OFF };
  }

  /** Whether moments from now on are hashed. @throws UserFacingError `audit-needs-ram`. */
  set isOn(isOn: boolean) {
    if (isOn && !(this.memory instanceof RamFileMemory)) throw auditNeedsRam();
    this.tracker.off('moment', this.onMoment);
    if (isOn) {
      this.tracker.on('moment', this.onMoment);
      return;
    }
    for (const name of KERNEL_NAMES) this.close(name, WAS_SWITCHED_OFF);
    this.record = { ...this.record, unseen: WAS_OFF };
    if (this.last) this.last = this.record;
  }

  /** The jumps so far, as far as they went. @throws UserFacingError `no-audit-yet`. */
  get report(): Audit {
    const { over = [], underWay = {} } = this.last ?? {};
    const judged = [...over, ...Object.values(underWay).map(reportAudit)].sort(
      (one, other) => one.report.jump - other.report.jump,
    );
    if (judged.length === 0) throw noAuditYet();
    const jumps = judged.map(({ report }) => report);
    return {
      jumps,
      violations: jumps.reduce((sum, { violations }) => sum + violations, 0),
      text: textOfAudit(jumps),
      layer: { verdicts: [...AUDIT_VERDICTS], bytes: Buffer.from(worstOf(judged)).toString('base64') },
    };
  }

  private get record(): AuditRecord {
    return this.tracker.observed.audit ?? { over: [], underWay: {}, unseen: BEGAN_LATER };
  }

  private set record(record: AuditRecord) {
    this.tracker.observed = { ...this.tracker.observed, audit: record };
  }

  private readonly onMoment = (moment: AuditMoment, kernel: Kernel): void => {
    if (moment === 'swapBegins') this.close(kernel.name, DID_NOT_COME_BACK);
    const start = performance.now();
    const hashes = new PageHashes(this.memory);
    const begun = this.record.underWay[kernel.name] ?? this.begin(moment, kernel);
    const jump = { ...begun, hashes: { ...begun.hashes, [moment]: hashes } };
    const milliseconds = Math.round(performance.now() - start);
    this.record = { ...this.record, underWay: { ...this.record.underWay, [kernel.name]: jump } };
    this.tell(moment, reportAudit(jump).report, milliseconds);
    if (moment === 'swappedBack') this.close(kernel.name);
    this.last = this.record;
  };

  private begin(moment: AuditMoment, kernel: Kernel): AuditedJump {
    const { over, underWay, unseen } = this.record;
    const peer = this.kernels[kernel.name === 'A' ? 'B' : 'A'];
    const number = over.length + Object.keys(underWay).length + 1;
    return beginAuditedJump(this.memory, moment, { kernel, peer, number, unseen });
  }

  /** No more moments come of a kernel's jump. @param over why, if it has not come back. */
  private close(name: KernelName, over?: string): void {
    const { [name]: jump, ...underWay } = this.record.underWay;
    if (!jump) return;
    this.record = { ...this.record, underWay, over: [...this.record.over, reportAudit({ ...jump, over })] };
  }

  private tell(moment: AuditMoment, report: AuditReport, milliseconds: number): void {
    const stages = report.stages.filter(({ stage }) => JUDGED_AT[moment].includes(stage));
    const violations = stages.reduce((sum, outcome) => sum + outcome.violations, 0);
    const outcome = stages.map((stage) => inWords(stage, report)).join('; ');
    const line = `Audit of jump ${report.jump}, kernel ${report.kernel} into kernel ${report.peer}: ${outcome} (hashed in ${milliseconds} ms)`;
    this.emit('judged', {
      ...{ jump: report.jump, kernel: report.kernel, stages, violations, milliseconds, line },
    });
  }
}

/** What came of a stage, as a clause. */
function inWords({ stage, status, violations, why }: StageOutcome, report: AuditReport): string {
  const { kernel, peer, exchanges } = report;
  const name = STAGE_NAMES[stage](kernel, peer);
  if (!isJudged(status)) return `NOT JUDGED: ${name}, as ${why}`;
  if (stage === 'list' && report.brokenEntry) return `the page list does not decode: ${brokenEntryInWords(report)}`;
  const well: Record<StageOutcome['stage'], string> = {
    list: `the page list of ${exchanges} exchanges is sound`,
    swap: `the exchange of ${exchanges} pages is exact`,
    absence: `kernel ${peer} left the pages of kernel ${kernel} alone`,
    swapBack: 'the exchange back is exact',
    return: `kernel ${kernel} has all its pages back`,
  };
  const wrong = `VIOLATION: ${name}: ${violations} ${violations === 1 ? 'page is' : 'pages are'} not as they should be`;
  const outcome = violations > 0 ? wrong : well[stage];
  return status === 'partlyJudged' ? `${outcome} as far as that can be told: ${why}` : outcome;
}

/** For each page frame the worst verdict of each kernel's last jump. */
function worstOf(judged: readonly Judged[]): Uint8Array {
  const last = [...new Map(judged.map(({ report, layer }) => [report.kernel, layer])).values()];
  return last.reduce((worst, layer) => worst.map((verdict, frame) => Math.max(verdict, layer[frame]!)));
}
