/** The pages that were decompressed last, by where they are in the file. */

export class PageCache {
  /** By offset in the file. */
  private readonly pages = new Map<number, Buffer>();

  /** @param most pages that are kept. */
  constructor(private readonly most: number) {}

  get(place: number): Buffer | undefined {
    return this.pages.get(place);
  }

  /** Keeps a page that is not kept yet, instead of the one that was added longest ago. */
  add(place: number, page: Buffer): void {
    // A Map goes through its keys in the order in which they were set.
    if (this.pages.size >= this.most) this.pages.delete(this.pages.keys().next().value!);
    this.pages.set(place, page);
  }
}
