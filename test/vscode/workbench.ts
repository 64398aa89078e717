/**
 * VS Code's window as a person sees and uses it: real keys, the palette, notifications, the status bar, dialogs, webviews.
 * Selectors are those of VS Code 1.139. Lists are virtual there: what is scrolled out of sight is not in the page.
 */
import type { FrameLocator, Locator, Page } from 'playwright-core';
import { DebugView } from './debugView.ts';
import type { PageElement } from './pageElement.ts';
import { Terminals } from './terminals.ts';
import { DEFAULT_WAIT_MS, matches, waitFor } from './waiting.ts';

const PALETTE_INPUT = '.quick-input-widget:visible input.input';
const PALETTE_ROWS = '.quick-input-list .monaco-list-row';

/**
 * Runs in the page. A text and not a function, because what compiles our functions may wrap inner functions with helpers
 * that the page does not have.
 */
const REMEMBER_NOTIFICATIONS = `
if (window.top === window) {
  window.notificationsSeen = [];
  new MutationObserver(() => {
    for (const { textContent } of document.querySelectorAll('.notification-list-item-message')) {
      if (textContent && !window.notificationsSeen.includes(textContent)) window.notificationsSeen.push(textContent);
    }
  }).observe(document, { childList: true, subtree: true, characterData: true });
}`;

/** A message in the corner of the window. */
export interface Notification {
  severity: 'info' | 'warning' | 'error' | 'progress';
  message: string;
  /** The labels of its buttons. */
  buttons: string[];
}

/** One VS Code window. */
export class Workbench {
  /** The Run and Debug view, the stopped line in the editor, and the debug console. */
  readonly debug: DebugView;
  /** The terminals of the panel. */
  readonly terminals: Terminals;

  private constructor(
    readonly page: Page,
    /** Errors that the page printed, oldest first. */
    readonly pageErrors: readonly string[],
  ) {
    this.debug = new DebugView(this);
    this.terminals = new Terminals(this);
  }

  /** Makes a page remember every notification, because some are gone before anybody looks. Before it is loaded. */
  static async prepare(page: Page): Promise<void> {
    await page.addInitScript(REMEMBER_NOTIFICATIONS);
  }

  /** Waits until the window has restored its parts and knows its extensions. */
  static async whenReady(page: Page, pageErrors: readonly string[], withinMs: number): Promise<Workbench> {
    await page.waitForFunction(
      () =>
        ['code/LifecyclePhase/Restored', 'code/didLoadExtensions'].every(
          (mark) => performance.getEntriesByName(mark).length > 0,
        ),
      undefined,
      { timeout: withinMs },
    );
    return new Workbench(page, pageErrors);
  }

  /** Presses a key or a chord, in Playwright's names: "F5", "Shift+F5", "Control+p". */
  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** Types text where the focus is. */
  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /** Runs a command by its full title ("Category: Title") through the palette. */
  async runCommand(title: string): Promise<void> {
    // An extension that is still being registered adds its commands a moment later; the palette has to be opened anew.
    const deadline = Date.now() + DEFAULT_WAIT_MS;
    for (;;) {
      await this.press('F1');
      try {
        await this.choose(title, `>${title}`, 3000);
        return;
      } catch (error) {
        await this.press('Escape');
        if (Date.now() > deadline) throw error;
      }
    }
  }

  /**
   * The commands that the palette offers for a text, once it offers `always`, a command that is enabled at all times.
   * Waiting for one also says when an extension that has just been installed can be used.
   */
  async commandsOffered(text: string, always: string): Promise<string[]> {
    return waitFor(
      `"${always}" in the palette`,
      async () => {
        await this.press('F1');
        await this.page.locator(PALETTE_INPUT).waitFor({ timeout: DEFAULT_WAIT_MS });
        await this.type(text);
        const deadline = Date.now() + 2000;
        let offered: string[];
        do offered = await this.quickPickItems();
        while (!offered.includes(always) && Date.now() < deadline);
        await this.press('Escape');
        return offered.includes(always) ? offered : undefined;
      },
      () => this.notificationsSeen(),
    );
  }

