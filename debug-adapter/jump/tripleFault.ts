/**
 * Why a machine was reset. With `-action reboot=shutdown,shutdown=pause` it stands where it died, its registers intact.
 * Source: Intel SDM volume 3, section 6.15, "Interrupt 8: Double Fault Exception".
 */
import type { ResetScene } from './resetScene.ts';
import { pagingWithoutPae, startedByOther } from './returnFaults.ts';
import type { SystemRegisters } from './systemRegisters.ts';

/** Instructions that read the GDT: loads of a segment register, far jumps, calls and returns. */
const LOADS_SEGMENT = /\b(mov\w*\s.*,%(?:[c-gs]s)|pop\w*\s+%[d-gs]s|l[d-gs]s|ljmp|lcall|lret|iret|ltr|lldt)\b/;

/**
 * Explains a reset in a sentence.
 * @param instruction the instruction at the program counter of the first CPU, in AT&T syntax.
 */
export function explainReset(instruction: string, scene: ResetScene | undefined): string {
  const [first, ...others] = scene?.cpus ?? [];
  if (!scene || !first) return 'The machine was reset: a triple fault, or a reboot';
  return (
    pagingWithoutPae(first, scene.rootTable) ??
    (others.length > 0 && scene.startCode ? startedByOther(scene.startCode, others) : undefined) ??
    explainTables(instruction, first)
  );
}

function explainTables(instruction: string, { gdt, idt }: SystemRegisters): string {
  if (gdt.limit > 0 && idt.limit > 0) {
    return `The machine was reset at "${instruction}" with a GDT and an IDT in place: a reboot, or a fault in a handler`;
  }
  const noHandler =
    idt.limit === 0
      ? 'there is no IDT (limit 0), so that any exception ends in a triple fault'
      : 'no handler can be entered, as its code segment is in the GDT too: the exception ends in a triple fault';
  const segment = /%([c-gs]s)\b(?!.*%[c-gs]s)/.exec(instruction)?.[1];
  if (gdt.limit === 0 && LOADS_SEGMENT.test(instruction)) {
    return `Triple fault: "${instruction}" loads ${segment ? '%' + segment : 'a segment'} from an empty GDT (limit 0), and ${noHandler}`;
  }
  return `Triple fault at "${instruction}": it caused an exception, and ${noHandler}`;
}
