/** The symbols of a kernel, wherever they come from. */

/** A symbol. `address` is virtual, as the kernel runs. */
export interface KernelSymbol {
  name: string;
  address: bigint;
}

/** Symbols by name and by address. */
export interface SymbolTable {
  readonly count: number;
  address(name: string): bigint | undefined;
  /** The last symbol that begins at an address or before. */
  before(address: bigint): KernelSymbol | undefined;
}

/** Symbols that are all there as they are. */
export class ListedSymbols implements SymbolTable {
  private readonly byName = new Map<string, bigint>();

  /** @param sorted by ascending address. */
  constructor(private readonly sorted: readonly KernelSymbol[]) {
    // Of several static symbols of one name the first is as good as any.
    for (const { name, address } of sorted) if (!this.byName.has(name)) this.byName.set(name, address);
  }

  get count(): number {
    return this.sorted.length;
  }

  address(name: string): bigint | undefined {
    return this.byName.get(name);
  }

  before(address: bigint): KernelSymbol | undefined {
    return this.sorted[lastNotAbove(this.sorted.length, address, (index) => this.sorted[index]!.address)];
  }
}

/** Index of the last of `count` ascending addresses that is not above one; -1 when all are. */
export function lastNotAbove(count: number, address: bigint, addressAt: (index: number) => bigint): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addressAt(middle) <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
