/** Bytes as hexadecimal digits and as text, side by side. */

/** @param width bytes of a full line, to which the digits are padded. */
export function hexText(bytes: Uint8Array, width: number): { digits: string; text: string } {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]/g, '.');
  return { digits: digits.padEnd(width * 3 - 1), text };
}
