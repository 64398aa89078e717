/** The line between two parts of the page that is moved to give one of them more room, as between VS Code's own views. */

/** Pixels that an arrow key moves it. */
const STEP = 22;

export interface SashRange {
  /** Pixels that the part below has at least, and that it leaves to the rest. */
  least: number;
  leaves: number;
}

export class Sash {
  private value = 0;

  /** @param resized called with the height of the part below, in pixels, after a person moved the line. */
  constructor(
    private readonly element: HTMLElement,
    private readonly range: SashRange,
    private readonly resized: (height: number) => void,
  ) {
    element.addEventListener('pointerdown', (event) => {
      element.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    element.addEventListener('pointermove', (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      this.move(element.parentElement!.getBoundingClientRect().bottom - event.clientY);
    });
    element.addEventListener('keydown', (event) => {
      const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
      if (step === undefined) return;
      this.move(this.value + step);
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Takes over a height, as far as the window has room for it, and gives what is left of it. */
  fit(height: number): number {
    const { least, leaves } = this.range;
    const most = Math.max(least, window.innerHeight - leaves);
    this.value = Math.round(Math.min(most, Math.max(least, height)));
    const { element, value } = this;
    element.setAttribute('aria-valuemin', String(least));
    element.setAttribute('aria-valuemax', String(most));
    element.setAttribute('aria-valuenow', String(value));
    return value;
  }

  private move(height: number): void {
    this.resized(this.fit(height));
  }
}
