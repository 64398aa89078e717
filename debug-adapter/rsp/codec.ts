/**
 * The GDB remote serial protocol on the wire: `$payload#checksum`, acknowledgements, the interrupt byte.
 * Source: "Debugging with GDB", appendix E, Overview. Payloads are latin1 strings: one character a byte.
 */

/** One thing that arrived. */
export type WireItem = { kind: 'packet'; payload: string } | { kind: 'ack' } | { kind: 'nack' } | { kind: 'interrupt' };

const ESCAPE = 0x7d;
const RUN = 0x2a;

/** Frames a payload, escaping the characters that have a meaning of their own. */
export function encodePacket(payload: string): string {
  const escaped = payload.replace(/[#$}*]/g, (character) => '}' + String.fromCharCode(character.charCodeAt(0) ^ 0x20));
  return `$${escaped}#${checksum(escaped)}`;
}

/** Sum of the bytes between `$` and `#`, two hexadecimal digits. */
export function checksum(payload: string): string {
  let sum = 0;
  for (let at = 0; at < payload.length; at++) sum = (sum + payload.charCodeAt(at)) & 0xff;
  return sum.toString(16).padStart(2, '0');
}

/** Cuts a byte stream into packets, whatever pieces it arrives in. A packet with a wrong checksum becomes a `nack`. */
export class PacketReader {
  private pending = '';

  push(bytes: Buffer): WireItem[] {
    this.pending += bytes.toString('latin1');
    const items: WireItem[] = [];
    let at = 0;
    while (at < this.pending.length) {
      const character = this.pending[at];
      if (character === '$') {
        const end = this.pending.indexOf('#', at + 1);
        if (end < 0 || end + 2 >= this.pending.length) break;
        const body = this.pending.slice(at + 1, end);
        const valid = checksum(body) === this.pending.slice(end + 1, end + 3).toLowerCase();
        items.push(valid ? { kind: 'packet', payload: decodeBody(body) } : { kind: 'nack' });
        at = end + 3;
        continue;
      }
      if (character === '+') items.push({ kind: 'ack' });
      else if (character === '-') items.push({ kind: 'nack' });
      else if (character === '\x03') items.push({ kind: 'interrupt' });
      at++;
    }
    this.pending = this.pending.slice(at);
    return items;
  }
}

/** Undoes escapes and run-length encoding (`c*n` is c followed by n - 29 more of it). */
function decodeBody(body: string): string {
  if (!/[}*]/.test(body)) return body;
  let decoded = '';
  for (let at = 0; at < body.length; at++) {
    const code = body.charCodeAt(at);
    if (code === ESCAPE && at + 1 < body.length) {
      decoded += String.fromCharCode(body.charCodeAt(++at) ^ 0x20);
    } else if (code === RUN && decoded && at + 1 < body.length) {
      decoded += decoded.at(-1)!.repeat(Math.max(0, body.charCodeAt(++at) - 29));
    } else {
      decoded += body.charAt(at);
    }
  }
  return decoded;
}
