/** Parts of the window that extensions fill: trees in the side bar, the Problems of the panel, messages of input boxes. */
import type { Locator } from 'playwright-core';
import type { PageElement } from './pageElement.ts';
import { expandRow } from './treeRows.ts';
import { DEFAULT_WAIT_MS } from './waiting.ts';
import type { Workbench } from './workbench.ts';

/** A row of a tree: its label, and what stands behind it. */
export interface TreeRow {
  label: string;
  description: string;
}

/** Pixels. */
const ROW_HEIGHT = 44;
/** Rows come into the page a moment after the wheel has turned. */
const SCROLL_MS = 150;

/** Of a row of a tree. */
const CHECKBOX = '.custom-view-tree-node-item-checkbox';

/** A section of the side bar by its title, such as "Snapshots". */
export class SideBarTree {
  constructor(
    private readonly workbench: Workbench,
    private readonly title: string,
  ) {}

  /** Opens the section, if it is closed. */
  async expand(): Promise<void> {
    const header = this.pane.locator('.pane-header');
    await expandRow(header, header);
  }

  /** The rows in sight. */
  async rows(): Promise<TreeRow[]> {
    return this.pane.locator('.monaco-list-row').evaluateAll((rows: PageElement[]) =>
      rows.map((row) => ({
        label: row.querySelector('.label-name')?.textContent ?? '',
        description: row.querySelector('.label-description')?.textContent ?? '',
      })),
    );
  }

  /** All rows, in order: scrolls through them as a person would, from the top. */
  async allRows(): Promise<TreeRow[]> {
    const all = new Map<string, TreeRow>();
    await this.pane.locator('.monaco-list').hover({ timeout: DEFAULT_WAIT_MS });
    await this.workbench.page.mouse.wheel(0, -10_000);
    // A busy window may show nothing new for a moment.
    for (let idle = 0; idle < 3;) {
      const before = all.size;
      await this.workbench.page.waitForTimeout(SCROLL_MS);
      for (const row of await this.rows()) all.set(`${row.label} ${row.description}`, row);
      await this.workbench.page.mouse.wheel(0, ROW_HEIGHT);
      idle = all.size === before ? idle + 1 : 0;
    }
    return [...all.values()];
  }

  /** Closes the sections beside it but one, so that most rows are in sight. */
  async giveRoom(stays: string): Promise<void> {
    const others = this.sections.filter({ hasNotText: this.title }).filter({ hasNotText: stays });
    for (const header of await others.all()) {
      if ((await header.getAttribute('aria-expanded')) === 'true') await header.click();
    }
  }

  /** Opens a row in sight that has others below it, by its exact label; with a checkbox, where others have the same. */
  async expandRow(label: string, hasCheckbox = false): Promise<void> {
    const row = this.rowInSight(label, hasCheckbox);
    await expandRow(row, row.locator('.monaco-tl-twistie'));
  }

  /** Clicks the checkbox of a row in sight, by its exact label. */
  async check(label: string): Promise<void> {
    await this.rowInSight(label, true).locator(CHECKBOX).click({ timeout: DEFAULT_WAIT_MS });
  }

  private rowInSight(label: string, hasCheckbox: boolean): Locator {
    const { page } = this.workbench;
    const exact = page.locator('.label-name', { hasText: new RegExp(`^${escape(label)}$`) });
    const rows = this.pane.locator('.monaco-list-row', { has: exact });
    return rows.filter(hasCheckbox ? { has: page.locator(CHECKBOX) } : { hasNot: page.locator(CHECKBOX) }).first();
  }

  /** Clicks a button that a row shows under the mouse, by the title of its command. */
  async clickInRow(label: string, button: string): Promise<void> {
    const row = this.pane.locator('.monaco-list-row', { hasText: label }).first();
    await row.hover({ timeout: DEFAULT_WAIT_MS });
    await row.locator(`.action-label[aria-label^="${button}"]`).click({ timeout: DEFAULT_WAIT_MS });
  }

  private get sections(): Locator {
    return this.workbench.page.locator('.part.sidebar .pane-header');
  }

  private get pane(): Locator {
    const { page } = this.workbench;
    return page.locator('.part.sidebar .pane', { has: page.locator('.pane-header', { hasText: this.title }) });
  }
}

/** Brings up the Problems view and gives its rows: those of files, each followed by those of its problems. */
export async function problems({ page }: Workbench): Promise<string[]> {
  const panel = page.locator('.markers-panel');
  if ((await panel.count()) === 0 || !(await panel.isVisible())) await page.keyboard.press('Control+Shift+m');
  await panel.waitFor({ timeout: DEFAULT_WAIT_MS });
  const texts = await panel.locator('.monaco-list-row').allInnerTexts();
  return texts.map((text) => text.replace(/\s+/g, ' ').trim());
}

/** What the open input box says below the text in it. */
export async function inputMessage({ page }: Workbench): Promise<string | undefined> {
  const message = page.locator('.quick-input-widget:visible .quick-input-message');
  return (await message.count()) === 0 ? undefined : message.first().innerText();
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
