/** The canvas: holds what is in view and draws it, once a frame at most and only after a change. */
import type { PageRun } from '../protocol.ts';
import { between, centre, clamp, fit, pan, reveal, zoomAt, type Camera, type Size } from './camera.ts';
import { isSwapped } from './exchanges.ts';
import { cellOf, layoutFor, layoutOf, pageAt, type Layout } from './layout.ts';
import { MipLevels } from './mipLevels.ts';
import { drawExchange, drawProminent, drawRegions, drawRing, drawWords, type Stage } from './overlay.ts';
import type { Pages } from './pages.ts';
import type { Palette, Theme } from './palette.ts';
import { paintPages } from './raster.ts';
import { drawRuler } from './ruler.ts';
import { prefersReducedMotion } from './theme.ts';

const FLIGHT_MS = 250;
/** CSS pixels a cell that a page which was gone to has at least. */
const GO_TO_SCALE = 24;

/** What a view shows. */
export interface Scene {
  pages: Pages;
  palette: Palette;
  theme: Theme;
}

interface Flight {
  from: Camera;
  to: Camera;
  began: number;
}

export class MapView {
  private layout: Layout = layoutOf(1, 0);
  private camera: Camera = { x: 0, y: 0, scale: 1 };
  private isFitted = true;
  private size: Size = { width: 1, height: 1 };
  private scene: Scene | undefined;
  private mips: MipLevels | undefined;
  private image = new ImageData(1, 1);
  private flight: Flight | undefined;
  private frame = 0;
  private needsPaint = true;
  private selectedPage = 0;
  private hoveredPage: number | undefined;
  private readonly context: CanvasRenderingContext2D;
  private readonly rulerContext: CanvasRenderingContext2D;

