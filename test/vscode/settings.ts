/** The settings a VS Code of ours starts with: nothing that pops up, nothing that calls home, nothing that moves. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Settings of a window that a test can rely on and that a person is not disturbed by. */
const QUIET_SETTINGS: Record<string, unknown> = {
  'workbench.startupEditor': 'none',
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.preferredDarkColorTheme': 'Default Dark Modern',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'security.workspace.trust.enabled': false,
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'typescript.disableAutomaticTypeAcquisition': true,
  'window.restoreWindows': 'none',
  'window.newWindowDimensions': 'default',
  'files.simpleDialog.enable': true,
  'editor.minimap.enabled': false,
  'terminal.integrated.gpuAcceleration': 'off',
};

/**
 * Writes the settings into a VS Code user-data folder, unless it has settings already (a person's changes are kept).
 * `more` is laid over ours.
 */
export async function writeSettings(userDataDirectory: string, more: Record<string, unknown> = {}): Promise<void> {
  const file = join(userDataDirectory, 'User', 'settings.json');
  if (existsSync(file)) return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...QUIET_SETTINGS, ...more }, undefined, 2)}\n`);
}
