// The picture of a page: its boxes, zoom and pan; it follows what is in hand.
const SVG = "http://www.w3.org/2000/svg";
const MOST = 8, STEP = 1.25, WHEEL = 0.0015; // Zoom is in widths of the frame.
const DRAG = 4; // Pixels from which on a press is no click.

export class Picture {
  #frame; #sheet; #image; #boxes; #word; #zoom = 1;

  constructor(frame) {
    this.#frame = frame;
    this.#sheet = frame.firstElementChild;
    [this.#image, this.#boxes] = this.#sheet.children;
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("keydown", (event) => this.#key(event));
    frame.addEventListener("pointerdown", (event) => this.#press(event));
  }

  get image() { return this.#image; }

  show(page, url) {
    Object.assign(this.#image, { width: page.width, height: page.height, alt: `Page ${page.pagenum + 1}; its text follows` });
    if (url) this.#image.src = url;
    else this.#image.removeAttribute("src");
    this.#boxes.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
    this.#word = rectangle({ x: 0, y: 0, width: 0, height: 0, angle: 0 });
    this.#word.classList.add("word");
    const boxes = page.lines.map(rectangle);
    this.#boxes.replaceChildren(...boxes, this.#word);
    this.#frame.scrollTo(0, 0);
    return boxes;
  }

  reveal(box) {
    const inner = box.getBoundingClientRect(), outer = this.#frame.getBoundingClientRect();
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
      this.#frame.scrollTop += (inner.top + inner.bottom - outer.top - outer.bottom) / 2;
    }
    if (inner.left < outer.left || inner.right > outer.right) {
      this.#frame.scrollLeft += inner.width > outer.width ? inner.left - outer.left : (inner.left + inner.right - outer.left - outer.right) / 2;
    }
  }

  revealWord(word) {
    place(this.#word, word);
    this.reveal(this.#word);
  }

  get #whole() { return Math.min(1, this.#frame.clientHeight / (this.#frame.clientWidth * this.#image.height / this.#image.width)); }

  zoom(how) {
    const to = { in: this.#zoom * STEP, out: this.#zoom / STEP, width: 1, whole: this.#whole }[how];
    const { left, top } = this.#frame.getBoundingClientRect();
    this.#zoomTo(to, left + this.#frame.clientWidth / 2, top + this.#frame.clientHeight / 2);
  }

  #zoomTo(zoom, x, y) { // What is at x, y of the window stays there.
    const before = this.#sheet.getBoundingClientRect();
    this.#zoom = Math.min(MOST, Math.max(zoom, this.#whole));
    this.#sheet.style.width = `${100 * this.#zoom}%`;
    const after = this.#sheet.getBoundingClientRect();
    this.#frame.scrollLeft += after.left - x + (x - before.left) * after.width / before.width;
    this.#frame.scrollTop += after.top - y + (y - before.top) * after.height / before.height;
  }

  #wheel(event) {
    const to = Math.min(MOST, Math.max(this.#zoom * Math.exp(-event.deltaY * WHEEL), this.#whole));
    if (event.shiftKey || to === this.#zoom) return; // It scrolls.
    event.preventDefault();
    this.#zoomTo(to, event.clientX, event.clientY);
  }

  #key(event) { // Arrows scroll what has the focus, by themselves.
    const how = { "+": "in", "=": "in", "-": "out", 0: "whole", 1: "width" }[event.key];
    if (!how || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.zoom(how);
  }

  #press(event) {
    if (event.pointerType === "touch" || event.button) return; // Fingers scroll by themselves.
    event.preventDefault(); // Else the picture itself is dragged.
    const frame = this.#frame, from = { x: event.clientX + frame.scrollLeft, y: event.clientY + frame.scrollTop };
    const start = { x: event.clientX, y: event.clientY };
    const move = (now) => {
      if (Math.hypot(now.clientX - start.x, now.clientY - start.y) > DRAG) frame.setPointerCapture(event.pointerId);
      if (frame.hasPointerCapture(event.pointerId)) frame.scrollTo(from.x - now.clientX, from.y - now.clientY);
    };
    const end = () => frame.removeEventListener("pointermove", move);
    frame.addEventListener("pointermove", move);
    for (const type of ["pointerup", "pointercancel"]) frame.addEventListener(type, end, { once: true });
  }
}

function rectangle(item) {
  const box = document.createElementNS(SVG, "rect");
  place(box, item);
  return box;
}

function place(box, { x, y, width, height, angle }) {
  const values = { x: x - width / 2, y: y - height / 2, width, height, transform: `rotate(${angle} ${x} ${y})` };
  for (const [name, value] of Object.entries(values)) box.setAttribute(name, value);
}
