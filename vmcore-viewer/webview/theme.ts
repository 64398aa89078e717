/** VS Code's theme, read from the variables that it gives every webview. */
import { contrast, cssOf, type Color } from './color.ts';
import type { Theme } from './palette.ts';

/** The colours of now. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  let ground: Color = [0, 0, 0];
  const named = (name: string): Color | undefined =>
    parse(style.getPropertyValue(`--vscode-${name.replaceAll('.', '-')}`).trim(), ground);
  const highContrast = /\bvscode-high-contrast/.test(document.body.className);
  const background = named('editor.background') ?? [30, 30, 30];
  ground = background;
  const ink: Color = contrast(background, [255, 255, 255]) > 4.5 ? [255, 255, 255] : [0, 0, 0];
  return {
    background,
    foreground: named('editor.foreground') ?? ink,
    grid: (highContrast ? named('contrastBorder') : undefined) ?? background,
    focus: named('focusBorder') ?? ink,
    highContrast,
    named,
  };
}

/** Calls back after a change of the theme. */
export function onThemeChange(changed: () => void): void {
  const observer = new MutationObserver(changed);
  const attributes = { attributes: true, attributeFilter: ['class', 'style'] };
  observer.observe(document.documentElement, attributes);
  observer.observe(document.body, attributes);
}

/** Whether a person asked for less motion, of the system or of VS Code. */
export function prefersReducedMotion(): boolean {
  return (
    document.body.classList.contains('vscode-reduce-motion') || matchMedia('(prefers-reduced-motion: reduce)').matches
  );
}

const probe = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;

/** Any colour that CSS knows, as it looks on a ground; the browser does the parsing. */
function parse(css: string, ground: Color): Color | undefined {
  if (!css || !CSS.supports('color', css)) return undefined;
  for (const style of [cssOf(ground), css]) {
    probe.fillStyle = style;
    probe.fillRect(0, 0, 1, 1);
  }
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return [red!, green!, blue!];
}
