/** One line of progress that is overwritten; on an output that is no terminal, a line for each new step. */
export class StatusLine {
  private shown = '';

  constructor(private readonly output: NodeJS.WriteStream) {}

  show(text: string): void {
    if (text === this.shown) return;
    this.shown = text;
    if (!this.output.isTTY) {
      if (text) this.output.write(text + '\n');
      return;
    }
    this.output.write(`\r\x1b[2K${text.slice(0, this.output.columns - 1)}`);
  }

  clear(): void {
    if (this.output.isTTY && this.shown) this.output.write('\r\x1b[2K');
    this.shown = '';
  }
}
