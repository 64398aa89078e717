/** Mouse, pen and finger on the map: drag to pan, click to select, wheel and pinch to zoom. */
import type { MapView } from './mapView.ts';

/** Pixels that a press may move and still be a click. */
const STEADY = 4;
/** Wheel units that double the scale: three notches of a mouse, or a pinch on a touch pad, whose units are smaller. */
const WHEEL_DOUBLES = 300;
const PINCH_DOUBLES = 60;

export interface PointerEvents {
  clicked(pfn: number): void;
  /** Over a page, or `undefined` off the map and while panning. */
  hovered(pfn: number | undefined, x: number, y: number): void;
}

export function listenToPointer(view: MapView, events: PointerEvents): void {
  const { canvas } = view;
  let drag: { x: number; y: number; hasMoved: boolean } | undefined;

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button > 1) return;
    canvas.setPointerCapture(event.pointerId);
    drag = { x: event.clientX, y: event.clientY, hasMoved: false };
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!drag) {
      events.hovered(view.pageAt(event.offsetX, event.offsetY), event.clientX, event.clientY);
      return;
    }
    const [byX, byY] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.hasMoved && Math.hypot(byX, byY) < STEADY) return;
    if (!drag.hasMoved) events.hovered(undefined, 0, 0);
    canvas.classList.add('panning');
    view.pan(byX, byY);
    drag = { x: event.clientX, y: event.clientY, hasMoved: true };
  });
  const end = (): void => {
    drag = undefined;
    canvas.classList.remove('panning');
  };
  canvas.addEventListener('pointerup', (event) => {
    const pfn = drag?.hasMoved === false ? view.pageAt(event.offsetX, event.offsetY) : undefined;
    end();
    if (pfn !== undefined) events.clicked(pfn);
  });
  canvas.addEventListener('pointercancel', end);
  canvas.addEventListener('pointerleave', () => {
    events.hovered(undefined, 0, 0);
  });
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const units = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 33 : event.deltaY;
      if (event.shiftKey) {
        view.pan(-(event.deltaX || event.deltaY), 0);
      } else {
        const doubles = event.ctrlKey && Math.abs(units) < WHEEL_DOUBLES / 6 ? PINCH_DOUBLES : WHEEL_DOUBLES;
        view.zoom(2 ** (-units / doubles), { x: event.offsetX, y: event.offsetY });
      }
      events.hovered(view.pageAt(event.offsetX, event.offsetY), event.clientX, event.clientY);
    },
    { passive: false },
  );
}
