/** Tells a screen reader of the selected page, once the arrow keys rest. */
import { byId } from './elements.ts';

const REST_MS = 150;

export class Announcer {
  private readonly element = byId('announcement');
  private waiting: ReturnType<typeof setTimeout> | undefined;

  say(lines: readonly string[]): void {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.element.textContent = lines.join('. ') + '.';
    }, REST_MS);
  }
}
