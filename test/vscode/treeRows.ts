/** Rows of VS Code's trees, which are drawn anew when what they show changes. */
import type { Locator } from 'playwright-core';
import { waitFor } from './waiting.ts';

/** A click that has opened nothing after this time was lost: the row was another one's by then. */
const CLICK_LOST_MS = 2000;

/** Opens a row that has others below it, or the header of a section, by its triangle. */
export async function expandRow(row: Locator, triangle: Locator): Promise<void> {
  const isClosed = async (): Promise<boolean> => (await row.getAttribute('aria-expanded')) === 'false';
  await row.waitFor();
  await waitFor(
    'The open row',
    async () => {
      if (!(await isClosed())) return true;
      await triangle.click({ timeout: CLICK_LOST_MS }).catch(() => undefined);
      for (let waited = 0; waited < CLICK_LOST_MS && (await isClosed()); waited += 100)
        await row.page().waitForTimeout(100);
      return false;
    },
    async () => row.innerText(),
  );
}
