/** One line of progress that is overwritten; on an output that is no terminal, a line for each step ("step: detail"). */
export class StatusLine {
  private shown = '';
  private step = '';

  constructor(private readonly output: NodeJS.WriteStream) {}

  show(text: string): void {
    if (text === this.shown) return;
    this.shown = text;
    if (!this.output.isTTY) {
      const [step = ''] = text.split(': ');
      if (step && step !== this.step) this.output.write(step + '\n');
      this.step = step;
      return;
    }
    this.output.write(`\r\x1b[2K${text.slice(0, this.output.columns - 1)}`);
  }

  clear(): void {
    if (this.output.isTTY && this.shown) this.output.write('\r\x1b[2K');
    this.shown = '';
  }
}
