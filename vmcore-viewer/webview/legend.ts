/** Legends: what the colours and the hatchings mean, how many pages each has, and a checkbox that dims the others. */
import type { VscodeCheckbox } from '@vscode-elements/elements/dist/vscode-checkbox/index.js';
import '@vscode-elements/elements/dist/vscode-checkbox/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import { OWNER_CHANNEL } from '../protocol.ts';
import { counted, hex, sizeOf } from './describe.ts';
import { byId, make } from './elements.ts';
import type { Pages } from './pages.ts';
import { ANY_CLASS, codeOf, type Palette } from './palette.ts';
import { paintCell } from './raster.ts';

/** A swatch in pixels of the canvas; it is shown at half of that. */
const SWATCH = 32;

export interface LegendEvents {
  /** A person switched a kind of page on or off; `key` as in `ViewState.switches`. */
  switched(key: string, isOn: boolean): void;
  /** A person wants to see the next page of a class. */
  next(classByte: number): void;
  /** A person wants to see a page. */
  goTo(pfn: number): void;
}

interface Kind {
  id: string;
  name: string;
  description: string;
}

/** A checkbox with its swatch. */
interface Line {
  key: string;
  /** What the swatch is painted with. */
  code: number;
  box: VscodeCheckbox;
  swatch: HTMLCanvasElement;
}

export class Legend {
  private lines: Line[] = [];
  private counts: { element: HTMLElement; shown: number; current: () => number }[] = [];
  private pageSize = 1;

  constructor(private readonly events: LegendEvents) {}

  /** Fills in anew, for another memory or another layer; `recolor()` comes next. */
  show(pages: Pages): void {
    this.lines = [];
    this.counts = [];
    this.pageSize = pages.pageSize;
    const { layer, owners } = pages;
    const ownerOfSwatch = Math.max(
      0,
      owners.findIndex(({ mark }) => mark === 'plain'),
    );
    this.fill('classes', layer.name, layer.classes, (kind, classByte) => {
      const row = this.row(kind, `${layer.id}/${kind.id}`, codeOf(classByte, ownerOfSwatch));
      const words = `Next page: ${kind.name}`;
      const next = make('vscode-toolbar-button', { icon: 'arrow-right', label: words, title: words });
      next.addEventListener('click', () => {
        this.events.next(classByte);
      });
      row.append(
        this.count(() => pages.classCounts[classByte]!),
        next,
      );
      return row;
    });
    this.fill('owners', 'Whose content', owners, (kind, ownerByte) => {
      const row = this.row(kind, `${OWNER_CHANNEL}/${kind.id}`, codeOf(ANY_CLASS, ownerByte));
      row.append(this.count(() => pages.ownerCounts[ownerByte]!));
      return row;
    });
    this.showRegions(pages);
    this.update();
  }

  /** Takes over what is on, and the colours; the focus stays where it is. */
  recolor(palette: Palette, isOn: (key: string) => boolean): void {
    for (const { key, code, box, swatch } of this.lines) {
      box.checked = isOn(key);
      paintSwatch(swatch, palette, code);
    }
  }

  showRegions({ regions, pageSize }: Pages): void {
    const list = byId('regions');
    list.hidden = regions.length === 0;
    const rows = regions.map(({ name, first, count }) => {
      const button = make(
        'button',
        { type: 'button', className: 'link', title: `Page frames ${hex(first)} to ${hex(first + count - 1)}` },
        name,
      );
      button.addEventListener('click', () => {
        this.events.goTo(first);
      });
      return make('div', { className: 'row' }, button, make('span', { className: 'count' }, sizeOf(count * pageSize)));
    });
    list.replaceChildren(make('h2', {}, 'Regions'), ...rows);
  }

  /** Takes over the counts of now. */
  update(): void {
    for (const line of this.counts) {
      const count = line.current();
      if (count === line.shown) continue;
      line.shown = count;
      line.element.textContent = counted(count);
      line.element.title = sizeOf(count * this.pageSize);
      line.element.parentElement?.classList.toggle('none', count === 0);
    }
  }

  private fill<T extends Kind>(
    id: string,
    title: string,
    kinds: readonly T[],
    row: (kind: T, byte: number) => HTMLElement,
  ): void {
    byId(id).replaceChildren(make('legend', {}, title), ...kinds.map(row));
  }

  private row(kind: Kind, key: string, code: number): HTMLElement {
    const swatch = make('canvas', { className: 'swatch', width: SWATCH, height: SWATCH, ariaHidden: 'true' });
    const box = make('vscode-checkbox', {}, swatch, kind.name);
    box.addEventListener('change', () => {
      this.events.switched(key, box.checked);
    });
    this.lines.push({ key, code, box, swatch });
    return make('div', { className: 'row', title: kind.description }, box);
  }

  private count(current: () => number): HTMLElement {
    const element = make('span', { className: 'count' });
    this.counts.push({ element, shown: -1, current });
    return element;
  }
}

/** A cell as it is on the map. */
function paintSwatch(canvas: HTMLCanvasElement, palette: Palette, code: number): void {
  const image = new ImageData(SWATCH, SWATCH);
  const target = { pixels: new Uint32Array(image.data.buffer), width: SWATCH, height: SWATCH };
  paintCell(target, { left: 0, top: 0, right: SWATCH, bottom: SWATCH }, code, false, palette);
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}
