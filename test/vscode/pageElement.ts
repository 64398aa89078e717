/** What is read of an element in the page. The project is compiled without the DOM's types: most of it runs in Node. */
export interface PageElement {
  readonly className: string;
  readonly classList: { contains(name: string): boolean };
  readonly textContent: string | null;
  getAttribute(name: string): string | null;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
}
