// Bundles the programs (extension, debug adapter, command-line tool, explorer of images) and the page map of the webview.
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
  build({ ...commonJs, entryPoints: ['vmcore-viewer/explorer/worker.ts'], outfile: 'dist/explorer.cjs' }),
  build({ ...commonJs, entryPoints: ['extension/main.ts'], outfile: 'dist/extension.cjs', external: ['vscode'] }),
  build({
    ...commonJs,
    entryPoints: ['debug-adapter/cli/main.ts'],
    outfile: 'dist/cli.cjs',
    banner: { js: '#!/usr/bin/env node' },
  }),
  build({
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'chrome120',
    minify: true,
    sourcemap: true,
    logLevel: 'warning',
    loader: { '.ttf': 'file' },
    assetNames: '[name]',
    entryPoints: {
      pageMap: 'vmcore-viewer/webview/main.ts',
      style: 'vmcore-viewer/webview/style.css',
      // The icons load their style sheet by themselves: it is a file of its own.
      codicon: '@vscode/codicons/dist/codicon.css',
    },
    outdir: 'dist/webview',
  }),
]);
await chmod('dist/cli.cjs', 0o755);
// Without a compiler node-pty has no native part yet; requirements.ts says so.
if (existsSync(NATIVE)) {
  const prebuilds = `dist/prebuilds/${process.platform}-${process.arch}`;
  await mkdir(prebuilds, { recursive: true });
  await copyFile(NATIVE, `${prebuilds}/pty.node`);
}
