/** Kconfig: did every option of a fragment survive? */

/** Options of a fragment or .config: name (CONFIG_X) to value as written, "n" for "is not set". */
export function parseConfig(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const set = /^(CONFIG_\w+)=(.*)$/.exec(line.trim());
    const unset = /^# (CONFIG_\w+) is not set$/.exec(line.trim());
    if (set) options.set(set[1]!, set[2]!);
    else if (unset) options.set(unset[1]!, 'n');
  }
  return options;
}

/** Fragments as one, in which every option has the value of the last that names it. */
export function mergeFragments(fragments: readonly string[]): string {
  const options = new Map(fragments.flatMap((fragment) => [...parseConfig(fragment)]));
  return [...options]
    .map(([name, value]) => (value === 'n' ? `# ${name} is not set\n` : `${name}=${value}\n`))
    .join('');
}

/**
 * The options of `fragment` that `config` (the resulting .config) does not have as asked. Kconfig drops an option whose
 * dependencies are off without a word; an option asked to be off may just be missing.
 * @returns one sentence an option, e.g. "CONFIG_PROC_VMCORE=y is not set"
 */
export function droppedByKconfig(fragment: string, config: string): string[] {
  const result = parseConfig(config);
  const dropped: string[] = [];
  for (const [name, wanted] of parseConfig(fragment)) {
    const actual = result.get(name) ?? 'n';
    if (actual !== wanted) dropped.push(`${name}=${wanted} is ${actual === 'n' ? 'not set' : actual}`);
  }
  return dropped;
}
