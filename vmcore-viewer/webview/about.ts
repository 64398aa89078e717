/** What is to be said of the memory as a whole, above the map; a person can fold it. */
import type { AboutMemory } from '../protocol.ts';
import { byId, make } from './elements.ts';

/** A broken file may have a problem for each of its pages. */
const MOST_PROBLEMS = 20;

export class About {
  private readonly place = byId('about');

  /** @param act hears of the action that a person chose. */
  constructor(private readonly act: (id: string) => void) {}

  show(about: AboutMemory | undefined): void {
    this.place.hidden = about === undefined;
    if (!about) return;
    const { title, facts, problems, actions } = about;
    this.place.querySelector('summary')!.textContent = title;
    this.place
      .querySelector('dl')!
      .replaceChildren(
        ...facts.map(({ label, value }) => make('div', {}, make('dt', {}, label), make('dd', {}, value))),
      );
    const more = problems.length - MOST_PROBLEMS;
    const told = more > 0 ? [...problems.slice(0, MOST_PROBLEMS), `… and ${more} more`] : problems;
    this.place
      .querySelector('.problems')!
      .replaceChildren(
        ...told.map((text) =>
          make('li', {}, make('span', { className: 'codicon codicon-warning', ariaHidden: 'true' }), text),
        ),
      );
    this.place.querySelector('.actions')!.replaceChildren(...actions.map(({ id, label }) => this.button(id, label)));
  }

  private button(id: string, label: string): HTMLElement {
    const button = make('button', { type: 'button', className: 'link' }, label);
    button.addEventListener('click', () => {
      this.act(id);
    });
    return button;
  }
}
