/** What a snippet becomes when it is inserted and its tab stops are left as they are. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = join(import.meta.dirname, '..', '..');

/** A snippet of a file in snippets/. */
export interface Snippet {
  prefix: string;
  description: string;
  body: string[];
}

/** The snippets of a file that the package contributes, such as "kexec-c", by their prefixes. */
export function snippetsOf(name: string): Map<string, Snippet> {
  const text = readFileSync(join(PACKAGE, 'snippets', `${name}.json`), 'utf8');
  return new Map(
    Object.values(JSON.parse(text) as Record<string, Snippet>).map((snippet) => [snippet.prefix, snippet]),
  );
}

type Node = string | { stop: number; inside?: Node[] };

/**
 * Expands a snippet: a placeholder becomes its default, a choice its first, and a tab stop the text of the placeholder with
 * its number. Source: https://code.visualstudio.com/docs/editing/userdefinedsnippets, "Snippet syntax".
 * @param chosen texts typed at tab stops, by their numbers
 */
export function expandSnippet(body: string, chosen: Readonly<Record<number, string>> = {}): string {
  const { nodes, rest } = parse(body, '');
  assert.equal(rest, '', `"${rest}" is left over of a snippet`);
  const defaults = new Map<number, Node[]>();
  collect(nodes, defaults);
  const render = (list: readonly Node[]): string =>
    list
      .map((node) => (typeof node === 'string' ? node : (chosen[node.stop] ?? render(defaults.get(node.stop) ?? []))))
      .join('');
  return render(nodes);
}

function collect(nodes: readonly Node[], defaults: Map<number, Node[]>): void {
  for (const node of nodes) {
    if (typeof node === 'string' || !node.inside) continue;
    if (!defaults.has(node.stop)) defaults.set(node.stop, node.inside);
    collect(node.inside, defaults);
  }
}

/** Parses up to a character that is not escaped, which it takes. */
function parse(text: string, end: string): { nodes: Node[]; rest: string } {
  const nodes: Node[] = [];
  let rest = text;
  while (rest !== '') {
    const escaped = /^\\([\\$}|,])/.exec(rest);
    const stop = /^\$(\d+)|^\$\{(\d+)([}:|])/.exec(rest);
    if (end !== '' && rest.startsWith(end)) return { nodes, rest: rest.slice(1) };
    assert.ok(stop ?? !rest.startsWith('$'), `a variable at "${rest.slice(0, 20)}"`);
    rest = rest.slice((escaped ?? stop)?.[0].length ?? 1);
    if (escaped) nodes.push(escaped[1]!);
    else if (!stop) nodes.push(text.at(-rest.length - 1)!);
    else if (stop[3] === ':') {
      const inside = parse(rest, '}');
      nodes.push({ stop: Number(stop[2]), inside: inside.nodes });
      rest = inside.rest;
    } else if (stop[3] === '|') {
      const [whole, choices = ''] = /^((?:[^|\\]|\\.)*)\|\}/.exec(rest) ?? [];
      assert.ok(whole, `no end of the choices "${rest.slice(0, 20)}"`);
      nodes.push({ stop: Number(stop[2]), inside: [/^(?:[^,\\]|\\.)*/.exec(choices)![0].replace(/\\(.)/g, '$1')] });
      rest = rest.slice(whole.length);
    } else nodes.push({ stop: Number(stop[1] ?? stop[2]) });
  }
  assert.equal(end, '', 'a placeholder has no end');
  return { nodes, rest };
}

/** A snippet of a file, expanded. Its lines but the first get the indentation of the place, as VS Code does it. */
export function snippetText(
  snippets: ReadonlyMap<string, Snippet>,
  prefix: string,
  { indentation = '', chosen = {} }: { indentation?: string; chosen?: Record<number, string> } = {},
): string {
  const snippet = snippets.get(prefix);
  assert.ok(snippet, `there is a snippet ${prefix}`);
  return expandSnippet(snippet.body.join('\n'), chosen)
    .split('\n')
    .map((line) => (line === '' ? '' : indentation + line))
    .join('\n');
}

/** A launch configuration that package.json offers, by its label, with the defaults of its tab stops. */
export function launchSnippets(): { label: string; configuration: Record<string, unknown> }[] {
  const { contributes } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as {
    contributes: { debuggers: { configurationSnippets: { label: string; body: unknown }[] }[] };
  };
  return contributes.debuggers[0]!.configurationSnippets.map(({ label, body }) => {
    // A string that begins with ^ is put in as it stands (VS Code's JSON schemas, defaultSnippets).
    const text = JSON.stringify(body).replace(/"\^((?:[^"\\]|\\.)*)"/g, (_, inside: string) =>
      String(JSON.parse(`"${inside}"`)),
    );
    return { label, configuration: JSON.parse(expandSnippet(text)) as Record<string, unknown> };
  });
}
