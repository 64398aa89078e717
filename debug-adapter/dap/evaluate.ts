/** Request family: evaluate. In the debug console: an expression, else a command of gdb's. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { threadNumber } from '../gdb/threads.ts';
import { GdbCommandError, notNow } from '../errors.ts';
import type { JumpSession } from '../jump/session.ts';
import { frameOrLive } from './threads.ts';
import type { Variables } from './variables.ts';

/** Commands that would move the machine behind the session's back. */
const RUN_CONTROL =
  /^(c|continue|fg|n|next|s|step|ni|nexti|si|stepi|fin|finish|u|until|advance|j|jump|call|r|run|start|starti|k|kill|detach|disconnect|target|attach|symbol-file|file)\b/;

export async function evaluate(
  session: JumpSession,
  variables: Variables,
  { expression, frameId, context }: DebugProtocol.EvaluateArguments,
): Promise<DebugProtocol.EvaluateResponse['body']> {
  const frame = frameOrLive(frameId, session);
  const gdb = session.gdbs[frame.kernel];
  if (gdb.isRunning) throw notNow('Evaluating', `kernel ${frame.kernel} is running`, 'Pause it first.');
  try {
    return await variables.evaluate(frame, expression);
  } catch (error) {
    if (context !== 'repl' || !(error instanceof GdbCommandError)) throw error;
    const command = expression.trim();
    if (RUN_CONTROL.test(command)) {
      throw notNow(`"${command}"`, 'the session controls the machine', "Use the debugger's own buttons and commands.");
    }
    await gdb.console(`thread ${threadNumber(frame.cpu)}`);
    await gdb.console(`frame ${frame.level}`);
    return { result: (await gdb.console(command)).trimEnd(), variablesReference: 0 };
  }
}
