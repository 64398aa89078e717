/**
 * Snappy, decompression only. Source: google/snappy, format_description.txt. Written here because snappyjs goes backwards, and so never
 * ends, on a literal whose length has its highest bit set.
 */

/** Decompresses into all of `output`. @returns false when the input is damaged, or is not exactly that long. */
export function decompressSnappy(input: Uint8Array, output: Uint8Array): boolean {
  let [at, to] = [0, 0];
  /** A little-endian number; what is behind the end of the input counts as 0, and is noticed later. */
  const number = (bytes: number): number => {
    let value = 0;
    for (let byte = 0; byte < bytes; byte++) value += (input[at++] ?? 0) * 2 ** (8 * byte);
    return value;
  };

  let told = 0;
  for (let byte = 0x80, shift = 0; byte >= 0x80; shift += 7) {
    if (shift > 28 || at >= input.length) return false;
    byte = input[at++]!;
    told += (byte & 0x7f) * 2 ** shift;
  }
  if (told !== output.length) return false;

  while (at < input.length) {
    const tag = input[at++]!;
    if ((tag & 3) === 0) {
      const short = tag >> 2;
      const length = 1 + (short < 60 ? short : number(short - 59));
      if (at + length > input.length || to + length > output.length) return false;
      for (const end = to + length; to < end;) output[to++] = input[at++]!;
      continue;
    }
    const isShort = (tag & 3) === 1;
    const length = isShort ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    const distance = isShort ? ((tag >> 5) << 8) + number(1) : number((tag & 3) === 2 ? 2 : 4);
    if (at > input.length || distance === 0 || distance > to || to + length > output.length) return false;
    // Byte by byte: a copy may overlap with what it makes.
    for (const end = to + length; to < end; to++) output[to] = output[to - distance]!;
  }
  return to === output.length;
}
