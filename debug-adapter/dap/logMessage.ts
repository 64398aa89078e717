/** Logpoint messages. */

/**
 * Replaces each `{expression}` by its value. What cannot be evaluated is replaced by the reason, so that the line
 * still comes.
 */
export async function interpolate(message: string, evaluate: (expression: string) => Promise<string>): Promise<string> {
  const parts = message.split(/\{([^{}]+)\}/);
  const values = await Promise.all(
    parts.map(async (part, index) =>
      index % 2 === 0 ? part : evaluate(part).catch((error: unknown) => `<${(error as Error).message}>`),
    ),
  );
  return values.join('');
}
