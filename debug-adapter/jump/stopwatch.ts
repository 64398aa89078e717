/** Time in which something ran. */
export class Stopwatch {
  private elapsed = 0;
  private since: number | undefined;

  start(): void {
    this.since ??= performance.now();
  }

  stop(): void {
    if (this.since !== undefined) this.elapsed += performance.now() - this.since;
    this.since = undefined;
  }

  get seconds(): number {
    return (this.elapsed + (this.since === undefined ? 0 : performance.now() - this.since)) / 1000;
  }
}
