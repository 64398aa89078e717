/** Pictures for the README, taken where a test comes by. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workbench } from '../vscode/workbench.ts';

const IMAGES = join(import.meta.dirname, '..', '..', 'docs', 'images');
const SIDE_BAR_WIDTH = 380;
const VARIABLES_HEIGHT = 200;

/** Settings for a window whose picture is taken: no folders of this machine, consoles that wrap few lines. */
export const PICTURE_SETTINGS = { 'breadcrumbs.filePath': 'last', 'terminal.integrated.fontSize': 11 };

/** Writes `docs/images/<name>` when KEXEC_JUMP_SCREENSHOTS is set; a test run leaves the tree as it was otherwise. */
export async function takeReadmePicture(workbench: Workbench, name: string): Promise<void> {
  if (!process.env['KEXEC_JUMP_SCREENSHOTS']) return;
  await mkdir(IMAGES, { recursive: true });
  await arrange(workbench);
  await workbench.screenshot(join(IMAGES, name));
}

/** The same of the window as it is. */
export async function takeWindowPicture(workbench: Workbench, name: string): Promise<void> {
  if (!process.env['KEXEC_JUMP_SCREENSHOTS']) return;
  await mkdir(IMAGES, { recursive: true });
  await workbench.screenshot(join(IMAGES, name));
}

/** The same of one tab and what it shows. */
export async function takeTabPicture({ page }: Workbench, tab: string, name: string): Promise<void> {
  if (!process.env['KEXEC_JUMP_SCREENSHOTS']) return;
  await mkdir(IMAGES, { recursive: true });
  const group = page.locator('.editor-group-container', { has: page.locator('.tab', { hasText: tab }) });
  await group.screenshot({ path: join(IMAGES, name) });
}

/** As a person would: no empty Watch section, a side bar for long names, a call stack that shows both kernels. */
async function arrange({ page, debug }: Workbench): Promise<void> {
  await page.locator('.pane-header', { hasText: /^Watch/ }).click();
  const sideBar = await page.locator('.part.sidebar').boundingBox();
  if (!sideBar) return;
  const middle = sideBar.y + sideBar.height / 2;
  await drag(page, sideBar.x + sideBar.width, middle, sideBar.x + SIDE_BAR_WIDTH, middle);
  const watch = await page.locator('.pane-header', { hasText: /^Watch/ }).boundingBox();
  if (watch) await drag(page, sideBar.x + 100, watch.y, sideBar.x + 100, sideBar.y + VARIABLES_HEIGHT);
  await debug.scrollCallStack(-10_000);
  await page.mouse.move(0, 0);
  await page.waitForTimeout(1000);
}

async function drag(page: Workbench['page'], fromX: number, fromY: number, toX: number, toY: number): Promise<void> {
  await page.mouse.move(fromX, fromY);
  await page.mouse.down();
  await page.mouse.move(toX, toY, { steps: 5 });
  await page.mouse.up();
}
