/** The page map: puts the host's messages, the canvas and the panes together. */
import { About } from './about.ts';
import { Announcer } from './announcer.ts';
import { describePage } from './describe.ts';
import { Details } from './details.ts';
import { byId } from './elements.ts';
import { parsePlace } from './goTo.ts';
import { Host, type ViewState } from './host.ts';
import { listenToKeys } from './keyboard.ts';
import { Legend } from './legend.ts';
import { ListPane } from './listPane.ts';
import { MapView, type Scene } from './mapView.ts';
import { Pages, type PageChange } from './pages.ts';
import { makePalette } from './palette.ts';
import { listenToPointer } from './pointer.ts';
import { onThemeChange, readTheme } from './theme.ts';
import { Timeline } from './timeline.ts';
import { Toolbar } from './toolbar.ts';
import { Tooltip } from './tooltip.ts';
import { OWNER_CHANNEL, PAINTED_MARK, type HostMessage, type PageMapModel } from '../protocol.ts';

class PageMap {
  private readonly host = new Host();
  private readonly switches: Record<string, boolean> = { ...this.host.state?.switches };
  private readonly tooltip = new Tooltip();
  private readonly timeline = new Timeline(this.tooltip);
  private readonly about = new About((id) => {
    this.host.send({ type: 'action', id });
  });
  private readonly announcer = new Announcer();
  private readonly view = new MapView(byId('map', HTMLCanvasElement), byId('ruler', HTMLCanvasElement), () => {
    this.save();
  });
  private readonly toolbar = new Toolbar({
    zoom: (factor) => {
      this.view.zoom(factor);
    },
    fit: () => {
      this.view.fit();
    },
    goTo: (text) => {
      this.find(text);
    },
    leave: () => {
      this.view.canvas.focus();
    },
    layer: (id) => {
      this.pages?.show(id);
      this.showLayer();
      this.save();
    },
  });
  private readonly legend = new Legend({
    switched: (key, isOn) => {
      this.switches[key] = isOn;
      this.recolor();
      this.save();
    },
    next: (classByte) => {
      if (this.pages) this.goTo(this.pages.nextAlike(this.view.selected, 1, classByte));
    },
    goTo: (pfn) => {
      this.goTo(pfn);
    },
  });
  private readonly details = new Details({
    ask: (pfn) => {
      this.host.send({ type: 'details', pfn });
    },
    goTo: (pfn) => {
      this.goTo(pfn);
    },
    showInList: (number) => {
      this.list.open(number);
      this.list.focus();
    },
    showExchange: (number) => {
      this.host.send({ type: 'showExchange', number });
    },
    showPage: (pfn) => {
      this.host.send({ type: 'showPage', pfn });
    },
  });
  private readonly list = new ListPane({
    goTo: (pfn) => {
      this.goTo(pfn);
    },
    showExchange: (number) => {
      this.host.send({ type: 'showExchange', number });
    },
    leave: () => {
      this.view.canvas.focus();
    },
    changed: () => {
      this.save();
    },
  });
  private pages: Pages | undefined;
  /** The page under the mouse, and where the mouse is in the window. */
  private hovered: { pfn: number; x: number; y: number } | undefined;

  start(): void {
    this.listenToPerson();
    onThemeChange(() => {
      this.recolor();
    });
    this.host.listen((message) => {
      this.hear(message);
    });
    this.host.send({ type: 'ready' });
  }

  private hear(message: HostMessage): void {
    if (message.type === 'model') {
      this.open(message.model);
      return;
    }
    if (!this.pages) return;
    switch (message.type) {
      case 'reveal':
        this.goTo(message.pfn);
        break;
      case 'details':
        this.details.answer(this.pages, message.pfn, message.rows);
        break;
      case 'notFound':
        this.toolbar.answer(message.why);
        break;
      case 'showList':
        this.list.open(message.exchange);
        break;
      case 'timeline':
        this.timeline.show(message.timeline);
        break;
      default:
        this.change(this.pages, message);
    }
  }

  private open(model: PageMapModel): void {
    const state = this.host.state;
    this.pages = new Pages(model);
    this.hovered = undefined;
    this.showTooltip();
    if (state) this.pages.show(state.layer);
    this.about.show(model.about);
    this.timeline.show(model.timeline ?? []);
    byId('map').setAttribute('aria-label', model.title);
    this.view.open(this.scene(this.pages), state?.zoomed, state?.selected ?? 0);
    this.list.show(this.pages, state?.list);
    this.showLayer();
    // Drawn in the next frame, the map is on the screen when there is another.
    requestAnimationFrame(() => requestAnimationFrame(() => performance.mark(PAINTED_MARK)));
  }

