/** Debugging as a person sees it: call stack, variables, the stopped line in the editor, the debug console. */
import type { Locator } from 'playwright-core';
import type { PageElement } from './pageElement.ts';
import { expandRow } from './treeRows.ts';
import { DEFAULT_WAIT_MS, matches, waitFor } from './waiting.ts';
import type { Workbench } from './workbench.ts';

const CALL_STACK = '.debug-call-stack .monaco-list-row';
const THREADS = `${CALL_STACK}:has(.thread, .session)`;
const VARIABLES = '.debug-variables .monaco-list-row';
/** A key that has done nothing after this time was lost; so many times in a row none is. */
const KEY_LOST_MS = 5_000;
const KEY_TRIES = 4;
/** After this time a text is shown for what the mouse points at. */
const HOVER_MS = 1000;
/** The debugger has set a breakpoint after this time. */
const SET_MS = 2000;
const CONSOLE = '.repl .repl-tree .monaco-list-row';
/** The arrow in the editor's margin: at the topmost frame, or at the selected one further down. */
const ARROWS = '.glyph-margin-widgets [class*="codicon-debug-stackframe"]';

/** A row of the call stack that is a thread or a session. */
export interface ThreadRow {
  name: string;
  /** What VS Code says about it: "Paused on breakpoint", "Running". */
  state: string;
}

/** A row of the call stack that is a frame. */
export interface FrameRow {
  /** The name of the thread it belongs to. */
  thread: string;
  name: string;
  /** The file's name, without folders; empty when the frame has no source. */
  file: string;
  /** 1-based, `undefined` when the frame has no source. */
  line: number | undefined;
  selected: boolean;
}

/** A row of the Breakpoints view. */
export interface BreakpointRow {
  text: string;
  isOn: boolean;
}

/** A row of the variables view. */
export interface VariableRow {
  /** Empty for the row of a scope itself. */
  value: string;
  name: string;
  /** 1 for a scope, 2 for a variable of it, 3 for a member of that. */
  level: number;
}

/** Where the debugger stands. */
export interface StoppedLine {
  /** The path of the file in the editor. */
  file: string;
  /** 1-based. */
  line: number;
  /** The text of the line, without indentation. */
  text: string;
}

/** The debugging parts of one window. */
export class DebugView {
  constructor(private readonly workbench: Workbench) {}

  /** Shows the Run and Debug view. */
  async show(): Promise<void> {
    await this.workbench.press('Control+Shift+d');
    await this.page.locator('.debug-call-stack').waitFor({ timeout: DEFAULT_WAIT_MS });
  }

  /** Whether a debug session exists: its toolbar is in sight. */
  async isDebugging(): Promise<boolean> {
    return (await this.page.locator('.debug-toolbar:visible').count()) > 0;
  }

