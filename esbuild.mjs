// Bundles the three programs: the extension, the debug adapter, the command-line tool.
import { build } from 'esbuild';
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';

const NATIVE = 'node_modules/node-pty/build/Release/pty.node';
const common = { bundle: true, platform: 'node', target: 'node20', sourcemap: true, logLevel: 'warning' };
// node-pty is CommonJS and finds its native part beside the bundle that it is in.
const commonJs = {
  ...common,
  format: 'cjs',
  define: { 'import.meta.url': 'undefined' },
  logOverride: { 'empty-import-meta': 'silent' },
};

await rm('dist', { recursive: true, force: true });
await Promise.all([
  build({ ...commonJs, entryPoints: ['debug-adapter/main.ts'], outfile: 'dist/adapter.cjs' }),
  build({ ...commonJs, entryPoints: ['extension/main.ts'], outfile: 'dist/extension.cjs', external: ['vscode'] }),
  build({
    ...commonJs,
    entryPoints: ['debug-adapter/cli/main.ts'],
    outfile: 'dist/cli.cjs',
    banner: { js: '#!/usr/bin/env node' },
  }),
]);
await chmod('dist/cli.cjs', 0o755);
// Without a compiler node-pty has no native part yet; the preflight check says so.
if (existsSync(NATIVE)) {
  const prebuilds = `dist/prebuilds/${process.platform}-${process.arch}`;
  await mkdir(prebuilds, { recursive: true });
  await copyFile(NATIVE, `${prebuilds}/pty.node`);
}