  private change(pages: Pages, change: PageChange): void {
    const current = this.list.current;
    const touched = pages.apply(change);
    if (change.type === 'exchanges') this.list.show(pages);
    else this.list.update(current);
    const { selected } = this.view;
    this.showTooltip();
    if (touched === 'layers') {
      this.showLayer();
    } else if (touched === 'marks') {
      this.view.marksChanged();
      this.toolbar.showProgress(pages);
      if (change.type === 'regions') this.legend.showRegions(pages);
      this.details.show(pages, selected);
    } else {
      this.view.pagesChanged(touched.pages);
      this.legend.update();
      const isIn = touched.pages.some(({ first, bytes }) => selected >= first && selected < first + bytes.length);
      if (isIn) this.details.show(pages, selected);
    }
  }

  /** What is shown, in the colours of now. */
  private scene(pages: Pages): Scene {
    const theme = readTheme();
    const palette = makePalette(pages.layer.classes, pages.owners, theme, {
      isClassOn: ({ id }) => this.isOn(`${pages.layer.id}/${id}`),
      isOwnerOn: ({ id }) => this.isOn(`${OWNER_CHANNEL}/${id}`),
    });
    return { pages, palette, theme };
  }

  private recolor(): void {
    if (!this.pages) return;
    const scene = this.scene(this.pages);
    this.view.recolor(scene);
    this.legend.recolor(scene.palette, (key) => this.isOn(key));
  }

  /** Another layer is shown, or there are others to choose from. */
  private showLayer(): void {
    if (!this.pages) return;
    this.toolbar.show(this.pages);
    this.legend.show(this.pages);
    this.details.show(this.pages, this.view.selected);
    this.recolor();
  }

  private isOn(key: string): boolean {
    const [channel, id] = key.split('/');
    const kinds = channel === OWNER_CHANNEL ? this.pages?.owners : this.pages?.layer.classes;
    return this.switches[key] ?? kinds?.find((kind) => kind.id === id)?.on ?? true;
  }

  private showTooltip(): void {
    const { pages, hovered } = this;
    if (pages && hovered) this.tooltip.show(describePage(pages, hovered.pfn), hovered.x, hovered.y);
    else this.tooltip.hide();
  }

  private select(pfn: number): void {
    if (!this.pages) return;
    this.view.select(pfn);
    this.details.show(this.pages, pfn);
    this.announcer.say(describePage(this.pages, pfn));
    this.host.send({ type: 'selected', pfn });
    this.save();
  }

  private goTo(pfn: number): void {
    if (!this.pages || pfn >= this.pages.count) return;
    this.toolbar.answer('');
    this.select(pfn);
    this.view.revealSelected(true);
  }

  private find(text: string): void {
    if (!this.pages || !text.trim()) return;
    const place = parsePlace(text, this.pages);
    this.toolbar.answer(place === 'outside' ? 'Beyond the end of memory' : '');
    if (place === 'unknown') this.host.send({ type: 'find', text: text.trim() });
    else if (place !== 'outside') this.goTo(place);
  }

  private listenToPerson(): void {
    listenToPointer(this.view, {
      clicked: (pfn) => {
        this.select(pfn);
      },
      hovered: (pfn, x, y) => {
        this.hovered = pfn === undefined ? undefined : { pfn, x, y };
        this.view.hover(pfn);
        this.showTooltip();
      },
    });
    const [view, pages] = [this.view, (): Pages | undefined => this.pages];
    listenToKeys(view.canvas, {
      get count() {
        return pages()?.count ?? 0;
      },
      get selected() {
        return view.selected;
      },
      get grid() {
        return view.grid;
      },
      select: (pfn) => {
        this.select(pfn);
        view.revealSelected();
      },
      selectAlike: (step) => {
        if (!this.pages) return;
        this.select(this.pages.nextAlike(view.selected, step));
        view.revealSelected();
      },
      showDetails: () => {
        this.details.focus();
      },
      goTo: () => {
        this.toolbar.focusGoTo();
      },
      zoom: (factor) => {
        view.zoom(factor);
      },
      fit: () => {
        view.fit();
      },
    });
    byId('details').addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') view.canvas.focus();
    });
  }

  private save(): void {
    this.host.save((): ViewState => {
      const { zoomed, selected } = this.view;
      return {
        layer: this.pages?.layer.id ?? '',
        switches: this.switches,
        selected,
        list: this.list.state,
        ...(zoomed ? { zoomed } : {}),
      };
    });
  }
}

new PageMap().start();