  /** The buttons of the debugger's toolbar that can be clicked: "Continue", "Pause"… */
  async toolbar(): Promise<string[]> {
    const buttons = this.page.locator('.debug-toolbar:visible .action-label:not(.disabled)');
    const labels = await buttons.evaluateAll((all: PageElement[]) => all.map((one) => one.getAttribute('aria-label')));
    return labels.flatMap((label) => label?.replace(/ \(.*/, '') ?? []);
  }

  /** Waits until the debugger's toolbar has a button that can be clicked: a key with the same command would be lost before. */
  async waitForOffer(button: string): Promise<void> {
    await waitFor(
      `"${button}" in the debugger's toolbar`,
      async () => (await this.toolbar()).includes(button),
      () => this.toolbar(),
    );
  }

  /** Clicks a button of the debugger's toolbar by its exact label, when it is there. */
  async clickToolbar(label: string): Promise<void> {
    const button = this.page.locator('.debug-toolbar:visible .action-label:not(.disabled)');
    await button.and(this.page.getByLabel(label, { exact: true })).click({ timeout: DEFAULT_WAIT_MS });
  }

  /** The rows of the Breakpoints view in sight: the texts of each, such as a function's name, and whether it is on. */
  async breakpoints(): Promise<BreakpointRow[]> {
    const rows = this.page.locator('.debug-breakpoints .monaco-list-row');
    return rows.evaluateAll((all: (PageElement & { innerText: string })[]) =>
      all.map((row) => ({
        text: row.innerText.replace(/\s+/g, ' ').trim(),
        isOn: row.querySelector('[aria-checked="true"]') !== null || row.getAttribute('aria-checked') === 'true',
      })),
    );
  }

  /** Adds a breakpoint at a function by its name, with the button of the Breakpoints view. */
  async addFunctionBreakpoint(name: string): Promise<void> {
    const pane = this.page.locator('.pane', { has: this.page.locator('.debug-breakpoints') });
    await pane.locator('.pane-header').hover({ timeout: DEFAULT_WAIT_MS });
    await pane.locator('.action-label[aria-label*="Function Breakpoint"]').click({ timeout: DEFAULT_WAIT_MS });
    await pane.locator('input:focus').waitFor({ timeout: DEFAULT_WAIT_MS });
    await this.workbench.type(name);
    await this.workbench.press('Enter');
  }

  /** The text of the box in the editor that tells of an exception, if there is one. */
  async exceptionText(): Promise<string | undefined> {
    const box = this.page.locator('.exception-widget:visible');
    return (await box.count()) === 0 ? undefined : box.first().innerText();
  }

  /** The threads of the call stack, and the sessions where there are several. */
  async threads(): Promise<ThreadRow[]> {
    const rows = await this.page.locator(THREADS).evaluateAll((all: PageElement[]) =>
      all.map((row) => ({
        index: Number(row.getAttribute('data-index')),
        name: row.querySelector('.name')?.textContent?.trim() ?? '',
        state: row.querySelector('.state')?.textContent?.trim() ?? '',
      })),
    );
    return inOrder(rows).map(({ name, state }) => ({ name, state }));
  }

  /** The frames of the call stack that are in sight: those of the expanded threads. */
  async stackFrames(): Promise<FrameRow[]> {
    const rows = await this.page.locator(CALL_STACK).evaluateAll((all: PageElement[]) =>
      all.map((row) => ({
        index: Number(row.getAttribute('data-index')),
        thread: row.querySelector('.thread .name')?.textContent?.trim(),
        name: row.querySelector('.stack-frame .label')?.textContent?.trim(),
        file: row.querySelector('.file-name')?.textContent?.trim() ?? '',
        line: row.querySelector('.line-number')?.textContent ?? '',
        selected: row.classList.contains('selected'),
      })),
    );
    let thread = '';
    return inOrder(rows).flatMap(({ name, file, line, selected, ...row }) => {
      thread = row.thread ?? thread;
      return name === undefined ? [] : [{ thread, name, file, line: firstNumber(line), selected }];
    });
  }

  /** Scrolls the call stack with the mouse wheel, down if `pixels` is positive; it ends at its ends. */
  async scrollCallStack(pixels: number): Promise<void> {
    await this.page.locator('.debug-call-stack').hover({ timeout: DEFAULT_WAIT_MS });
    await this.page.mouse.wheel(0, pixels);
  }

  /** Selects a frame by its function's name; the variables and the editor then show that frame. */
  async selectFrame(name: string | RegExp): Promise<void> {
    await this.page.locator(`${CALL_STACK}:has(.stack-frame)`, { hasText: name }).first().click();
  }

  /** Expands a thread of the call stack, so that its frames are in sight. */
  async expandThread(name: string | RegExp): Promise<void> {
    await expand(this.page.locator(THREADS, { hasText: name }).first());
  }

  /** The rows of the variables view in sight. */
  async variables(): Promise<VariableRow[]> {
    return this.page.locator(VARIABLES).evaluateAll((rows: PageElement[]) =>
      rows.map((row) => ({
        name: (row.querySelector('.scope') ?? row.querySelector('.name'))?.textContent?.replace(/ [=:]?\s*$/, '') ?? '',
        value: row.querySelector('.value')?.textContent ?? '',
        level: Number(row.getAttribute('aria-level')),
      })),
    );
  }

  /** Expands a scope or a variable by its exact name. */
  async expandVariable(name: string): Promise<void> {
    const label = this.page
      .locator('.scope, .expression .name')
      .filter({ hasText: new RegExp(`^${escape(name)}( =)?\\s*$`) });
    await expand(this.page.locator(VARIABLES).filter({ has: label }).first());
  }

  /** The line that is highlighted as the debugger's place in the active editor; `undefined` while it is running. */
  async highlightedLine(): Promise<StoppedLine | undefined> {
    const file = await this.workbench.activeEditor();
    const group = this.page.locator('.editor-group-container.active');
    const arrows = await group
      .locator(ARROWS)
      .evaluateAll((all: PageElement[]) => all.map((arrow) => arrow.getAttribute('style')));
    const rows = await group
      .locator('.margin-view-overlays > div')
      .evaluateAll((all: PageElement[]) =>
        all.map((row) => [row.getAttribute('style'), row.querySelector('.line-numbers')?.textContent]),
      );
    const texts = await group
      .locator('.view-lines > .view-line')
      .evaluateAll((all: PageElement[]) => all.map((line) => [line.getAttribute('style'), line.textContent]));
    // Arrows, line numbers and texts are in separate layers that agree only in their distance from the top.
    const top = pixelsFromTop(arrows[0]);
    const at = (layer: (string | null | undefined)[][]): string | null | undefined =>
      layer.find(([style]) => top !== undefined && pixelsFromTop(style) === top)?.[1];
    const line = Number(at(rows));
    // Blanks are no-break spaces in the page.
    const text = (at(texts) ?? '').replaceAll('\u00a0', ' ').trim();
    return file !== undefined && line > 0 ? { file, line, text } : undefined;
  }

  /**
   * Sets a breakpoint with F9 at the cursor of the active editor, and waits until its margin shows it. VS Code has no F9
   * until it knows that there is a debugger for the editor's language, and shows nobody when that is: a person presses
   * the key again.
   */
  async setBreakpoint(): Promise<void> {
    const mark = this.page
      .locator('.editor-group-container.active .glyph-margin-widgets .codicon-debug-breakpoint')
      .first();
    for (let tries = KEY_TRIES; ; tries--) {
      await this.workbench.press('F9');
      try {
        await mark.waitFor({ timeout: KEY_LOST_MS });
        return;
      } catch (error) {
        if (tries <= 1) throw error;
      }
    }
  }

  /** Waits until breakpoints are set as the window has them, which nothing in it tells where it says the same as before. */
  async untilBreakpointsAreSet(): Promise<void> {
    await this.page.waitForTimeout(SET_MS);
  }

  /** Waits until the debugger says of the only breakpoint in sight in the active editor: as who points at it is told. */
  async breakpointSays(text: string): Promise<void> {
    const mark = this.page.locator('.editor-group-container.active .glyph-margin-widgets .codicon-debug-breakpoint');
    const told = this.page.locator('.monaco-hover:visible');
    await waitFor(
      `"${text}" at the breakpoint`,
      async () => {
        await mark.first().hover({ timeout: KEY_LOST_MS });
        await this.page.waitForTimeout(HOVER_MS);
        // Blanks are no-break spaces in the page.
        if ((await told.allInnerTexts()).some((all) => all.replaceAll('\u00a0', ' ').includes(text))) return true;
        // What is shown is not brought up to date.
        await this.page.locator('.part.titlebar').hover();
        return false;
      },
      () => told.allInnerTexts(),
    );
  }

  /** Waits until the debugger stands in a file whose path has this text, and gives the place. */
  async waitForStop(file: string | RegExp, line?: number, withinMs: number = DEFAULT_WAIT_MS): Promise<StoppedLine> {
    return waitFor(
      `The stopped line in ${String(file)}${line === undefined ? '' : `:${line}`}`,
      async () => {
        const place = await this.highlightedLine();
        return place && matches(place.file, file) && (line === undefined || place.line === line) ? place : undefined;
      },
      async () => ({
        stopped: await this.highlightedLine(),
        threads: await this.threads(),
        frames: await this.stackFrames(),
        notifications: await this.workbench.notificationsSeen(),
        dialog: await this.workbench.dialogText(),
        console: (await this.consoleText()).slice(-2000),
      }),
      withinMs,
    );
  }

  /** The rows of the debug console in sight; empty when the panel shows something else. */
  async consoleText(): Promise<string> {
    return (await this.page.locator(CONSOLE).allInnerTexts()).join('\n');
  }

  /** Evaluates an expression in the debug console, as a person does: types it there and presses Enter. */
  async evaluate(expression: string): Promise<void> {
    await this.workbench.press('Control+Shift+y');
    const input = this.page.locator('.repl .repl-input-wrapper .monaco-editor');
    await input.click({ timeout: DEFAULT_WAIT_MS });
    await this.workbench.type(expression);
    // Enter would take a proposal of the completion list instead of the expression.
    if (await this.page.locator('.suggest-widget.visible').count()) await this.workbench.press('Escape');
    await this.workbench.press('Enter');
  }

  private get page(): Workbench['page'] {
    return this.workbench.page;
  }
}

/** The page may hold the rows of a list in another order than it shows them. */
function inOrder<Row extends { index: number }>(rows: Row[]): Row[] {
  return rows.sort((one, other) => one.index - other.index);
}

const expand = async (row: Locator): Promise<void> => expandRow(row, row.locator('.monaco-tl-twistie'));

function firstNumber(text: string): number | undefined {
  const digits = /\d+/.exec(text)?.[0];
  return digits === undefined ? undefined : Number(digits);
}

function pixelsFromTop(style: string | null | undefined): string | undefined {
  return /(?:^|[\s;])top:\s*([\d.]+px)/.exec(style ?? '')?.[1];
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
