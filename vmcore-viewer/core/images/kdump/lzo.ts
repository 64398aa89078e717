/**
 * LZO1X, decompression only. Source: "LZO stream format as understood by Linux's LZO decompressor"
 * (Documentation/staging/lzo.rst). Written here because what the registries have is native code or a build of FFmpeg.
 */

/** What literals came before an instruction: none, one to three behind a match, or four and more. */
const MANY_LITERALS = 4;

/** Decompresses into all of `output`. @returns false when the input is damaged, or is not exactly that long. */
export function decompressLzo(input: Uint8Array, output: Uint8Array): boolean {
  let [at, to, state] = [0, 0, 0];

  const literals = (count: number): boolean => {
    if (at + count > input.length || to + count > output.length) return false;
    for (const end = to + count; to < end;) output[to++] = input[at++]!;
    return true;
  };
  /** A length that did not fit into its instruction: zero bytes of 255 each, and one that is not zero. */
  const longLength = (base: number): number => {
    let length = base;
    while (input[at] === 0) {
      length += 255;
      at++;
    }
    return length + (input[at++] ?? Infinity);
  };

  if (input[0]! > 17) {
    const count = input[at++]! - 17;
    if (!literals(count)) return false;
    state = Math.min(count, MANY_LITERALS);
  }
  while (at < input.length) {
    const instruction = input[at++]!;
    let length: number;
    let distance: number;
    let following = instruction & 3;
    if (instruction >= 64) {
      length = (instruction >> 5) + 1;
      distance = 1 + ((instruction >> 2) & 7) + (input[at++]! << 3);
    } else if (instruction >= 16) {
      const isFar = instruction < 32;
      const short = instruction & (isFar ? 7 : 31);
      length = 2 + (short === 0 ? longLength(isFar ? 7 : 31) : short);
      const word = input[at]! | (input[at + 1]! << 8);
      at += 2;
      following = word & 3;
      distance = 1 + (word >> 2);
      if (isFar) {
        distance += ((instruction & 8) << 11) - 1;
        if (distance === 0) return to === output.length && at === input.length;
        distance += 0x4000;
      }
    } else if (state === 0) {
      if (!literals(3 + (instruction === 0 ? longLength(15) : instruction))) return false;
      state = MANY_LITERALS;
      continue;
    } else {
      const isBehindMany = state === MANY_LITERALS;
      length = isBehindMany ? 3 : 2;
      distance = 1 + (isBehindMany ? 0x800 : 0) + (instruction >> 2) + (input[at++]! << 2);
    }
    if (at > input.length || distance > to || to + length > output.length) return false;
    // Byte by byte: a match may overlap with what it makes.
    for (const end = to + length; to < end; to++) output[to] = output[to - distance]!;
    if (!literals(following)) return false;
    state = following;
  }
  return false;
}
