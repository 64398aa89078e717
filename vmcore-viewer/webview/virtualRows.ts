/** Rows of one height of which only those in sight are in the page. */

/** Rows beyond the edges that are there already when they are scrolled into sight. */
const SPARE = 8;

export interface RowKind {
  /** Pixels. */
  height: number;
  make(): HTMLElement;
  /** Makes an element show a row. */
  fill(element: HTMLElement, row: number): void;
}

export class VirtualRows {
  private rowCount = 0;
  /** A row keeps its element while it is in sight: that at the remainder of its number. */
  private pool: HTMLElement[] = [];
  /** What each element of the pool shows; -1 for nothing. */
  private shown: number[] = [];

  /**
   * @param scroller what scrolls; its first child stays at its top.
   * @param space within it, as high as all rows together.
   */
  constructor(
    private readonly scroller: HTMLElement,
    private readonly space: HTMLElement,
    private readonly kind: RowKind,
  ) {
    scroller.addEventListener('scroll', () => {
      this.render();
    });
    new ResizeObserver(() => {
      this.render();
    }).observe(scroller);
  }

  /** Shows so many rows, all of them anew. */
  reset(count: number): void {
    this.rowCount = count;
    this.space.style.height = `${count * this.kind.height}px`;
    this.refresh();
  }

  /** Fills the rows in sight anew. */
  refresh(): void {
    this.shown.fill(-1);
    this.render();
  }

  /** Whole rows in sight. */
  get page(): number {
    return Math.max(1, Math.floor(this.viewHeight / this.kind.height));
  }

  /** The element of a row, if it is in the page. */
  elementOf(row: number): HTMLElement | undefined {
    const slot = row % this.pool.length;
    return this.shown[slot] === row ? this.pool[slot] : undefined;
  }

  isInSight(row: number): boolean {
    const { scrollTop } = this.scroller;
    const top = row * this.kind.height;
    return top >= scrollTop && top + this.kind.height <= scrollTop + this.viewHeight;
  }

  /** Scrolls no further than is needed; a row far out of sight comes into the middle. */
  reveal(row: number): void {
    if (this.isInSight(row)) return;
    const { scroller, viewHeight } = this;
    const { height } = this.kind;
    const top = row * height;
    const beyond = top < scroller.scrollTop ? top - scroller.scrollTop : top + height - scroller.scrollTop - viewHeight;
    if (Math.abs(beyond) <= viewHeight) scroller.scrollTop += beyond;
    else scroller.scrollTop = top - (viewHeight - height) / 2;
    this.render();
  }

  /** Pixels below what stays at the top. */
  private get viewHeight(): number {
    return this.scroller.clientHeight - (this.scroller.firstElementChild?.clientHeight ?? 0);
  }

  private render(): void {
    const { height } = this.kind;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / height) - SPARE);
    const end = Math.min(this.rowCount, first + this.page + 2 * SPARE + 2);
    this.grow(this.page + 2 * SPARE + 2);
    for (let row = first; row < end; row++) {
      const slot = row % this.pool.length;
      if (this.shown[slot] === row) continue;
      const element = this.pool[slot]!;
      this.shown[slot] = row;
      element.hidden = false;
      element.style.transform = `translateY(${row * height}px)`;
      this.kind.fill(element, row);
    }
    this.shown.forEach((row, slot) => {
      if (row < first || row >= end) this.hide(slot);
    });
  }

  private hide(slot: number): void {
    this.shown[slot] = -1;
    this.pool[slot]!.hidden = true;
  }

  /** More elements give all rows other places. */
  private grow(size: number): void {
    if (this.pool.length >= size) return;
    while (this.pool.length < size) {
      const element = this.kind.make();
      this.pool.push(element);
      this.space.append(element);
    }
    this.shown = this.pool.map(() => -1);
  }
}
