/** The line above the map: which layer, where to go, how far the exchange is, zoom. */
import '@vscode-elements/elements/dist/vscode-option/index.js';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import { VscodeSingleSelect } from '@vscode-elements/elements/dist/vscode-single-select/index.js';
import { counted, sizeOf } from './describe.ts';
import { byId, make } from './elements.ts';
import type { Pages } from './pages.ts';

export interface ToolbarEvents {
  zoom(factor: number): void;
  fit(): void;
  /** A person typed where to go. */
  goTo(text: string): void;
  /** A person wants back to the map. */
  leave(): void;
  layer(id: string): void;
}

const ZOOM_STEP = 1.5;

export class Toolbar {
  private readonly layers = byId('layers', VscodeSingleSelect);
  private readonly field = byId('go-to').querySelector('vscode-textfield')!;

  constructor(events: ToolbarEvents) {
    const onClick = (id: string, act: () => void): void => {
      byId(id).addEventListener('click', act);
    };
    onClick('zoom-in', () => {
      events.zoom(ZOOM_STEP);
    });
    onClick('zoom-out', () => {
      events.zoom(1 / ZOOM_STEP);
    });
    onClick('zoom-fit', () => {
      events.fit();
    });
    byId('go-to').addEventListener('submit', (event) => {
      event.preventDefault();
    });
    this.field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') events.goTo(this.field.value);
      else if (event.key === 'Escape') events.leave();
    });
    this.layers.addEventListener('change', () => {
      events.layer(this.layers.value);
    });
  }

  /** Takes over the memory's extent and its layers. */
  show(pages: Pages): void {
    byId('extent').textContent = `${sizeOf(pages.count * pages.pageSize)}, ${counted(pages.count)} pages`;
    const options = pages.layers.map(({ id, name }) =>
      make('vscode-option', { value: id, selected: id === pages.layer.id }, name),
    );
    this.layers.replaceChildren(...options);
    this.layers.hidden = options.length < 2;
    this.showProgress(pages);
  }

  /** Takes over how far the exchange is. */
  showProgress({ exchanges, exchangedCount }: Pages): void {
    const place = byId('progress');
    place.hidden = exchanges.count === 0;
    const bar = place.querySelector('progress')!;
    bar.max = exchanges.count;
    bar.value = exchangedCount;
    place.querySelector('span')!.textContent = `${counted(exchangedCount)} of ${counted(exchanges.count)} exchanged`;
  }

  focusGoTo(): void {
    this.field.focus();
  }

  /** Says why there is nowhere to go; nothing when there is. */
  answer(text: string): void {
    byId('go-to-answer').textContent = text;
  }
}
