/**
 * GDB/MI output, one line at a time.
 * Source: "Debugging with GDB", section 27.2, GDB/MI Output Syntax.
 */

/** A value: a string, a tuple or a list. A list of results (`[frame={},frame={}]`) keeps only the values. */
export type MiValue = string | MiTuple | MiValue[];
export interface MiTuple {
  [name: string]: MiValue;
}

/** One line of output. `token` is the number that was put in front of the command. */
export type MiRecord =
  | { kind: 'result'; token: number | undefined; class: string; results: MiTuple }
  | { kind: 'exec' | 'status' | 'notify'; class: string; results: MiTuple }
  | { kind: 'console' | 'target' | 'log'; text: string }
  | { kind: 'prompt' };

const ASYNC = { '*': 'exec', '+': 'status', '=': 'notify' } as const;
const STREAM = { '~': 'console', '@': 'target', '&': 'log' } as const;

/** Parses a line. Returns `undefined` for a line that is not MI, as a program's own output may be. */
export function parseMiLine(line: string): MiRecord | undefined {
  if (line.trimEnd() === '(gdb)') return { kind: 'prompt' };
  const [, token, sign, rest] = /^(\d*)([\^*+=~@&])(.*)$/s.exec(line.trimEnd()) ?? [];
  if (sign === undefined || rest === undefined) return undefined;
  try {
    if (sign in STREAM) return { kind: STREAM[sign as keyof typeof STREAM], text: new Reader(rest).string() };
    const reader = new Reader(rest);
    const name = reader.name();
    const results = reader.resultsAfterComma();
    if (sign === '^') return { kind: 'result', token: token ? Number(token) : undefined, class: name, results };
    return { kind: ASYNC[sign as keyof typeof ASYNC], class: name, results };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The tuple under a name, or an empty one. */
export function tuple(value: MiValue | undefined): MiTuple {
  return typeof value === 'object' && !Array.isArray(value) ? value : {};
}

/** The list under a name, or an empty one. An empty tuple is MI's way to write an empty list of results. */
export function list(value: MiValue | undefined): MiValue[] {
  return Array.isArray(value) ? value : [];
}

/** The string under a name, or an empty one. */
export function text(value: MiValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', a: '\x07', e: '\x1b' };

const QUOTE_OR_BACKSLASH = /["\\]/g;

class Reader {
  private at = 0;
  constructor(private readonly source: string) {}

  name(): string {
    const start = this.at;
    while (this.at < this.source.length && !',={}[]"'.includes(this.source[this.at]!)) this.at++;
    if (this.at === start) throw new SyntaxError(`a name is missing at ${start}`);
    return this.source.slice(start, this.at);
  }

  resultsAfterComma(): MiTuple {
    const results: MiTuple = {};
    while (this.at < this.source.length) {
      this.expect(',');
      // gdb 13 writes `=breakpoint-modified,bkpt={…},{…}` for a breakpoint of several locations.
      if (this.source[this.at] === '{') this.append(results, 'locations', this.value());
      else this.addResult(results);
    }
    return results;
  }

  /** A C string. gdb writes bytes outside ASCII as octal escapes of UTF-8. */
  string(): string {
    this.expect('"');
    const bytes: Buffer[] = [];
    // Most strings have no escape; up to the first one they are taken as a whole.
    let plain = this.upToQuoteOrBackslash();
    for (;;) {
      const character = this.source[this.at++];
      if (character === undefined) throw new SyntaxError('a string does not end');
      if (character === '"') break;
      const octal = /^[0-7]{1,3}/.exec(this.source.slice(this.at, this.at + 3))?.[0];
      if (octal) {
        bytes.push(Buffer.from(plain), Buffer.from([parseInt(octal, 8) & 0xff]));
        plain = '';
        this.at += octal.length;
      } else {
        const escaped = this.source[this.at++] ?? '';
        plain += ESCAPES[escaped] ?? escaped;
      }
      plain += this.upToQuoteOrBackslash();
    }
    return bytes.length === 0 ? plain : Buffer.concat([...bytes, Buffer.from(plain)]).toString('utf8');
  }

  private upToQuoteOrBackslash(): string {
    QUOTE_OR_BACKSLASH.lastIndex = this.at;
    const end = QUOTE_OR_BACKSLASH.exec(this.source)?.index ?? this.source.length;
    const plain = this.source.slice(this.at, end);
    this.at = end;
    return plain;
  }

  private value(): MiValue {
    switch (this.source[this.at]) {
      case '"':
        return this.string();
      case '{':
        return this.tuple();
      case '[':
        return this.list();
      default:
        throw new SyntaxError(`a value is missing at ${this.at}`);
    }
  }

  private tuple(): MiTuple {
    const results: MiTuple = {};
    this.items('{', '}', () => {
      this.addResult(results);
    });
    return results;
  }

  private list(): MiValue[] {
    const values: MiValue[] = [];
    this.items('[', ']', () => {
      if (!'"{['.includes(this.source[this.at] ?? ' ')) {
        this.name();
        this.expect('=');
      }
      values.push(this.value());
    });
    return values;
  }

  private items(open: string, close: string, item: () => void): void {
    this.expect(open);
    if (this.source[this.at] === close) {
      this.at++;
      return;
    }
    for (;;) {
      item();
      if (this.source[this.at] === close) break;
      this.expect(',');
    }
    this.at++;
  }

  private addResult(results: MiTuple): void {
    const name = this.name();
    this.expect('=');
    this.append(results, name, this.value());
  }

  /** A name that comes again makes a list of its values. */
  private append(results: MiTuple, name: string, value: MiValue): void {
    const before = Object.hasOwn(results, name) ? results[name] : undefined;
    const merged = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
    Object.defineProperty(results, name, { value: merged, enumerable: true, configurable: true, writable: true });
  }

  private expect(character: string): void {
    if (this.source[this.at] !== character) throw new SyntaxError(`${character} expected at ${this.at}`);
    this.at++;
  }
}

/** Quotes an argument of an MI command as a C string. */
export function quote(argument: string): string {
  return `"${argument.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}
