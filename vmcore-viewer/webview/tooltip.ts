/** What the thing under the mouse is, such as a page. */
import { byId, make } from './elements.ts';

/** Pixels between the mouse and the tooltip. */
const DISTANCE = 14;

export class Tooltip {
  private readonly element = byId('tooltip');

  /**
   * @param lines the first one is its name.
   * @param x and `y`: a place in the window, such as the mouse's.
   */
  show([first = '', ...rest]: readonly string[], x: number, y: number): void {
    this.element.replaceChildren(make('strong', {}, first), ...rest.map((line) => make('div', {}, line)));
    this.element.hidden = false;
    const { width, height } = this.element.getBoundingClientRect();
    const isRight = x + DISTANCE + width < window.innerWidth;
    const isBelow = y + DISTANCE + height < window.innerHeight;
    this.element.style.left = `${Math.max(0, isRight ? x + DISTANCE : x - DISTANCE - width)}px`;
    this.element.style.top = `${Math.max(0, isBelow ? y + DISTANCE : y - DISTANCE - height)}px`;
  }

  hide(): void {
    this.element.hidden = true;
  }
}