  /** Chooses an item of the quick pick that is open or about to open, by its exact label: types it, presses Enter. */
  async pick(label: string, withinMs: number = DEFAULT_WAIT_MS): Promise<void> {
    await waitFor(
      `"${label}" in a list to choose from`,
      async () => (await this.quickPickItems()).includes(label),
      () => this.quickPickItems(),
      withinMs,
    );
    await this.choose(label, label, withinMs);
  }

  private async choose(label: string, text: string, withinMs: number): Promise<void> {
    const input = this.page.locator(PALETTE_INPUT);
    await input.waitFor({ timeout: withinMs });
    await this.press('Control+a');
    await this.type(text);
    // The row that Enter takes is the focused one.
    await waitFor(
      `"${label}" as the chosen row of the list`,
      async () => (await rowLabels(this.page.locator(`${PALETTE_ROWS}.focused`)))[0] === label,
      () => this.quickPickItems(),
      withinMs,
    );
    await this.press('Enter');
    // The next list may open in the same place; whoever types into it must not meet this one.
    await waitFor(
      `The end of the list after "${label}"`,
      async () => !(await inputValues(input)).includes(text),
      () => this.quickPickItems(),
    );
  }

  /** The labels of the open quick pick or palette, as far as they are in sight; empty when none is open. */
  async quickPickItems(): Promise<string[]> {
    return rowLabels(this.page.locator(PALETTE_ROWS));
  }

  /** Types into the open input box, or the list to choose from, in place of what is there. */
  async typeIntoInput(text: string): Promise<void> {
    const input = this.page.locator(PALETTE_INPUT);
    await input.waitFor({ timeout: DEFAULT_WAIT_MS });
    await this.press('Control+a');
    await this.type(text);
  }

  /** Types an answer into the open input box and presses Enter. */
  async answerInput(text: string): Promise<void> {
    await this.typeIntoInput(text);
    await this.press('Enter');
  }

  /** Opens a file of the workspace by its path and puts the cursor on a line (from 1). */
  async openFile(path: string, line = 1): Promise<void> {
    await this.press('Control+p');
    await this.page.locator(PALETTE_INPUT).waitFor({ timeout: DEFAULT_WAIT_MS });
    await this.type(path);
    const name = path.split('/').pop() ?? path;
    await waitFor(
      `The file ${path} in the list of files`,
      async () => (await this.quickPickItems())[0] === name,
      () => this.quickPickItems(),
    );
    await this.type(`:${line}`);
    await this.press('Enter');
    await waitFor(
      `The editor of ${path}`,
      async () => (await this.activeEditor())?.endsWith(name),
      () => this.activeEditor(),
    );
    // Keys go to the text when the title has been there for a while.
    const text = this.page.locator('.editor-group-container.active .editor-instance .monaco-editor.focused');
    await text.waitFor({ timeout: DEFAULT_WAIT_MS });
  }

  /**
   * Follows a link of an editor, with Control and the mouse. By hand: the editor draws the line anew while Control is held,
   * and playwright's own click insists on the element that was there before.
   */
  async followLink(link: Locator): Promise<void> {
    const place = await link.boundingBox({ timeout: DEFAULT_WAIT_MS });
    if (!place) throw new Error('The link is out of sight');
    const { mouse, keyboard } = this.page;
    await keyboard.down('Control');
    try {
      await mouse.move(place.x + place.width / 2, place.y + place.height / 2);
      await this.page.locator('.detected-link-active').waitFor({ timeout: DEFAULT_WAIT_MS });
      await mouse.down();
      await mouse.up();
    } finally {
      await keyboard.up('Control');
    }
  }

  /**
   * The path of the file in the active editor, with "~" for the home folder where VS Code shortens it (or the title, where
   * it is no file); `undefined` without an editor, or while it changes.
   */
  async activeEditor(): Promise<string | undefined> {
    const group = this.page.locator('.editor-group-container.active');
    const [title] = await attributes(group.locator('.tab.active'), 'data-resource-name');
    // The tab of a file outside the workspace does not tell the path; the breadcrumbs do, a moment later.
    const [label] = await attributes(group.locator('.breadcrumbs-control .file .monaco-icon-label'), 'aria-label');
    // Of a file with problems it goes on with their number.
    const path = label?.replace(/ • .*/, '');
    return path === undefined || (title !== undefined && path.endsWith(title)) ? (path ?? title) : undefined;
  }

