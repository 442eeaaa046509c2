// The files that were given, and what became of each. They are read one after the other.
import { decoded } from "./bytes.js";
import { read } from "./server.js";

// A file: {file, password, pages, state, problem, url, stopper, corrected}; its state is waiting, reading, done, failed or
// stopped, and corrected tells whether there are corrections that are saved nowhere.
export class Queue extends EventTarget {
  files = [];
  reading = null;

  add(files) {
    const added = [...files].map((file) => ({ file, password: "", pages: [], state: "waiting", problem: null, url: null }));
    this.files.push(...added);
    this.#next();
    return added;
  }

  remove(one) {
    one.stopper?.abort();
    this.files = this.files.filter((other) => other !== one);
    release(one);
    this.#tell("change", one);
  }

  again() { // What failed or was stopped.
    for (const one of this.files.filter(({ state }) => state === "failed" || state === "stopped")) {
      release(one);
      Object.assign(one, { pages: [], state: "waiting", problem: null });
    }
    this.#next();
  }

  stop() {
    for (const one of this.files.filter(({ state }) => state === "waiting")) one.state = "stopped";
    this.reading?.stopper.abort();
  }

  async #next() {
    const one = this.files.find(({ state }) => state === "waiting");
    if (this.reading || !one) return this.#tell("change", one);
    this.reading = Object.assign(one, { state: "reading", stopper: new AbortController() });
    this.#tell("change", one);
    try {
      await this.#read(one);
      one.state = "done";
    } catch (problem) {
      one.state = one.stopper.signal.aborted ? "stopped" : "failed";
      one.problem = one.stopper.signal.aborted ? null : problem;
    }
    this.reading = null;
    this.#tell("ended", one);
    this.#next();
  }

  async #read(one) {
    await check(one.file);
    if (await isShown(one.file)) one.url = URL.createObjectURL(one.file);
    for await (const { overlay, ...page } of read(one.file, one.password, one.url !== null, one.stopper.signal)) {
      one.pages.push(page);
      pictures.set(page, overlay ? picture(overlay) : one.url);
      this.#tell("page", one);
    }
  }

  #tell(type, one) {
    this.dispatchEvent(new CustomEvent(type, { detail: one }));
  }
}

async function check(file) { // Of one that is gone, some browsers say that it has no bytes.
  const some = file.size ? file.slice(0, 1) : file;
  await some.arrayBuffer().catch(() => { throw { detail: `${file.name} cannot be read any more: it was changed, moved or removed. Give it again.` }; });
  if (!file.size) throw { detail: `${file.name} is empty.` };
}

const isShown = (file) => createImageBitmap(file).then((bitmap) => !bitmap.close(), () => false); // Whatever its name says.

const pictures = new WeakMap();

export const pictureOf = (page) => pictures.get(page);

function picture(url) {
  const { type, bytes } = decoded(url);
  return URL.createObjectURL(new Blob([bytes], { type }));
}

function release(one) {
  for (const url of new Set([one.url, ...one.pages.map(pictureOf)])) if (url) URL.revokeObjectURL(url);
}
