// The list of files: what became of each, with buttons to show, read again or remove it.
import { make } from "./dom.js";
import { counted } from "./words.js";

export function listFiles(list, queue, shown, show) {
  list.hidden = queue.files.length < 2;
  list.replaceChildren(...queue.files.map((one) => {
    const open = make("button", { type: "button", className: "name", textContent: one.file.name });
    open.toggleAttribute("aria-current", one === shown);
    open.addEventListener("click", () => show(one));
    const remove = make("button", { type: "button", className: "remove", textContent: "×", ariaLabel: `Remove ${one.file.name}` });
    remove.addEventListener("click", () => queue.remove(one));
    return make("li", {}, open, make("span", { className: one.state, textContent: told(one), title: one.problem?.detail ?? "" }), remove);
  }));
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
