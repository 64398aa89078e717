import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Who may not import whom: the folders are the architecture (docs/architecture.md). */
const room = (folder, forbidden, why) => ({
  files: [`${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ group: forbidden, message: `${folder} ${why}` }] }],
  },
});

export default defineConfig(
  globalIgnores(['dist/', 'node_modules/', 'test-results/', 'test/e2e/hex-editor/']),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.mjs'] } } },
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // An empty string is as good as none: environment variables, fields of gdb's answers.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
      // Map.get() and array access behind a check in the line before: clearer than a second check.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly' } },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: ['describe', 'it'] }] },
  },
  room(
    'vmcore-viewer/core',
    ['**/extension/**', '**/debug-adapter/**', '**/qemu-runner/**', '**/webview/**', 'vscode'],
    'imports nothing of ours.',
  ),
  room(
    'vmcore-viewer/webview',
    ['**/extension/**', '**/debug-adapter/**', '**/qemu-runner/**', '**/core/**', 'vscode', 'node:*'],
    'imports only its protocol and pure types.',
  ),
  room(
    'qemu-runner',
    ['**/extension/**', '**/debug-adapter/**', '**/vmcore-viewer/**', 'vscode'],
    'imports nothing of ours.',
  ),
  room(
    'debug-adapter',
    ['**/extension/**', '**/webview/**', 'vscode'],
    'imports only qemu-runner, and core and explorer of vmcore-viewer.',
  ),
  room(
    'extension',
    ['**/debug-adapter/*/**', '**/debug-adapter/!(protocol).ts'],
    'imports only protocol.ts of the debug adapter, which is another process.',
  ),
);
