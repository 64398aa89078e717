/** Keys on the map. */
import { pageForKey, type Selection } from './selection.ts';

/** What a key can ask for. */
export interface KeyActions extends Selection {
  select(pfn: number): void;
  /** Selects the next page of the selected one's class, or the previous one. */
  selectAlike(step: 1 | -1): void;
  showDetails(): void;
  goTo(): void;
  zoom(factor: number): void;
  fit(): void;
}

const ZOOM_STEP = 1.5;

export function listenToKeys(canvas: HTMLCanvasElement, actions: KeyActions): void {
  canvas.addEventListener('keydown', (event) => {
    if (event.altKey || event.metaKey) return;
    const target = pageForKey(event.key, event.ctrlKey, actions);
    if (target !== undefined) actions.select(target);
    else if (event.ctrlKey || !act(event.key, actions)) return;
    event.preventDefault();
    // VS Code would look for a key binding of its own.
    event.stopPropagation();
  });
}

function act(key: string, actions: KeyActions): boolean {
  switch (key) {
    case 'Enter':
      actions.showDetails();
      return true;
    case '+':
    case '=':
      actions.zoom(ZOOM_STEP);
      return true;
    case '-':
      actions.zoom(1 / ZOOM_STEP);
      return true;
    case '0':
      actions.fit();
      return true;
    case 'g':
      actions.goTo();
      return true;
    case 'n':
      actions.selectAlike(1);
      return true;
    case 'N':
      actions.selectAlike(-1);
      return true;
    default:
      return false;
  }
}
