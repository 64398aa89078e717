/** The debug type: how a session is configured when the user says nothing, and how its adapter is started. */
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debug-adapter/protocol.ts';
import { defaultBreakpointKernel } from './breakpointKernels.ts';

const LAB_CONFIGURATION: vscode.DebugConfiguration = {
  type: DEBUG_TYPE,
  request: 'launch',
  name: 'Kexec Jump (lab guest)',
};

class ConfigurationProvider implements vscode.DebugConfigurationProvider {
  provideDebugConfigurations(): vscode.DebugConfiguration[] {
    return [LAB_CONFIGURATION];
  }

  /** F5 without a launch.json comes as an empty configuration. */
  resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration {
    const given = configuration.type ? {} : LAB_CONFIGURATION;
    return { breakpointKernel: defaultBreakpointKernel(folder), ...configuration, ...given };
  }
}

/** The adapter is a process of its own, run by the Node that runs the extension host. */
class AdapterFactory implements vscode.DebugAdapterDescriptorFactory {
  constructor(private readonly extension: vscode.Uri) {}

  createDebugAdapterDescriptor(): vscode.DebugAdapterDescriptor {
    const program = vscode.Uri.joinPath(this.extension, 'dist', 'adapter.cjs').fsPath;
    return new vscode.DebugAdapterExecutable(process.execPath, [program], { env: { ELECTRON_RUN_AS_NODE: '1' } });
  }
}

/**
 * Brings up the Run and Debug view when a session begins, and leaves the focus in the editor. VS Code itself brings it up
 * at the first stop, and a view that is made at that moment shows the stack and the variables collapsed.
 */
async function showDebugView(session: vscode.DebugSession): Promise<void> {
  if (session.type !== DEBUG_TYPE) return;
  if (vscode.workspace.getConfiguration('debug').get('openDebug') === 'neverOpen') return;
  await vscode.commands.executeCommand('workbench.view.debug');
  await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup');
}

export function registerDebugType(extension: vscode.Uri): vscode.Disposable {
  const provider = new ConfigurationProvider();
  return vscode.Disposable.from(
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, provider),
    vscode.debug.registerDebugConfigurationProvider(
      DEBUG_TYPE,
      provider,
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.debug.onDidStartDebugSession(showDebugView),
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, new AdapterFactory(extension)),
  );
}
