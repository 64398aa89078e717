/** A jump as a timeline in the terminal. */
import { styleText } from 'node:util';
import { relative } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { nameKernels, PHASE_MEANING, type PhaseEvent } from '../protocol.ts';

type Style = Parameters<typeof styleText>[0];

/** Writes lines that a person can follow; colours only where the output is a terminal. */
export class Timeline {
  /** Who is in kernel B's place. */
  peer: 'B' | 'C' = 'B';

  constructor(private readonly output: NodeJS.WriteStream) {}

  phase({ phase, kernel, seconds }: PhaseEvent): void {
    const mark = this.style(kernel === 'A' ? 'cyan' : 'magenta', '●');
    const name = this.style('bold', nameKernels(phase, this.peer).padEnd(15));
    this.line(
      `${seconds.toFixed(2).padStart(7)} s  ${mark} ${name} ${this.style('dim', nameKernels(PHASE_MEANING[phase], this.peer))}`,
    );
  }

  /** Where the machine stopped: the innermost frame and who called it. */
  stop(frames: readonly DebugProtocol.StackFrame[]): void {
    const [innermost, ...callers] = frames;
    if (!innermost) return;
    const path = innermost.source?.path;
    const place = path ? `${shorten(path)}:${innermost.line}` : (innermost.instructionPointerReference ?? '');
    this.line(`             stopped in ${innermost.name} at ${this.style('green', place)}`);
    const names = callers.slice(0, 4).map(({ name }) => name);
    if (names.length > 0) this.line(this.style('dim', `             called by ${names.join(' < ')}`));
  }

  note(text: string): void {
    this.line(`           ${text}`);
  }

  private style(style: Style, text: string): string {
    return this.output.isTTY ? styleText(style, text) : text;
  }

  private line(text: string): void {
    this.output.write(text + '\n');
  }
}

/** A path in a kernel tree, from its top. */
function shorten(path: string): string {
  const inTree = /\/((?:arch|kernel|init|drivers|fs|mm|lib|net|include|block)\/.*)$/.exec(path)?.[1];
  return inTree ?? relative(process.cwd(), path);
}
