/** The command-line tool: a thin door to the same rooms as the extension. */
import { parseArgs } from 'node:util';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { fileNotOpened } from '../errors.ts';
import { COMMANDS, usage, type Command } from './commands.ts';
import { Misused, type Values } from './launchOptions.ts';
import { status } from './work.ts';

/** Exit status of options that are wrong, of all commands. */
const MISUSED = 2;

/** An error in words of a person. */
function wordsOf(error: unknown): string {
  if (error instanceof UserFacingError) return error.describe();
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (path !== undefined && code !== undefined) return fileNotOpened(path, SYSTEM_ERRORS[code] ?? message).describe();
  return message;
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'it may not be read',
  EPERM: 'it may not be read',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
};

async function main([name = '', ...args]: string[]): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    process.stderr.write(usage());
    return MISUSED;
  }
  try {
    const { values, positionals } = parse(command, args);
    return await command.run(values, positionals);
  } catch (error) {
    status.clear();
    if (error instanceof Misused) {
      process.stderr.write(`kexec-jump ${name}: ${error.message}\nUsage: kexec-jump ${name} ${command.usage}\n`);
      return MISUSED;
    }
    process.stderr.write(`kexec-jump: ${wordsOf(error)}\n`);
    return command.failure;
  }
}

function parse({ options, files: [least, most] }: Command, args: string[]): { values: Values; positionals: string[] } {
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Misused((error as Error).message);
  }
  const { length } = parsed.positionals;
  if (length < least) throw new Misused(least === 1 ? 'it needs a file' : `it needs ${least} files`);
  if (length > most) throw new Misused(`"${parsed.positionals[most]!}" is one too many`);
  return { values: parsed.values as Values, positionals: parsed.positionals };
}

// Who reads the output may have seen enough of it: `kexec-jump dmesg FILE | head`.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') throw new Error(`the output cannot be written: ${code ?? 'unknown'}`);
    process.exit();
  });
}
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
