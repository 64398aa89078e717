/** Shows the first bytes of what it is opened on, read through VS Code's file systems as Microsoft's hex editor reads. */
const { window, workspace } = require('vscode');

const SHOWN = 64;

exports.activate = ({ subscriptions }) => {
  const provider = {
    openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
    resolveCustomEditor: async ({ uri }, { webview }) => {
      const bytes = await workspace.fs.readFile(uri);
      webview.html = `<pre>${[...bytes.slice(0, SHOWN)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}</pre>`;
    },
  };
  subscriptions.push(window.registerCustomEditorProvider('hexEditor.hexedit', provider));
};
