/** The strip with what happened so far: a span beside the other, the newest at the right. */
import type { TimelineSpan } from '../protocol.ts';
import { byId, make } from './elements.ts';
import { describeSpan, growthOf, lastedOf } from './spans.ts';
import type { Tooltip } from './tooltip.ts';

/** Pixels from the end of the strip that still count as its end. */
const NEAR_END = 8;

export class Timeline {
  private readonly strip = byId('timeline');
  private readonly list = this.strip.querySelector('ol')!;
  private spans: readonly TimelineSpan[] = [];
  /** Whether the newest is in sight: it stays so when there is another one, or less room. */
  private isAtEnd = true;
  /** The one that Tab leads to. */
  private reached = 0;

  constructor(private readonly tooltip: Tooltip) {
    this.list.addEventListener('keydown', (event) => {
      this.press(event);
    });
    this.list.addEventListener('focusin', ({ target }) => {
      this.reach(this.indexOf(target));
    });
    this.list.addEventListener('pointerover', ({ target }) => {
      this.explain(this.indexOf(target));
    });
    for (const over of ['focusout', 'pointerleave', 'scroll']) {
      this.list.addEventListener(over, () => {
        tooltip.hide();
      });
    }
    this.list.addEventListener('scroll', () => {
      const { scrollLeft, clientWidth, scrollWidth } = this.list;
      this.isAtEnd = scrollLeft + clientWidth >= scrollWidth - NEAR_END;
    });
    new ResizeObserver(() => {
      this.keepEnd();
    }).observe(this.list);
    // A mouse has one wheel, and it turns the other way.
    this.list.addEventListener('wheel', (event) => {
      if (event.deltaX === 0) this.list.scrollLeft += event.deltaY;
    });
  }

  /** Shows spans in their order; none hide the strip. What has the focus keeps it. */
  show(spans: readonly TimelineSpan[]): void {
    const { list } = this;
    this.spans = spans;
    this.strip.hidden = spans.length === 0;
    while (list.children.length > spans.length) list.lastElementChild!.remove();
    while (list.children.length < spans.length) list.append(emptyItem());
    spans.forEach((span, index) => {
      fill(this.items[index]!, span);
    });
    if (!list.contains(document.activeElement)) this.reached = spans.length - 1;
    this.rove();
    this.keepEnd();
  }

  private keepEnd(): void {
    if (this.isAtEnd) this.list.scrollLeft = this.list.scrollWidth;
  }

  private get items(): HTMLElement[] {
    return [...this.list.children] as HTMLElement[];
  }

  private press(event: KeyboardEvent): void {
    const last = this.spans.length - 1;
    const targets: Record<string, number> = {
      ArrowLeft: Math.max(0, this.reached - 1),
      ArrowRight: Math.min(last, this.reached + 1),
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (event.key === 'Escape') this.tooltip.hide();
    if (target === undefined) return;
    this.items[target]?.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  private reach(index: number): void {
    if (index < 0) return;
    this.reached = index;
    this.rove();
    this.items[index]!.scrollIntoView({ inline: 'nearest', block: 'nearest' });
    this.explain(index);
  }

  private rove(): void {
    this.items.forEach((item, index) => {
      item.tabIndex = index === this.reached ? 0 : -1;
    });
  }

  private explain(index: number): void {
    const span = this.spans[index];
    if (!span) return;
    const { left, bottom } = this.items[index]!.getBoundingClientRect();
    this.tooltip.show(describeSpan(span), left, bottom);
  }

  private indexOf(target: EventTarget | null): number {
    return this.items.findIndex((item) => target instanceof Node && item.contains(target));
  }
}

function emptyItem(): HTMLElement {
  return make(
    'li',
    {},
    make('span', { className: 'bar' }),
    make('span', { className: 'label' }),
    make('span', { className: 'lasted' }),
  );
}

function fill(item: HTMLElement, span: TimelineSpan): void {
  const isNow = span.end === undefined;
  item.style.setProperty('--bar', `var(--vscode-${span.color.replaceAll('.', '-')}, currentColor)`);
  item.style.setProperty('--growth', `${growthOf(span)}px`);
  item.dataset['mark'] = span.mark;
  item.setAttribute('aria-label', describeSpan(span).join('. '));
  if (isNow) item.setAttribute('aria-current', 'step');
  else item.removeAttribute('aria-current');
  item.querySelector('.label')!.textContent = span.label;
  item.querySelector('.lasted')!.textContent = lastedOf(span);
}
