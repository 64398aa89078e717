/** The page that the page map lives in. */

/** Addresses of what esbuild makes, as the page is to load them, and what its content security policy has to allow. */
export interface PageMapResources {
  script: string;
  styles: string;
  /** The style sheet of codicons, which every icon loads once more. */
  icons: string;
  /** Source expression for the policy: where styles and fonts come from. */
  source: string;
  /** A random word, new for each page. */
  nonce: string;
}

/** Nothing may be loaded but our own files, and no script may run but ours. */
export function pageMapHtml({ script, styles, icons, source, nonce }: PageMapResources): string {
  const policy = `default-src 'none'; style-src ${source}; font-src ${source}; script-src 'nonce-${nonce}'`;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="stylesheet" href="${styles}" />
    <link rel="stylesheet" href="${icons}" id="vscode-codicon-stylesheet" />
    <title>Page Map</title>
  </head>
  <body>
    <header>
      <vscode-single-select id="layers" label="Colour pages by" hidden></vscode-single-select>
      <form id="go-to">
        <vscode-textfield placeholder="Go to 0x1000000, pfn 4096, a symbol" label="Go to"></vscode-textfield>
      </form>
      <span id="go-to-answer" role="alert"></span>
      <span id="progress" hidden><progress aria-label="Pages exchanged"></progress> <span></span></span>
      <span id="extent"></span>
      <vscode-toolbar-button id="list-toggle" icon="list-ordered" label="Page list" title="Page List" toggleable hidden></vscode-toolbar-button>
      <span role="toolbar" aria-label="Zoom">
        <vscode-toolbar-button id="zoom-out" icon="zoom-out" label="Zoom out" title="Zoom out (-)"></vscode-toolbar-button>
        <vscode-toolbar-button id="zoom-in" icon="zoom-in" label="Zoom in" title="Zoom in (+)"></vscode-toolbar-button>
        <vscode-toolbar-button id="zoom-fit" icon="screen-full" label="Whole memory" title="Whole memory (0)"></vscode-toolbar-button>
      </span>
    </header>
    <details id="about" open hidden>
      <summary></summary>
      <dl></dl>
      <ul class="problems" aria-label="Problems"></ul>
      <p class="actions"></p>
    </details>
    <section id="timeline" aria-label="Timeline" hidden>
      <ol></ol>
    </section>
    <main>
      <canvas id="ruler" aria-hidden="true"></canvas>
      <canvas
        id="map"
        tabindex="0"
        role="application"
        aria-roledescription="page map"
        aria-label="Page map"
        aria-describedby="keys"
      ></canvas>
      <div id="tooltip" aria-hidden="true" hidden></div>
      <p id="keys" hidden>
        Arrow keys select a page. Home and End: first and last page of the row; with Control, of the memory. Page Up and
        Page Down: a screen. N and Shift+N: next and previous page of the same kind. Enter: details. Plus, minus, zero:
        zoom. G: go to.
      </p>
      <p id="announcement" role="status" aria-live="polite"></p>
    </main>
    <section id="list" aria-labelledby="list-title" hidden>
      <div id="list-sash" role="separator" tabindex="0" aria-orientation="horizontal" aria-label="Height of the page list"></div>
      <div id="list-header">
        <h2 id="list-title">Page list</h2>
        <span id="list-count"></span>
        <form id="list-search">
          <vscode-textfield placeholder="Find 0x2000, pfn 8192, #12" label="Find in the page list"></vscode-textfield>
        </form>
        <span id="list-matches" role="status"></span>
        <span role="toolbar" aria-label="Page list">
          <vscode-toolbar-button id="list-previous" icon="arrow-up" label="Previous match" title="Previous Match (Shift+Enter)"></vscode-toolbar-button>
          <vscode-toolbar-button id="list-next" icon="arrow-down" label="Next match" title="Next Match (Enter)"></vscode-toolbar-button>
          <vscode-toolbar-button id="list-current" icon="debug-stackframe" label="Go to the current exchange" title="Go to the Current Exchange"></vscode-toolbar-button>
          <vscode-toolbar-button id="list-close" icon="close" label="Close the page list" title="Close the Page List"></vscode-toolbar-button>
        </span>
      </div>
      <div id="list-grid" role="grid" tabindex="0" aria-label="Page list" aria-readonly="true" aria-describedby="list-keys">
        <div id="list-rows" role="rowgroup"></div>
      </div>
      <p id="list-keys" hidden>
        Arrow keys select an entry. Enter: its page in the page map. Control+Enter: its exchange. Control+F: find.
      </p>
    </section>
    <aside>
      <section id="legends" aria-label="Legend">
        <fieldset id="classes"></fieldset>
        <fieldset id="owners"></fieldset>
        <nav id="regions" aria-label="Regions" hidden></nav>
      </section>
      <section id="details" tabindex="-1" aria-labelledby="details-title">
        <h2 id="details-title">No page selected</h2>
        <dl></dl>
      </section>
    </aside>
    <script type="module" nonce="${nonce}" src="${script}"></script>
  </body>
</html>
`;
}

/** A page with nothing but a sentence, such as why there is nothing to show, and maybe a link to what can be done. */
export function sentenceHtml(sentence: string, link?: { text: string; address: string }): string {
  const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  const rest = link ? ` <a href="${escaped(link.address)}">${escaped(link.text)}</a>` : '';
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'" />
    <title>Memory Image</title>
  </head>
  <body><p role="alert">${escaped(sentence)}${rest}</p></body>
</html>`;
}
