// The list of files: what became of each, with buttons to show, read again or remove it.
import { at, make } from "./dom.js";
import { counted } from "./words.js";

export class Files {
  #list; #queue; #show; #items = new Map();

  constructor(list, queue, show) {
    this.#list = list;
    this.#queue = queue;
    this.#show = show;
  }

  update(shown) { // Items stay where they are, and so does the focus.
    const { files } = this.#queue;
    this.#list.hidden = files.length < 2;
    for (const one of [...this.#items.keys()].filter((one) => !files.includes(one))) {
      this.#items.get(one).remove();
      this.#items.delete(one);
    }
    for (const one of files) {
      const [open, state] = (this.#items.get(one) ?? this.#add(one)).children;
      open.toggleAttribute("aria-current", one === shown);
      Object.assign(state, { className: one.state, textContent: told(one), title: one.problem?.detail ?? "" });
    }
  }

  #add(one) {
    const open = make("button", { type: "button", className: "name", textContent: one.file.name });
    const remove = make("button", { type: "button", className: "remove", textContent: "×", ariaLabel: `Remove ${one.file.name}` });
    const item = make("li", {}, open, make("span"), remove);
    open.addEventListener("click", () => this.#show(one));
    remove.addEventListener("click", () => this.#remove(one, item));
    this.#items.set(one, item);
    this.#list.append(item);
    return item;
  }

  #remove(one, item) {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    this.#queue.remove(one);
    (this.#list.hidden ? at("results") : next.firstElementChild).focus(); // Else the focus is lost with the button.
  }
}

export function told(one) {
  const total = one.pages[0]?.total_pages ?? 1, failed = one.pages.filter((page) => page.exception).length;
  const count = one.pages.reduce((sum, page) => sum + page.lines.length, 0);
  const read = `${counted(count, "line")} on ${counted(one.pages.length, "page")}${failed ? `, ${failed} failed` : ""}`;
  return {
    waiting: "waiting",
    reading: one.pages.length ? `read page ${one.pages.length} of ${total} …` : "reading …",
    done: read,
    stopped: `stopped after ${read}`,
    failed: "failed",
  }[one.state];
}
