/** What is to be known of an image, as a report for people. */
import { bytesText } from '../core/images/imageText.ts';
import { PAGE_CLASSES } from '../core/pageClassNames.ts';
import type { Explorer } from './explorer.ts';
import type { ImageFacts, OverlayFacts, RegisterFacts } from './imageFacts.ts';
import { makeReport } from './reports.ts';
import { textTable } from './textTable.ts';

/** @param loaderMemory of kernel C, in bytes. @returns the whole text. What is wrong with the image is not in it. */
export function factsText(explorer: Explorer, facts: ImageFacts, loaderMemory?: number): string {
  const { image, summary } = explorer;
  return [
    `${image.paths.join(', ')}: ${summary.title}`,
    ...textTable([
      ...image.facts.map(({ label, value }) => [label, value]),
      ...(facts.banner === null ? [] : [['Banner', facts.banner]]),
      ['Complete', facts.format.complete ? 'yes' : 'no'],
    ]),
    '',
    ...pages(facts),
    ...classes(facts),
    ...(facts.overlay ? jump(facts.overlay) : []),
    ...facts.registers.flatMap(registers),
    makeReport(explorer, 'resumability', { loaderMemory }),
  ].join('\n');
}

function pages({ pages: count, pageSize, maxPfn }: ImageFacts): string[] {
  const row = (what: string, number: number): string[] => [what, String(number), bytesText(number * pageSize)];
  return [
    `Page frames, ${maxPfn} of ${pageSize} bytes`,
    ...textTable(
      [
        row('present', count.present),
        row('  zero', count.zero),
        row('excluded', count.excluded),
        row('absent', count.absent),
        row('lost', count.lost),
      ],
      [1, 2],
    ),
    '',
  ];
}

function classes({ classes: counts, pageSize, unclassified, undecided }: ImageFacts): string[] {
  if (!counts) return ['Classes of pages: not known', ''];
  const all = Object.values(counts).reduce((sum, count) => sum + count, unclassified);
  const row = (name: string, count: number, description: string): string[] => {
    const share = all === 0 ? '' : `${((count / all) * 100).toFixed(1)} %`;
    return [name, String(count), bytesText(count * pageSize), share, description];
  };
  const rows = Object.entries(counts).map(([name, count]) => {
    const { description } = PAGE_CLASSES.find((each) => each.name === name)!;
    return row(name, count, description);
  });
  const rest = unclassified === 0 ? [] : [row('no class', unclassified, 'Their struct pages are not in the image.')];
  return [
    `Classes of pages, ${all} with a struct page`,
    ...textTable([...rows, ...rest], [1, 2, 3]),
    ...undecided.map(({ class: name, missing }) => `  ${name} cannot be told: ${missing.join(', ')} is not known`),
    '',
  ];
}

const SOURCES: Readonly<Record<OverlayFacts['from'], string>> = {
  argument: 'as given',
  note: 'by a note',
  e_entry: 'by e_entry',
  file: 'by a file beside the image',
  search: 'found in memory',
};

function jump({
  entry,
  controlPage,
  destinations,
  exchanged,
  self,
  indirectionPages,
  window,
  from,
}: OverlayFacts): string[] {
  return [
    'The jump by which the kernel left',
    ...textTable([
      ['Re-entry point', `${entry}, ${SOURCES[from]}`],
      ['Control page', controlPage],
      ['Destinations', `${destinations}: ${exchanged} exchanged, ${self} where they were`],
      ['Indirection pages', String(indirectionPages)],
      ['Window', window ? window.join(' – ') : 'none'],
    ]),
    '',
  ];
}

const IN_A_ROW = 6;

function registers({ cpu, at, values }: RegisterFacts): string[] {
  const cells = Object.entries(values).map(([name, value]) => `${name} ${value}`);
  const rows = Array.from({ length: Math.ceil(cells.length / IN_A_ROW) }, (_, index) =>
    Array.from({ length: IN_A_ROW }, (_, column) => cells[index * IN_A_ROW + column] ?? ''),
  );
  const whose = cpu === null ? 'Registers that the kernel left with' : `Registers of CPU ${cpu}`;
  return [at === null ? whose : `${whose}, in ${at}`, ...textTable(rows), ''];
}
