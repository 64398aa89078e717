/** Tables of many numbers without an object for each: program headers, records of a flattened file. */

const FIRST_CAPACITY = 1024;

/** A list of doubles that grows at its end. */
export class NumberTable {
  private values = new Float64Array(FIRST_CAPACITY);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  at(index: number): number {
    return this.values[index]!;
  }
}

/** How many of `count` ascending numbers are not greater than `value`; `at` gives them. */
export function countUpTo(count: number, at: (index: number) => number, value: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (at(middle) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