  /** The notifications in sight. */
  async notifications(): Promise<Notification[]> {
    return this.page.locator('.notifications-toasts .notification-list-item').evaluateAll((items: PageElement[]) =>
      items.map((item) => {
        const icon = item.querySelector('.notification-list-item-icon')?.className ?? '';
        const progress = item.querySelector('.monaco-progress-container.active') !== null;
        const severity = /codicon-(error|warning)/.exec(icon)?.[1] as 'error' | 'warning' | undefined;
        return {
          severity: progress ? ('progress' as const) : (severity ?? ('info' as const)),
          message: item.querySelector('.notification-list-item-message')?.textContent ?? '',
          buttons: [...item.querySelectorAll('.notification-list-item-buttons-container .monaco-button')]
            .map((button) => button.textContent ?? '')
            .filter((text) => text !== ''),
        };
      }),
    );
  }

  /** Every message a notification has shown since the window was opened, in order, also those that are gone. */
  async notificationsSeen(): Promise<string[]> {
    return this.page.evaluate<string[]>('window.notificationsSeen');
  }

  /** Waits until a notification with this text was shown, and gives its whole message. */
  async waitForNotification(wanted: string | RegExp, withinMs: number = DEFAULT_WAIT_MS): Promise<string> {
    return waitFor(
      `A notification with ${String(wanted)}`,
      async () => (await this.notificationsSeen()).find((message) => matches(message, wanted)),
      () => this.notificationsSeen(),
      withinMs,
    );
  }

  /** Clicks a button of a notification in sight. */
  async clickNotification(message: string | RegExp, button: string): Promise<void> {
    const item = this.page.locator('.notifications-toasts .notification-list-item', { hasText: message });
    await item.locator('.monaco-button', { hasText: button }).click({ timeout: DEFAULT_WAIT_MS });
  }

  /** The text of the modal dialog, if one is open. */
  async dialogText(): Promise<string | undefined> {
    const box = this.page.locator('.monaco-dialog-box');
    return (await box.count()) === 0 ? undefined : box.first().innerText();
  }

  /** Clicks a button of the modal dialog. */
  async clickDialog(button: string): Promise<void> {
    const buttons = this.page.locator('.monaco-dialog-box .monaco-button', { hasText: button });
    await buttons.first().click({ timeout: DEFAULT_WAIT_MS });
  }

  /** The texts of the status bar from left to right, icons left out. */
  async statusBarTexts(): Promise<string[]> {
    const texts = await this.page.locator('.part.statusbar .statusbar-item').allInnerTexts();
    // Icons are characters of the private use area.
    return texts.map((text) => text.replace(/[\uE000-\uF8FF]/g, '').trim()).filter((text) => text !== '');
  }

  /** Waits until an item of the status bar has this text, and gives the item's whole text. */
  async waitForStatusBar(wanted: string | RegExp, withinMs: number = DEFAULT_WAIT_MS): Promise<string> {
    return waitFor(
      `A status bar item with ${String(wanted)}`,
      async () => (await this.statusBarTexts()).find((text) => matches(text, wanted)),
      () => this.statusBarTexts(),
      withinMs,
    );
  }

  /** The document inside the webview in sight (the last opened one, should there be several). */
  webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready >> visible=true >> nth=-1').frameLocator('#active-frame');
  }

  /** Writes a picture of the window as PNG. */
  async screenshot(path: string): Promise<void> {
    await this.page.screenshot({ path });
  }
}

async function rowLabels(rows: Locator): Promise<string[]> {
  return rows.evaluateAll((elements: PageElement[]) =>
    elements.map((element) => element.querySelector('.label-name')?.textContent?.trim() ?? ''),
  );
}

/** An attribute of the elements that are there now. */
async function attributes(elements: Locator, name: string): Promise<string[]> {
  return elements.evaluateAll(
    (all: PageElement[], wanted) => all.map((element) => element.getAttribute(wanted) ?? ''),
    name,
  );
}

/** The texts of the inputs that are there now; unlike `inputValue` it does not wait for one to appear. */
async function inputValues(inputs: Locator): Promise<string[]> {
  return inputs.evaluateAll((elements: { value: string }[]) => elements.map(({ value }) => value));
}
