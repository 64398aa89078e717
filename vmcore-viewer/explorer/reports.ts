/** The documents that are made of an image: text that VS Code's own editor shows, searches and copies. */
import { hex } from '../core/errors.ts';
import { findHoles, type ImageNote, type MemoryImage } from '../core/images/memoryImage.ts';
import { formatLogRecord, readKernelLog } from '../core/kernelLog.ts';
import { judgeResumability } from '../core/resumability.ts';
import type { VmcoreInfo } from '../core/vmcoreInfo.ts';
import type { Explorer } from './explorer.ts';
import { pageReport } from './pageReport.ts';
import type { ReportName, ReportSubject } from './protocol.ts';
import { taskReport } from './taskReport.ts';
import { textTable } from './textTable.ts';

/** @throws MemoryError when what it tells of is not in the image. */
export function makeReport(explorer: Explorer, name: ReportName, subject: ReportSubject = {}): string {
  const makers: Readonly<Record<ReportName, () => string[]>> = {
    log: () => logs(explorer),
    tasks: () => taskReport(explorer),
    vmcoreinfo: () =>
      [...explorer.kernels, ...explorer.lost]
        .flatMap(({ info, foundAt }) => told(info, foundAt))
        .concat(notes(explorer.image)),
    regions: () => regions(explorer.image),
    resumability: () => rules(explorer, subject.loaderMemory),
    page: () => pageReport(explorer, subject.address ?? ''),
  };
  return `${makers[name]().join('\n')}\n`;
}

/** One kernel's log after the other. */
function logs({ kernels }: Explorer): string[] {
  if (kernels.length === 0) return ['There is no kernel in this image whose log could be read.'];
  return kernels.flatMap(({ info, memory }, index) => [
    ...(kernels.length > 1 ? [...(index > 0 ? [''] : []), `# ${info.release ?? 'kernel'}`] : []),
    ...readKernelLog(memory, info).records.map(formatLogRecord),
  ]);
}

function told(info: VmcoreInfo, foundAt: 'note' | number): string[] {
  const where = foundAt === 'note' ? 'in a note of the image' : `at physical ${hex(foundAt)}`;
  return [`VMCOREINFO ${where}`, ...info.keys.map((key) => `  ${key}=${info.text(key) ?? ''}`), ''];
}

function notes({ notes: all }: MemoryImage): string[] {
  const line = ({ name, type, descriptor }: ImageNote): string =>
    `  ${name.padEnd(12)} type ${hex(type).padEnd(12)} ${descriptor.length} bytes`;
  return ['Notes', ...(all.length === 0 ? ['  none'] : all.map(line))];
}

function regions({ regions: all, facts, format }: MemoryImage): string[] {
  const rows = all.map(({ name, address, length, present, fileOffset, virtualAddress, remark }) => [
    name,
    hex(address),
    hex(address + length - 1),
    String(length),
    present === length ? 'all' : String(present),
    fileOffset === undefined ? '' : hex(fileOffset),
    virtualAddress === undefined ? '' : hex(virtualAddress),
    remark ?? '',
  ]);
  const holes = findHoles(all).map(
    ({ address, length }) => `  ${hex(address)} – ${hex(address + length - 1)}, ${length} bytes`,
  );
  return [
    format,
    ...facts.map(({ label, value }) => `  ${label}: ${value}`),
    '',
    ...textTable([['region', 'first', 'last', 'bytes', 'in the file', 'file offset', 'virtual', 'remark'], ...rows]),
    '',
    'Holes',
    ...(holes.length === 0 ? ['  none'] : holes),
  ];
}

function rules({ image, reentryPoint: entry, pages }: Explorer, loaderMemory: number | undefined): string[] {
  const { verdict, rules: outcomes } = judgeResumability({ image, entry, known: pages[0], loaderMemory });
  const words = {
    resumable: 'can be resumed',
    notResumable: 'cannot be resumed',
    unknown: 'may be resumable: not all is known',
  };
  const marks = { holds: 'holds  ', broken: 'BROKEN ', unknown: 'unknown' };
  return [
    `This image ${words[verdict]}.`,
    '',
    ...outcomes.flatMap(({ number, title, verdict: outcome, finding, remedy }) => [
      `${number}. ${marks[outcome]}  ${title}: ${finding}`,
      ...(remedy === undefined ? [] : [`            ${remedy}`]),
    ]),
  ];
}
