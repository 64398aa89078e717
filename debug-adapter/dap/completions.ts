/** Request family: completions in the debug console, by gdb's own completer. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { list, quote, text } from '../gdb/mi.ts';
import type { JumpSession } from '../jump/session.ts';
import { frameOrLive } from './threads.ts';

const MOST = 200;

/** gdb completes commands; an expression is completed as the argument of `print`. */
export async function completions(
  session: JumpSession,
  { text: line, column, frameId }: DebugProtocol.CompletionsArguments,
): Promise<DebugProtocol.CompletionItem[]> {
  const { kernel } = frameOrLive(frameId, session);
  const gdb = session.gdbs[kernel];
  if (gdb.isRunning) return [];
  const typed = line.slice(0, column - 1);
  const word = /[\w$.>-]*$/.exec(typed)?.[0] ?? '';
  const start = column - word.length;
  const complete = async (prefix: string): Promise<string[]> => {
    const results = await gdb.command(`-complete ${quote(prefix + typed)}`);
    return list(results['matches'])
      .map(text)
      .map((match) => match.slice(prefix.length + typed.length - word.length));
  };
  const labels = new Set([...(await complete('')), ...(await complete('print '))]);
  return [...labels]
    .filter((label) => label.startsWith(word))
    .slice(0, MOST)
    .map((label) => ({ label, start, length: word.length }));
}
