// The lines of a page as text that can be corrected in place; Tab goes from doubtful word to doubtful word.
import { Choices } from "./choices.js";
import { accept, choose, correct } from "./correct.js";
import { around, crop } from "./crops.js";
import { at, besideSelection, make, roving } from "./dom.js";
import { isDoubtful, rows } from "./words.js";

const MARGIN = 0.6; // Around a word that is shown, in its heights.

export class Lines {
  #list; #picture; #page; #fields; #boxes; #crop = make("canvas", { className: "crop", role: "img" });
  #choices = new Choices((by) => this.#choose(by));

  constructor(list, picture) {
    this.#list = list;
    this.#picture = picture;
    list.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("selectionchange", () => this.#showWord());
  }

  show(page, boxes) {
    this.#page = page;
    this.#boxes = boxes;
    this.#fields = page.lines.map((line, n) => this.#field(line, n));
    const numbers = new Map(page.lines.map((line, n) => [line, n]));
    this.#list.replaceChildren(...rows(page.lines).map((row) => make("li", {}, ...row.map((line) => this.#fields[numbers.get(line)]))));
    roving(this.#fields, this.#fields[0]);
    at("choosing").hidden = !page.lines.some(({ words }) => words.some(({ alternatives }) => alternatives?.length));
  }

  #field(line, n) {
    const field = make("span", { role: "textbox", contentEditable: "plaintext-only", spellcheck: false, ariaLabel: `Line ${n + 1}` });
    write(field, line);
    const light = (on) => [field, this.#boxes[n]].forEach((element) => element.classList.toggle("on", on));
    for (const element of [field, this.#boxes[n]]) {
      element.addEventListener("mouseenter", () => light(true));
      element.addEventListener("mouseleave", () => light(document.activeElement === field));
    }
    field.addEventListener("focus", () => this.#hold(n, light));
    field.addEventListener("blur", () => { light(false); this.#keep(n); this.#crop.remove(); this.#choices.remove(); });
    this.#boxes[n].addEventListener("click", () => field.focus());
    return field;
  }

  #hold(n, light) {
    light(true);
    roving(this.#fields, this.#fields[n]);
    this.#fields[n].scrollIntoView({ block: "nearest" });
    this.#picture.reveal(this.#boxes[n]);
  }

  #keep(n) { // Takes over what was typed.
    const line = this.#page.lines[n], field = this.#fields[n], text = field.textContent.replace(/\s+/g, " ").trim();
    if (text !== line.text) this.#change(n, () => correct(this.#page, line, text));
    else if (field.textContent !== text) write(field, line);
  }

  #change(n, change) {
    change();
    write(this.#fields[n], this.#page.lines[n]);
    this.#list.dispatchEvent(new Event("corrected", { bubbles: true }));
  }

  #key(event) {
    const n = this.#fields.indexOf(event.target), by = event.altKey && { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      this.#keep(n);
      return this.#choose(by);
    }
    const lines = { ArrowDown: n + 1, ArrowUp: n - 1, ...(event.ctrlKey && { Home: 0, End: this.#fields.length - 1 }) };
    if (event.key in lines) this.#go(event, lines[event.key]);
    else if (event.key === "Tab") this.#goToDoubt(event, n);
    else if (event.key === "Enter") {
      this.#keep(n);
      this.#change(n, () => accept(this.#page, this.#page.lines[n]));
      this.#go(event, n + 1);
    }
  }

  #go(event, n) {
    event.preventDefault();
    this.#fields[n]?.focus();
  }

  #goToDoubt(event, n) { // Where there is none, Tab leaves the list as usual.
    const offset = offsetIn(this.#fields[n]), next = offset + (getSelection().isCollapsed ? 0 : 1);
    this.#keep(n);
    const doubts = this.#page.lines.flatMap(({ words }, line) => words.map((word, at) => ({ word, line, at })).filter(({ word }) => isDoubtful(word)));
    const start = ({ line, at }) => startOf(this.#page.lines[line].words, at);
    const there = event.shiftKey
      ? doubts.findLast((doubt) => doubt.line < n || (doubt.line === n && start(doubt) < offset))
      : doubts.find((doubt) => doubt.line > n || (doubt.line === n && start(doubt) >= next));
    if (!there) return;
    event.preventDefault();
    this.#fields[there.line].focus();
    getSelection().selectAllChildren(this.#fields[there.line].children[there.at]);
  }

  #choose(by) { // Another reading of the word in hand, so many further.
    const { field, n, at, words } = this.#inHand();
    if (!words?.[at]?.alternatives?.length) return;
    this.#change(n, () => choose(this.#page, this.#page.lines[n], at, by));
    getSelection().selectAllChildren(field.children[at]);
  }

  #inHand() {
    const field = document.activeElement, n = this.#fields?.indexOf(field) ?? -1;
    if (n < 0) return {};
    const offset = offsetIn(field), words = this.#page.lines[n].words;
    return { field, n, words, at: words.findLastIndex((word, at) => startOf(words, at) <= offset) };
  }

  #showWord() { // The word in hand, cut out of the picture, above itself.
    const { field, words, at } = this.#inHand();
    if (!words?.[at] || !this.#picture.image.naturalWidth) return;
    crop(this.#picture.image, this.#page, around(words[at], MARGIN), this.#crop);
    this.#crop.ariaLabel = `${words[at].text} in the picture`;
    this.#picture.revealWord(words[at]);
    if (this.#crop.parentElement !== field.parentElement) field.parentElement.append(this.#crop);
    besideSelection(this.#crop, field.parentElement);
    this.#choices.show(words[at], field.parentElement);
  }
}

function write(field, line) {
  field.replaceChildren(...line.words.flatMap((word, n) => {
    const sure = `uncertain: ${Math.round(100 * word.confidence)} %`;
    const element = isDoubtful(word) ? make("mark", { textContent: word.text, title: sure }) : make("span", { textContent: word.text });
    return n ? [" ", element] : [element];
  }));
}

const startOf = (words, at) => words.slice(0, at).reduce((sum, { text }) => sum + text.length + 1, 0);

function offsetIn(field) { // Characters before the selection.
  const selection = getSelection(), range = document.createRange();
  if (!selection.rangeCount || !field.contains(selection.anchorNode)) return -1;
  const { startContainer, startOffset } = selection.getRangeAt(0);
  range.selectNodeContents(field);
  range.setEnd(startContainer, startOffset);
  return range.toString().length;
}