  /** @param moved called when something else is in view. */
  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly ruler: HTMLCanvasElement,
    private readonly moved: () => void,
  ) {
    // The pixels come from memory in each frame: a canvas that lives there is the fastest.
    this.context = canvas.getContext('2d', { alpha: false, willReadFrequently: true })!;
    this.rulerContext = ruler.getContext('2d')!;
    new ResizeObserver(() => {
      this.resize();
    }).observe(canvas);
    canvas.addEventListener('focus', () => {
      this.redraw();
    });
    canvas.addEventListener('blur', () => {
      this.redraw();
    });
  }

  /** The part of the memory in view, to come back to; `undefined` when all of it is. */
  get zoomed(): { camera: Camera; columnBits: number } | undefined {
    return this.isFitted ? undefined : { camera: this.camera, columnBits: this.layout.columnBits };
  }

  get selected(): number {
    return this.selectedPage;
  }

  /** Cells in a row, and whole rows in view. */
  get grid(): { columns: number; rowsInView: number } {
    return { columns: this.layout.columns, rowsInView: Math.max(1, Math.floor(this.size.height / this.camera.scale)) };
  }

  /** Shows another memory, as it was last in view. */
  open(scene: Scene, zoomed: MapView['zoomed'], selected: number): void {
    this.scene = scene;
    this.selectedPage = Math.min(selected, scene.pages.count - 1);
    this.hoveredPage = undefined;
    this.isFitted = zoomed === undefined;
    this.layout = layoutOf(scene.pages.count, zoomed?.columnBits ?? 0);
    this.camera = zoomed?.camera ?? this.camera;
    this.measure();
    this.recolor(scene);
  }

  /** Other colours, or other pages altogether. */
  recolor(scene: Scene): void {
    this.scene = scene;
    this.rebuildMips();
    this.repaint();
  }

  /** Some pages are something else now. */
  pagesChanged(runs: readonly PageRun[]): void {
    for (const { first, bytes } of runs) this.mips?.update(first, bytes.length);
    if (runs.length > 0) this.repaint();
  }

  /** Regions, exchanges or corners are others now. */
  marksChanged(): void {
    this.repaint();
  }

  select(pfn: number): void {
    this.selectedPage = pfn;
    this.redraw();
  }

  hover(pfn: number | undefined): void {
    if (pfn === this.hoveredPage) return;
    this.hoveredPage = pfn;
    this.redraw();
  }

  /** The page at a point of the canvas. */
  pageAt(x: number, y: number): number | undefined {
    return pageAt(this.layout, this.camera.x + x / this.camera.scale, this.camera.y + y / this.camera.scale);
  }

  /** Zooms around a point of the canvas, or around the selected page when it is in view. */
  zoom(factor: number, point = this.pointOfSelected()): void {
    this.move(zoomAt(this.camera, factor, point.x, point.y));
  }

  pan(byX: number, byY: number): void {
    this.move(pan(this.camera, byX, byY));
  }

  /** The whole memory, in the rows that suit the window. */
  fit(): void {
    this.flight = undefined;
    this.isFitted = true;
    this.measure();
    this.rebuildMips();
    this.repaint();
    this.moved();
  }

  /** Brings the selected page into view; `near` also zooms in on it. */
  revealSelected(near = false): void {
    const { column, row } = cellOf(this.layout, this.selectedPage);
    if (!near) {
      // All of it is in view already: nothing moves.
      if (!this.isFitted) this.move(reveal(this.camera, column, row, this.size));
      return;
    }
    const scale = Math.max(GO_TO_SCALE, this.camera.scale);
    const to = clamp(centre(column, row, scale, this.size), this.layout, this.size);
    if (prefersReducedMotion()) {
      this.move(to);
    } else {
      this.flight = { from: this.camera, to, began: performance.now() };
      this.redraw();
    }
  }

  private move(camera: Camera): void {
    this.flight = undefined;
    this.setCamera(camera);
  }

  private setCamera(camera: Camera): void {
    this.camera = clamp(camera, this.layout, this.size);
    this.isFitted = this.camera.scale <= fit(this.layout, this.size).scale;
    this.repaint();
    this.moved();
  }

  private pointOfSelected(): { x: number; y: number } {
    const { column, row } = cellOf(this.layout, this.selectedPage);
    const { camera, size } = this;
    const x = (column + 0.5 - camera.x) * camera.scale;
    const y = (row + 0.5 - camera.y) * camera.scale;
    const isInView = x >= 0 && x < size.width && y >= 0 && y < size.height;
    return isInView ? { x, y } : { x: size.width / 2, y: size.height / 2 };
  }

  private resize(): void {
    const columns = this.layout.columnBits;
    this.measure();
    if (this.layout.columnBits !== columns) this.rebuildMips();
    // At once: a canvas that was given another size is empty.
    this.needsPaint = true;
    this.draw();
  }

  /** Takes the size of the canvas over, and what follows from it. */
  private measure(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio;
    this.size = { width: Math.max(1, width), height: Math.max(1, height) };
    const [pixelWidth, pixelHeight] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.image.width !== pixelWidth || this.image.height !== pixelHeight) {
      this.image = new ImageData(pixelWidth, pixelHeight);
    }
    if (!this.scene) return;
    if (this.isFitted) {
      this.layout = layoutFor(this.scene.pages.count, this.size.width, this.size.height);
      this.camera = fit(this.layout, this.size);
    } else {
      this.camera = clamp(this.camera, this.layout, this.size);
    }
  }

  private rebuildMips(): void {
    if (!this.scene) return;
    const { pages, palette } = this.scene;
    this.mips = new MipLevels(this.layout, pages.codes, palette.average, palette.background);
  }

  private repaint(): void {
    this.needsPaint = true;
    this.redraw();
  }

  private redraw(): void {
    this.frame ||= requestAnimationFrame((now) => {
      this.frame = 0;
      this.fly(now);
      this.draw();
    });
  }

  private fly(now: number): void {
    if (!this.flight) return;
    const { from, to, began } = this.flight;
    const part = Math.min(1, Math.max(0, now - began) / FLIGHT_MS);
    this.setCamera(between(from, to, 1 - (1 - part) ** 3));
    if (part === 1) this.flight = undefined;
  }

  private draw(): void {
    const { scene, mips, layout, camera, image, context, canvas, size } = this;
    if (!scene || !mips) return;
    const { pages, palette, theme } = scene;
    const ratio = image.width / size.width;
    if (this.needsPaint) {
      const pixels = new Uint32Array(image.data.buffer);
      const picture = { layout, codes: pages.codes, isExchanged: pages.isExchanged, palette, mips };
      paintPages({ pixels, ...sizeOfImage(image) }, picture, { ...camera, scale: camera.scale * ratio });
      this.needsPaint = false;
    }
    if (canvas.width !== image.width || canvas.height !== image.height) {
      [canvas.width, canvas.height] = [image.width, image.height];
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.putImageData(image, 0, 0);
    this.drawOver({ context, layout, camera, size, theme }, pages);
    this.drawRulerBeside({ context: this.rulerContext, layout, camera, size, theme }, pages, ratio);
  }

  private drawOver(stage: Stage, pages: Pages): void {
    drawWords(stage, pages);
    drawRegions(stage, pages.regions);
    drawProminent(stage, pages);
    const shown = new Set([this.selectedPage, ...(this.hoveredPage === undefined ? [] : [this.hoveredPage])]);
    for (const pfn of shown) {
      for (const exchange of pages.exchanges.of(pfn))
        drawExchange(stage, exchange, isSwapped(pages.progress, exchange.number));
    }
    if (this.hoveredPage !== undefined) drawRing(stage, this.hoveredPage, 1);
    const hasFocus = document.activeElement === this.canvas;
    drawRing(stage, this.selectedPage, hasFocus ? 3 : 2, stage.theme.focus);
  }

  private drawRulerBeside(stage: Stage, pages: Pages, ratio: number): void {
    const { width } = this.ruler.getBoundingClientRect();
    const [pixelWidth, pixelHeight] = [Math.round(width * ratio), this.image.height];
    if (this.ruler.width !== pixelWidth || this.ruler.height !== pixelHeight) {
      [this.ruler.width, this.ruler.height] = [pixelWidth, pixelHeight];
    }
    stage.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawRuler(stage, pages, width);
  }
}

function sizeOfImage({ width, height }: ImageData): Size {
  return { width, height };
}
