/** Collects what an audit finds: pages side by side with one verdict are one finding, and every page has a byte. */
import { AUDIT_VERDICT, AUDIT_VERDICTS, type AuditStage, type AuditVerdictName } from './auditVerdicts.ts';

/** Pages that lie side by side in the memory of the kernel that left, and were judged the same. */
export interface AuditFinding {
  stage: AuditStage;
  verdict: AuditVerdictName;
  isViolation: boolean;
  /** The first page frame number, and how many pages there are. */
  pfn: number;
  pages: number;
  /** Where the content of the first page waits while the peer runs, if that is another page. */
  waitsIn?: number;
  /** Class of the pages, or what kexec uses them for. */
  owner: string;
  /** Symbols of the kernel's image in these pages. */
  symbols?: string;
  /** Why it may be so, or more about what is wrong. */
  why?: string;
}

/** Whose a page is, in the memory of the kernel that left. */
export interface PageOwners {
  /** Class of a page, or what kexec uses it for. */
  ownerOf(pfn: number): string;
  /** Symbols of the kernel's image in some pages; `undefined` outside of the image. */
  symbolsIn(pfn: number, pages: number): string | undefined;
}

/** More about one page. */
export type FindingDetails = Pick<AuditFinding, 'waitsIn' | 'why'>;

export class AuditFindings {
  private readonly runs: AuditFinding[] = [];
  /** A verdict (its number) for every page frame: the worst of all stages. */
  readonly layer: Uint8Array;

  /** @param frameOf the page frame at which a page's verdict is shown. */
  constructor(
    pages: number,
    private readonly owners: PageOwners,
    private readonly frameOf: (pfn: number) => number = (pfn) => pfn,
  ) {
    this.layer = new Uint8Array(pages);
  }

  /** A verdict that needs no words. */
  mark(pfn: number, verdict: AuditVerdictName): void {
    const frame = this.frameOf(pfn);
    if (this.layer[frame]! < AUDIT_VERDICT[verdict]) this.layer[frame] = AUDIT_VERDICT[verdict];
  }

  /** A verdict that is told. Pages of a stage come in ascending order. */
  tell(stage: AuditStage, pfn: number, verdict: AuditVerdictName, { waitsIn, why }: FindingDetails = {}): void {
    this.mark(pfn, verdict);
    const owner = this.owners.ownerOf(pfn);
    const last = this.runs.at(-1);
    const goesOn = last?.stage === stage && last.verdict === verdict && last.pfn + last.pages === pfn;
    if (
      goesOn &&
      last.owner === owner &&
      last.why === why &&
      (last.waitsIn === undefined) === (waitsIn === undefined)
    ) {
      last.pages++;
      return;
    }
    this.runs.push({
      ...{ stage, verdict, pfn, pages: 1, owner },
      isViolation: AUDIT_VERDICTS[AUDIT_VERDICT[verdict]]!.isViolation,
      ...(waitsIn === undefined ? {} : { waitsIn }),
      ...(why === undefined ? {} : { why }),
    });
  }

  /** What was told, in that order. */
  get all(): AuditFinding[] {
    return this.runs.map((finding) => {
      const symbols = this.owners.symbolsIn(finding.pfn, finding.pages);
      return symbols === undefined ? finding : { ...finding, symbols };
    });
  }
}

/** How many pages some findings are of. */
export const countPages = (findings: readonly AuditFinding[]): number =>
  findings.reduce((sum, { pages }) => sum + pages, 0);
