/** The page map in a browser window of its own, with a host that the test plays. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { pageMapHtml } from '../../vmcore-viewer/pageMapHtml.ts';
import type { HostMessage, PageMapMessage } from '../../vmcore-viewer/protocol.ts';
import type { BrowserSession } from '../vscode/browser.ts';
import { waitFor } from '../vscode/waiting.ts';
import { THEMES, variablesOf, type ThemeName } from './themes.ts';
import type { SyntheticMemory } from './syntheticMemory.ts';

const BUNDLE = join(import.meta.dirname, '..', '..', 'dist', 'webview');
/** Nothing listens there: the requests are answered here. */
const ORIGIN = 'http://127.0.0.1:1';
const TYPES: Record<string, string> = { js: 'text/javascript', css: 'text/css', ttf: 'font/ttf' };

/** Stands for what VS Code puts into a webview. */
const CODE_API = `globalThis.acquireVsCodeApi = () => ({
  postMessage: (message) => globalThis.toHost(message),
  getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
  setState: (state) => sessionStorage.setItem('state', JSON.stringify(state)),
});`;

/** The few things of a browser's page that are used within it; the project is compiled without the DOM's types. */
interface Browser {
  postMessage(message: unknown, origin: string): void;
  document: {
    body: { className: string };
    documentElement: { style: { cssText: string } };
  };
}

export class MapPage {
  /** Everything that the map said, in its order. */
  readonly heard: PageMapMessage[] = [];
  /** What the page printed as errors, such as refusals of the content security policy. */
  readonly errors: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly memory: SyntheticMemory,
  ) {}

  /** Opens the map and feeds it; `memory` answers for details. `before` is a script to be run before any of the page's. */
  static async open(browser: BrowserSession, memory: SyntheticMemory, theme: ThemeName, before = ''): Promise<MapPage> {
    const map = new MapPage(await browser.blank(), memory);
    // What is asked for is there at once, and not after a flight.
    await map.page.emulateMedia({ reducedMotion: 'reduce' });
    await map.page.addInitScript(before);
    await map.prepare();
    await map.page.goto(`${ORIGIN}/`);
    await map.setTheme(theme);
    await map.settle();
    return map;
  }

  /** What happens when a hidden tab is shown again. */
  async reload(theme: ThemeName): Promise<void> {
    await this.page.reload();
    await this.setTheme(theme);
    await this.settle();
  }

  async send(message: HostMessage): Promise<void> {
    await this.page.evaluate((sent) => {
      (globalThis as unknown as Browser).postMessage(sent, '*');
    }, message);
  }

  async setTheme(name: ThemeName): Promise<void> {
    await this.page.evaluate(
      ({ kind, variables }) => {
        const { document } = globalThis as unknown as Browser;
        const { documentElement } = document;
        documentElement.style.cssText = Object.entries(variables)
          .map(([variable, value]) => `${variable}: ${value};`)
          .join(' ');
        document.body.className = kind;
      },
      { kind: THEMES[name].kind, variables: variablesOf(name) },
    );
  }

  /** The map has its model and has drawn it. */
  async settle(): Promise<void> {
    await this.page.locator('#classes vscode-checkbox').first().waitFor();
    await this.page.waitForTimeout(400);
  }

  async text(selector: string): Promise<string> {
    return (await this.page.locator(selector).innerText()).replaceAll(/\s+/g, ' ');
  }

  /** Waits until an element has a text. */
  async textMatches(selector: string, expected: RegExp): Promise<void> {
    const read = async (): Promise<string> => (await this.page.locator(selector).textContent()) ?? '';
    await waitFor(`${expected.source} in ${selector}`, async () => expected.test(await read()), read);
  }

  /** Pixel of the map at a point of its canvas, in CSS pixels: red, green, blue. */
  async pixel(x: number, y: number): Promise<number[]> {
    const read = `(() => {
      const canvas = document.querySelector('#map');
      const ratio = canvas.width / canvas.getBoundingClientRect().width;
      return [...canvas.getContext('2d').getImageData(${x} * ratio, ${y} * ratio, 1, 1).data].slice(0, 3);
    })()`;
    return await this.page.evaluate(read);
  }

  /** Where the canvas is in the window. */
  async box(): Promise<{ x: number; y: number; width: number; height: number }> {
    return (await this.page.locator('#map').boundingBox())!;
  }

  private async prepare(): Promise<void> {
    const { page } = this;
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
    page.on('pageerror', ({ message }) => this.errors.push(message));
    await page.exposeFunction('toHost', (message: PageMapMessage) => {
      this.heard.push(message);
      void this.answer(message);
    });
    await page.addInitScript(CODE_API);
    await page.route(`${ORIGIN}/**`, async (route) => {
      const file = new URL(route.request().url()).pathname.slice(1);
      if (!file) await route.fulfill({ contentType: 'text/html', body: html() });
      else {
        const contentType = TYPES[file.split('.').at(-1)!] ?? 'text/plain';
        await route.fulfill({ contentType, body: await readFile(join(BUNDLE, file)) });
      }
    });
  }

  private async answer(message: PageMapMessage): Promise<void> {
    const { memory } = this;
    if (message.type === 'ready') await this.send({ type: 'model', model: memory.model });
    else if (message.type === 'details') {
      await this.send({ type: 'details', pfn: message.pfn, rows: memory.details(message.pfn) });
    } else if (message.type === 'find') {
      await this.send({ type: 'notFound', why: `There is no "${message.text}" here` });
    }
  }
}

function html(): string {
  return pageMapHtml({
    script: `${ORIGIN}/pageMap.js`,
    styles: `${ORIGIN}/style.css`,
    icons: `${ORIGIN}/codicon.css`,
    source: ORIGIN,
    nonce: 'test',
  });
}
