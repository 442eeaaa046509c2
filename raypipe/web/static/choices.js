// Other readings of the word in hand, below it, to choose from.
import { besideSelection, make } from "./dom.js";

export class Choices {
  #list = make("div", { className: "choices", role: "status", hidden: true });

  constructor(choose) { // It is given how many readings further the chosen one is.
    this.#list.addEventListener("mousedown", (event) => { // The text keeps the focus.
      event.preventDefault();
      if (event.target.value) choose(Number(event.target.value));
    });
  }

  show(word, row) {
    const others = word.alternatives ?? [];
    this.#list.hidden = !others.length;
    this.#list.ariaLabel = `Other readings of ${word.text}`;
    this.#list.replaceChildren(...others.map(({ text }, n) => make("button", { type: "button", tabIndex: -1, value: n + 1, textContent: text })));
    if (this.#list.parentElement !== row) row.append(this.#list);
    besideSelection(this.#list, row);
  }

  remove() { this.#list.remove(); }
}
