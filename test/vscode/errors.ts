/** Every failure of the VS Code harness that a person can see: what happened, where, what to do next. */
import { UserFacingError } from '../../qemu-runner/errors.ts';

/** No VS Code server is published for this operating system or processor. */
export function unsupportedMachine(platform: string, architecture: string): UserFacingError {
  return new UserFacingError(
    'vscode-unsupported-machine',
    `The VS Code server of the tests runs on Linux x64 and arm64, and this machine is ${platform} ${architecture}.`,
    'Run the tests on such a machine, or install the desktop "code" and put it on PATH for "npm run code".',
  );
}

/** npm could not install one of the packages the server is made of. */
export function npmFailed(what: string, folder: string, seconds: number | undefined, output: string): UserFacingError {
  const how = seconds === undefined ? 'npm failed' : `npm did not end within ${seconds} seconds`;
  return new UserFacingError(
    'vscode-npm-failed',
    `${how} while it installed ${what} into ${folder}.`,
    'Check that "npm view code-server version" answers, then run the same command again; nothing half-made was kept.',
    tail(output),
  );
}

/** The installed server does not even print its version. */
export function installBroken(folder: string, output: string): UserFacingError {
  return new UserFacingError(
    'vscode-install-broken',
    `The VS Code server that was just installed in ${folder} cannot say its version.`,
    'Read its output below, repair what it names, and run the same command again.',
    tail(output),
  );
}

/** The server ended, or did not answer in time, before the first page could be served. */
export function serverDidNotStart(how: string, output: string): UserFacingError {
  return new UserFacingError(
    'vscode-server-did-not-start',
    `The VS Code server did not start: ${how}.`,
    'Read its output below; a port that is taken is cured by leaving the port out, which picks a free one.',
    tail(output),
  );
}

/** The .vsix to install is not there. */
export function vsixMissing(path: string): UserFacingError {
  return new UserFacingError(
    'vscode-vsix-missing',
    `There is no extension package at ${path}.`,
    'Build it with "npm run package", or name another one with --vsix.',
  );
}

/** The server refused the extension package. */
export function vsixRefused(path: string, output: string): UserFacingError {
  return new UserFacingError(
    'vscode-vsix-refused',
    `VS Code did not install the extension package ${path}.`,
    'Read its words below; a package that is not a zip with extension/package.json in it has to be built again.',
    tail(output),
  );
}

/** No browser on PATH. */
export function browserMissing(names: readonly string[]): UserFacingError {
  return new UserFacingError(
    'vscode-browser-missing',
    `No browser was found on PATH (looked for ${names.join(', ')}).`,
    'Install one with "sudo apt-get install chromium".',
  );
}

/** The browser is there and does not start. */
export function browserDidNotStart(path: string, output: string): UserFacingError {
  return new UserFacingError(
    'vscode-browser-did-not-start',
    `The browser ${path} did not start.`,
    'Run it once by hand with --headless --no-sandbox --dump-dom about:blank; "sudo apt-get install chromium" repairs it.',
    tail(output),
  );
}

/** The page was opened and VS Code's workbench never came up in it. */
export function workbenchDidNotLoad(url: string, seconds: number, output: string): UserFacingError {
  return new UserFacingError(
    'vscode-workbench-did-not-load',
    `VS Code's workbench did not come up at ${url} within ${seconds} seconds.`,
    'Read what the page wrote to its console below; on a machine that is busy with a build, try again afterwards.',
    tail(output),
  );
}

/** Something a person would see did not appear in VS Code's window. */
export function notSeen(what: string, seconds: number, seen: string): UserFacingError {
  return new UserFacingError(
    'vscode-not-seen',
    `${what} did not appear in VS Code's window within ${seconds} seconds.`,
    'Below is what was there instead; take a screenshot with Workbench.screenshot to look at the whole window.',
    tail(seen),
  );
}

function tail(text: string): string {
  return text.length > 4000 ? `…${text.slice(-4000)}` : text;
}
