/** Breakpoints for one kernel: the command for the line of the cursor, and the setting for those that name none. */
import * as vscode from 'vscode';
import type { KernelName } from '../debug-adapter/protocol.ts';
import { command } from './command.ts';

type Owner = 'both' | KernelName;

const COMMANDS: Readonly<Record<string, Owner>> = {
  breakpointInBoth: 'both',
  breakpointInA: 'A',
  breakpointInB: 'B',
};

/** VS Code takes a breakpoint's mode as its sixth argument; its typings do not say so yet. */
const SourceBreakpointWithMode = vscode.SourceBreakpoint as unknown as new (
  location: vscode.Location,
  enabled: boolean,
  condition: string | undefined,
  hitCondition: string | undefined,
  logMessage: string | undefined,
  mode: string,
) => vscode.SourceBreakpoint;

/** Kernels in which a breakpoint is set that names none. */
export function defaultBreakpointKernel(folder: vscode.WorkspaceFolder | undefined): Owner {
  return vscode.workspace.getConfiguration('kexecJump', folder).get<Owner>('breakpointKernel', 'both');
}

export function registerBreakpointCommands(): vscode.Disposable {
  return vscode.Disposable.from(
    ...Object.entries(COMMANDS).map(([name, owner]) =>
      command(name, (clicked?: ClickedLine) => {
        setAt(clicked ?? lineOfCursor(), owner);
      }),
    ),
  );
}

/** What the menu of a line number tells; from 1. */
interface ClickedLine {
  uri: vscode.Uri;
  lineNumber: number;
}

function lineOfCursor(): ClickedLine | undefined {
  const editor = vscode.window.activeTextEditor;
  return editor && { uri: editor.document.uri, lineNumber: editor.selection.active.line + 1 };
}

/** Sets a breakpoint at a line, or gives the one that is there to other kernels; its conditions stay. */
function setAt(place: ClickedLine | undefined, owner: Owner): void {
  if (!place) return;
  const { uri } = place;
  const line = place.lineNumber - 1;
  const here = vscode.debug.breakpoints.filter(
    (breakpoint): breakpoint is vscode.SourceBreakpoint =>
      breakpoint instanceof vscode.SourceBreakpoint &&
      breakpoint.location.uri.toString() === uri.toString() &&
      breakpoint.location.range.start.line === line,
  );
  const [before] = here;
  vscode.debug.removeBreakpoints(here);
  const location = before?.location ?? new vscode.Location(uri, new vscode.Position(line, 0));
  const { condition, hitCondition, logMessage } = before ?? {};
  vscode.debug.addBreakpoints([
    new SourceBreakpointWithMode(location, true, condition, hitCondition, logMessage, owner),
  ]);
}
