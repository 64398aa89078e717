/** The stops of a jump as a person sees them in VS Code's window. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { waitFor } from '../vscode/waiting.ts';
import type { Workbench } from '../vscode/workbench.ts';
import { plain, sourceLines } from './labSource.ts';

const STOP_LIMIT_MS = 120_000;

/** A command of ours that is enabled at all times. */
const ALWAYS_OFFERED = 'Kexec Jump: Show Log';

/** What has to be in sight. */
export interface ExpectedStop {
  /** In the status bar. */
  status: string;
  /** Path in the kernel tree of the file in the editor. */
  file: string;
  /** Text of the highlighted line, or a part of it. */
  line: string;
  /** Functions at the top of the stack, innermost first. */
  frames: [string, ...string[]];
  /** The thread they belong to. */
  thread: string;
}

/** Waits until the window shows a stop: its place, its line as the source has it, its stack. */
export async function expectStop(workbench: Workbench, expected: ExpectedStop): Promise<void> {
  await workbench.waitForStatusBar(expected.status, STOP_LIMIT_MS);
  const { debug } = workbench;
  const place = await waitFor(
    `The highlighted line "${expected.line}" of ${expected.file}`,
    async () => {
      const seen = await debug.highlightedLine();
      return seen && seen.file.endsWith(`/${expected.file}`) && plain(seen.text).includes(expected.line) && seen;
    },
    async () => ({ stopped: await debug.highlightedLine(), threads: await debug.threads() }),
  );
  const source = sourceLines(expected.file)[place.line - 1] ?? '';
  assert.equal(plain(place.text), plain(source), `${expected.file}:${place.line}`);
  await waitForFrames(workbench, expected, place.line);
  await debug.waitForOffer('Continue');
}

/**
 * Waits until the thread's stack begins with the expected frames. VS Code does not always bring them into sight itself: with
 * two stacks in the list it is scrolled as a person would.
 */
async function waitForFrames({ debug }: Workbench, expected: ExpectedStop, line: number): Promise<void> {
  let looks = 0;
  await waitFor(
    `${expected.frames.join(', ')} in the call stack of "${expected.thread}"`,
    async () => {
      const all = await debug.stackFrames();
      const top = all.findIndex((frame) => frame.name === expected.frames[0] && frame.line === line);
      const shown = top < 0 ? [] : all.slice(top, top + expected.frames.length);
      if (shown.every(({ thread }) => thread === expected.thread)) {
        const names = shown.map(({ name }) => name);
        if (isDeepStrictEqual(names, expected.frames)) return true;
      }
      if (++looks > 10) await debug.scrollCallStack(looks % 10 === 0 ? -10_000 : 100);
      return false;
    },
    () => debug.stackFrames(),
  );
}

/** Waits until the call stack has these threads; one that comes back is away for a moment. */
export async function expectThreads({ debug }: Workbench, names: readonly string[]): Promise<void> {
  const seen = async (): Promise<string[]> => (await debug.threads()).map(({ name }) => name);
  await waitFor(`The threads ${names.join(', ')}`, async () => isDeepStrictEqual(await seen(), names), seen);
}

/** Waits until the variables view shows a variable, and gives its value. VS Code opens only the first scope by itself. */
export async function valueOf(workbench: Workbench, name: string, scope?: string): Promise<string> {
  const { debug } = workbench;
  if (scope !== undefined) await debug.expandVariable(scope);
  const { value } = await waitFor(
    `The variable ${name}`,
    async () => (await debug.variables()).find((row) => row.name === name && row.level > 1),
    () => debug.variables(),
  );
  return value;
}

/** The jumps that the palette offers now. Waits for the extension, should it be new. */
export async function jumpsOffered(workbench: Workbench): Promise<string[]> {
  const offered = await workbench.commandsOffered('Kexec Jump', ALWAYS_OFFERED);
  return offered.filter((label) => label === 'Kexec Jump' || label === 'Kexec Jump Back');
}

/** Waits until the palette offers just this jump: the guest's agent may answer later than its shell. */
export async function expectJumpOffered(workbench: Workbench, jump: 'Kexec Jump' | 'Kexec Jump Back'): Promise<void> {
  const offered = async (): Promise<string[]> => jumpsOffered(workbench);
  await waitFor(`${jump} in the palette`, async () => isDeepStrictEqual(await offered(), [jump]), offered);
}

/** Whether the window shows anything in the way: a dialog, or a message that is not about progress. */
export async function assertUndisturbed(workbench: Workbench): Promise<void> {
  assert.equal(await workbench.dialogText(), undefined);
  const messages = await workbench.notificationsSeen();
  assert.deepEqual(
    messages.filter((message) => !message.startsWith('Starting the machine')),
    [],
  );
}

/** Waits until the window is as before the session: no toolbar of the debugger, no kernel in the status bar. */
export async function expectNoSession(workbench: Workbench): Promise<void> {
  await waitFor(
    'The end of the session',
    async () => {
      const texts = await workbench.statusBarTexts();
      return !(await workbench.debug.isDebugging()) && !texts.some((text) => text.startsWith('Kernel'));
    },
    () => workbench.statusBarTexts(),
  );
}
