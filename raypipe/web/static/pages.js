// The pages of a document: small pictures to choose from, and the one that is shown.
import { make, roving } from "./dom.js";
import { pictureOf } from "./queue.js";

const THUMB = 96; // Pixels.

export class Pages {
  #nav; #choose; #buttons = [];

  constructor(nav, choose) {
    this.#nav = nav;
    this.#choose = choose;
    nav.addEventListener("keydown", (event) => this.#key(event));
  }

  clear() {
    this.#buttons = [];
    this.#nav.firstElementChild.replaceChildren();
    this.#nav.hidden = true;
  }

  add(page) {
    const n = this.#buttons.length;
    const button = make("button", { type: "button", ariaLabel: `Page ${page.pagenum + 1}${page.exception ? ", failed" : ""}`, tabIndex: n ? -1 : 0 },
      make("span", { textContent: page.pagenum + 1 }));
    button.addEventListener("click", () => this.#choose(n));
    this.#buttons.push(button);
    this.#nav.firstElementChild.append(make("li", {}, button));
    this.#nav.hidden = page.total_pages < 2;
    if (pictureOf(page) && !this.#nav.hidden) draw(pictureOf(page), button);
  }

  mark(n) {
    roving(this.#buttons, this.#buttons[n]);
    this.#buttons.forEach((button, other) => button.toggleAttribute("aria-current", other === n));
    this.#buttons[n].scrollIntoView?.({ block: "nearest", inline: "nearest" });
  }

  #key(event) {
    const n = this.#buttons.indexOf(event.target), last = this.#buttons.length - 1;
    const to = { ArrowRight: n + 1, ArrowDown: n + 1, ArrowLeft: n - 1, ArrowUp: n - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (!this.#buttons[to]) return;
    this.#choose(to);
    this.#buttons[to].focus();
  }
}

async function draw(url, button) {
  const image = make("img", { src: url });
  await image.decode().catch(() => null); // A page without a picture that can be shown has its number.
  if (!image.naturalWidth) return;
  const scale = THUMB / Math.max(image.naturalWidth, image.naturalHeight);
  const canvas = make("canvas", { width: Math.ceil(image.naturalWidth * scale), height: Math.ceil(image.naturalHeight * scale) });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  button.prepend(canvas);
}
