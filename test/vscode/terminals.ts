/** The terminals of VS Code's panel: their names, what stands in them, and typing into them. */
import type { PageElement } from './pageElement.ts';
import { DEFAULT_WAIT_MS, matches, waitFor } from './waiting.ts';
import type { Workbench } from './workbench.ts';

/** The part of xterm's object model that is read: VS Code hangs the object on the terminal's element. */
interface XtermElement {
  xterm?: { buffer: { active: { length: number; getLine(y: number): XtermLine | undefined } } };
}
interface XtermLine {
  isWrapped: boolean;
  translateToString(trimRight: boolean): string;
}

/** The terminals of one window. */
export class Terminals {
  constructor(private readonly workbench: Workbench) {}

  /** The names of all terminals, in the order of their tabs. */
  async names(): Promise<string[]> {
    const page = this.workbench.page;
    const tabs = page.locator('.tabs-list .monaco-list-row');
    if ((await tabs.count()) > 0) {
      const labels = await tabs.evaluateAll((rows: PageElement[]) =>
        rows.map((row) => row.getAttribute('aria-label') ?? ''),
      );
      return labels.map((label) => label.replace(/^Terminal \d+ /, '').replace(/,.*$/, ''));
    }
    // A single terminal has no list of tabs; its name stands in its own label.
    return (await this.readAll()).map(({ name }) => name);
  }

  /** Brings a terminal to the front and puts the focus into it. */
  async select(name: string): Promise<void> {
    const page = this.workbench.page;
    await waitFor(
      `The terminal "${name}"`,
      async () => (await this.names()).includes(name),
      () => this.names(),
    );
    const tab = page.locator('.tabs-list .monaco-list-row').filter({ hasText: name });
    if ((await tab.count()) > 0) await tab.first().click({ timeout: DEFAULT_WAIT_MS });
    // Terminals that share the panel are all in sight: the label says whose is whose.
    const label = page.locator(`.xterm-helper-textarea[aria-label^="Terminal"][aria-label*=", ${name}"]`);
    const wrapper = page.locator('.terminal-wrapper:visible').filter({ has: label });
    await wrapper.locator('.xterm-screen').first().click({ timeout: DEFAULT_WAIT_MS });
  }

  /**
   * Everything in a terminal's buffer, scrollback included, without trailing blanks; wrapped lines are joined.
   * A terminal that was never in front has no buffer yet and is brought there first.
   */
  async text(name: string): Promise<string> {
    const found = (await this.readAll()).find((terminal) => terminal.name === name);
    if (found) return found.text;
    await this.select(name);
    return (await this.readAll()).find((terminal) => terminal.name === name)?.text ?? '';
  }

  /** Waits until a terminal contains this text, and gives its whole text. */
  async waitForText(name: string, wanted: string | RegExp, withinMs: number = DEFAULT_WAIT_MS): Promise<string> {
    return waitFor(
      `${String(wanted)} in the terminal "${name}"`,
      async () => {
        const text = await this.text(name);
        return matches(text, wanted) ? text : undefined;
      },
      () => this.text(name),
      withinMs,
    );
  }

  /** Types into a terminal; end it with "\n" for Enter. */
  async type(name: string, text: string): Promise<void> {
    await this.select(name);
    await this.workbench.type(text);
  }

  private async readAll(): Promise<{ name: string; text: string }[]> {
    return this.workbench.page.locator('.terminal-wrapper').evaluateAll((wrappers: (PageElement & XtermElement)[]) =>
      wrappers.flatMap((wrapper) => {
        const label = wrapper.querySelector('.xterm-helper-textarea')?.getAttribute('aria-label') ?? '';
        const name = /^Terminal \d+, (.*)$/m.exec(label)?.[1];
        const buffer = wrapper.xterm?.buffer.active;
        if (name === undefined || buffer === undefined) return [];
        let text = '';
        for (let y = 0; y < buffer.length; y++) {
          const line = buffer.getLine(y);
          const continues = buffer.getLine(y + 1)?.isWrapped ?? false;
          text += (line?.translateToString(!continues) ?? '') + (continues ? '' : '\n');
        }
        return [{ name, text: text.trimEnd() }];
      }),
    );
  }
}
