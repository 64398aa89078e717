/** How long a person waits for the map of a memory image in VS Code. */
import { PAINTED_MARK } from '../../vmcore-viewer/protocol.ts';
import { CodeWindow } from '../e2e/codeWindow.ts';
import { waitFor } from '../vscode/waiting.ts';

const FILE = 'core.vmcore';
const PAINT_LIMIT_MS = 60_000;
/** Of the page, or of the document in a webview; both are of one clock. */
const NOW = 'performance.timeOrigin + performance.now()';
const PAINTED = `performance.getEntriesByName('${PAINTED_MARK}').map((mark) => performance.timeOrigin + mark.startTime)`;

/**
 * Opens an image in a VS Code of its own, again and again: in the first round the extension starts too.
 * @returns milliseconds of each round, from the key that opens the file to the frame that shows the map.
 */
export async function timesToFirstPaint(image: string, rounds: number): Promise<number[]> {
  const window = await CodeWindow.open({ links: { [FILE]: image } });
  const { workbench } = window;
  try {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await workbench.press('Control+p');
      await workbench.typeIntoInput(FILE);
      await waitFor(
        `${FILE} in the list of files`,
        async () => (await workbench.quickPickItems())[0] === FILE,
        () => workbench.quickPickItems(),
      );
      const began = await workbench.page.evaluate<number>(NOW);
      await workbench.press('Enter');
      const painted = await waitFor(
        'The map',
        async () =>
          (
            await workbench
              .webview()
              .locator('body')
              .evaluate<number[], undefined>(PAINTED, undefined, { timeout: 1000 })
              .catch(() => [])
          )[0],
        () => workbench.notificationsSeen(),
        PAINT_LIMIT_MS,
      );
      times.push(painted - began);
      await workbench.runCommand('View: Close All Editors');
      await workbench.page.locator('iframe.webview').waitFor({ state: 'detached' });
    }
    return times;
  } finally {
    await window.close();
  }
}
