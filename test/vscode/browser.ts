/** A headless browser of the user's machine, with a private profile and without a way out of this machine. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { findProgram } from '../../qemu-runner/programs.ts';
import { browserDidNotStart, browserMissing, workbenchDidNotLoad } from './errors.ts';
import { Workbench } from './workbench.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const START_LIMIT_MS = 60_000;
const LOAD_LIMIT_MS = 120_000;

const FLAGS = [
  // The user namespaces of the sandbox are missing in most containers, and only our own server is ever opened.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** A running browser. */
export interface BrowserSession {
  /** Opens a VS Code address in a window of its own and waits until it can be used. */
  open(url: string): Promise<Workbench>;
  /** A window with nothing in it. */
  blank(): Promise<Page>;
  /** Ends the browser and removes its profile. */
  close(): Promise<void>;
}

/** The first browser on PATH that we know how to drive. */
export function findBrowser(): string {
  for (const name of NAMES) {
    const path = findProgram(name);
    if (path !== undefined) return path;
  }
  throw browserMissing(NAMES);
}

/** Starts the browser; `viewport` is the size of its windows in pixels. */
export async function startBrowser(viewport = { width: 1440, height: 900 }): Promise<BrowserSession> {
  const executablePath = findBrowser();
  const home = await mkdtemp(join(tmpdir(), 'kexec-jump-browser-'));
  let browser: Browser;
  try {
    browser = await chromium.launch({
      executablePath,
      args: FLAGS,
      timeout: START_LIMIT_MS,
      // Playwright keeps the profile in a folder of its own; these keep crash reports and caches out of the user's home.
      env: { ...definedOnly(process.env), XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
    });
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw browserDidNotStart(executablePath, String(error));
  }
  return {
    open: async (url) => {
      const page = await browser.newPage({ viewport });
      const printed = collectConsole(page);
      try {
        await Workbench.prepare(page);
        await page.goto(url, { timeout: LOAD_LIMIT_MS });
        return await Workbench.whenReady(page, printed, LOAD_LIMIT_MS);
      } catch (error) {
        throw workbenchDidNotLoad(url, LOAD_LIMIT_MS / 1000, [...printed, String(error)].join('\n'));
      }
    },
    blank: async () => browser.newPage({ viewport }),
    close: async () => {
      await browser.close();
      // What was just killed may still write.
      await rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/** What the page prints as errors, without VS Code's complaints about modules that its server does not need. */
function collectConsole(page: Page): string[] {
  const printed: string[] = [];
  const keep = (text: string): void => {
    if (!/bindings file|native-watchdog|spdlog/.test(text)) printed.push(text);
    if (printed.length > 500) printed.shift();
  };
  page.on('console', (message) => {
    if (message.type() === 'error') keep(message.text());
  });
  page.on('pageerror', (error) => {
    keep(error.stack ?? error.message);
  });
  return printed;
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  const defined = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(defined);
}
