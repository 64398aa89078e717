/** Files of a target description as a stub serves them. Source: "Debugging with GDB", appendix E, qXfer:features:read. */

/**
 * The part of a file that a packet asks for.
 * @param files text by name, such as "target.xml".
 * @returns `undefined` for a packet that asks for none.
 */
export function readAnnexPart(files: ReadonlyMap<string, string>, packet: string): string | undefined {
  const [, name, from, count] = /^qXfer:features:read:([^:]+):([0-9a-f]+),([0-9a-f]+)$/.exec(packet) ?? [];
  if (name === undefined) return undefined;
  const text = files.get(name);
  if (text === undefined) return 'E00';
  const offset = parseInt(from!, 16);
  const part = text.slice(offset, offset + parseInt(count!, 16));
  return (offset + part.length < text.length ? 'm' : 'l') + part;
}
