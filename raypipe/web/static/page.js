// The page: sends a picture, shows what was read and where. No library, nothing from outside.
"use strict";

const DOUBTFUL = 0.8; // Words with a lower confidence are marked.
const SHOWN_BY_BROWSERS = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"];
const SVG = "http://www.w3.org/2000/svg";

const at = (id) => document.getElementById(id);
let current = null; // What is being read, or was read last: {file, pages, stopper, url}.

async function read(file, given = 1) {
  current?.stopper.abort();
  if (current?.url) URL.revokeObjectURL(current.url);
  const job = { file, pages: [], stopper: new AbortController(), url: null };
  current = job;
  const drawn = !SHOWN_BY_BROWSERS.includes(file.type);
  if (!drawn) job.url = URL.createObjectURL(file);
  at("results").replaceChildren();
  at("error").hidden = at("tools").hidden = at("key-row").hidden = true;
  const note = given > 1 ? ` Only the first of ${given} files is read.` : "";
  busy(`Reading ${file.name} …${note}`);
  try {
    const response = await send(file, "ndjson", drawn ? "jpeg" : "none", job.stopper.signal);
    for await (const page of lines(response)) {
      if (page.code) throw page;
      if (job !== current) return;
      show(page, job, drawn);
    }
    const failed = job.pages.filter((page) => page.exception).length;
    const count = job.pages.reduce((sum, page) => sum + page.lines.length, 0);
    calm(`${count} lines on ${job.pages.length} ${job.pages.length === 1 ? "page" : "pages"} of ${file.name}` +
      (failed ? `, ${failed} failed.` : ".") + note);
  } catch (error) {
    if (job === current) ended(error);
  }
  if (job === current) at("tools").hidden = job.pages.every((page) => page.exception);
}

function ended(error) {
  const stopped = current.stopper.signal.aborted;
  calm(stopped ? "Stopped." : "");
  if (!stopped) fail(error);
}

async function send(file, format, overlay, signal) {
  const headers = { "Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}` };
  if (at("key").value) headers.Authorization = `Bearer ${at("key").value}`;
  const query = new URLSearchParams({ output_format: format, overlay });
  const response = await fetch(`v1/ocr?${query}`, { method: "POST", headers, body: file, signal });
  if (!response.ok) throw await response.json().catch(() => ({ detail: `The server answered ${response.status}.` }));
  return response;
}

async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

function show(page, job, drawn) {
  job.pages.push(page);
  if (page.total_pages > 1) busy(`Read page ${page.pagenum + 1} of ${page.total_pages} …`, job.pages.length / page.total_pages);
  const section = at("page").content.firstElementChild.cloneNode(true);
  section.querySelector("h2").textContent = title(page);
  if (page.exception) {
    const words = document.createElement("p");
    words.className = "failed";
    words.setAttribute("role", "alert");
    words.textContent = page.failure.message;
    section.replaceChildren(section.querySelector("h2"), words);
  } else {
    fill(section, page, drawn ? page.overlay : job.url, drawn);
  }
  at("results").append(section);
}

function title(page) {
  const number = page.total_pages > 1 ? `, page ${page.pagenum + 1} of ${page.total_pages}` : "";
  const sure = page.confidence == null ? "" : `, mean confidence ${Math.round(100 * page.confidence)} %`;
  return `${current.file.name}${number}: ${page.lines.length} lines${sure}`;
}

function fill(section, page, picture, drawn) {
  const image = section.querySelector("img");
  image.alt = `Page ${page.pagenum + 1}; its text follows`;
  image.width = page.width;
  image.height = page.height;
  if (picture) image.src = picture;
  const boxes = section.querySelector("svg");
  boxes.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
  boxes.setAttribute("preserveAspectRatio", "none");
  section.querySelector("figure").classList.toggle("drawn", drawn);
  const list = section.querySelector("ol");
  page.lines.forEach((line, number) => {
    const box = rectangle(line), item = written(line);
    item.tabIndex = number ? -1 : 0;
    tie(box, item);
    boxes.append(box);
    list.append(item);
  });
  list.addEventListener("keydown", walk);
}

function rectangle(line) {
  const box = document.createElementNS(SVG, "rect");
  const values = { x: line.x - line.width / 2, y: line.y - line.height / 2, width: line.width, height: line.height,
    transform: `rotate(${line.angle} ${line.x} ${line.y})` };
  for (const [name, value] of Object.entries(values)) box.setAttribute(name, value);
  return box;
}

function written(line) {
  const item = document.createElement("li");
  line.words.forEach((word, number) => {
    if (number) item.append(" ");
    const doubtful = word.confidence < DOUBTFUL;
    const element = document.createElement(doubtful ? "mark" : "span");
    element.textContent = word.text;
    if (doubtful) element.title = `uncertain: ${Math.round(100 * word.confidence)} %`;
    item.append(element);
  });
  return item;
}

function tie(box, item) {
  const light = (on) => [box, item].forEach((element) => element.classList.toggle("on", on));
  for (const element of [box, item]) {
    element.addEventListener("mouseenter", () => light(true));
    element.addEventListener("mouseleave", () => light(document.activeElement === item));
  }
  item.addEventListener("focus", () => { light(true); reveal(box); });
  item.addEventListener("blur", () => light(false));
  box.addEventListener("click", () => item.focus());
}

function reveal(box) { // The picture stays beside the lines, and shows the one in hand.
  const figure = box.closest("figure"), inner = box.getBoundingClientRect(), outer = figure.getBoundingClientRect();
  if (inner.top < outer.top || inner.bottom > outer.bottom) {
    figure.scrollTop += (inner.top + inner.bottom - outer.top - outer.bottom) / 2;
  }
}

function walk(event) { // One line of the list can be tabbed to; arrows move it.
  const steps = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" };
  const ends = { Home: "firstElementChild", End: "lastElementChild" };
  const here = event.target.closest("li");
  const there = here?.[steps[event.key]] ?? here?.parentElement[ends[event.key]];
  if (!there) return;
  event.preventDefault();
  here.tabIndex = -1;
  there.tabIndex = 0;
  there.focus();
}

function busy(words, share) {
  at("status").textContent = words;
  at("progress").hidden = at("stop").hidden = false;
  if (share == null) at("progress").removeAttribute("value");
  else at("progress").value = share;
}

function calm(words) {
  at("status").textContent = words;
  if (document.activeElement === at("stop")) at("results").focus(); // A hidden element loses the focus to nothing.
  at("progress").hidden = at("stop").hidden = true;
}

function fail(problem) {
  at("error").textContent = problem.detail ?? `The server cannot be reached: ${problem.message}`;
  at("error").hidden = false;
  at("key-row").hidden = problem.status !== 401;
  if (problem.status === 401) at("key").focus();
}

function take(files) {
  if (files.length) read(files[0], files.length);
}

function wholeText() {
  return current.pages.map((page) => page.text).join("\n\f");
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true);
  const area = document.createElement("textarea"); // Without HTTPS there is no clipboard API, only the old way.
  const focused = document.activeElement;
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused.focus();
  return copied;
}

function save(content, suffix, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = `${current.file.name}.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

at("file").addEventListener("change", (event) => take(event.target.files));
at("form").addEventListener("submit", (event) => { event.preventDefault(); if (current) read(current.file); });
at("stop").addEventListener("click", () => current.stopper.abort());
at("copy").addEventListener("click", async () => {
  const copied = await copy(wholeText()).catch(() => false);
  at("status").textContent = copied ? "Copied." : "The browser does not let this page copy. Save the text instead.";
});
at("save-text").addEventListener("click", () => save(wholeText(), "txt", "text/plain"));
at("save-json").addEventListener("click", () => save(
  JSON.stringify({ path: current.file.name, pages: current.pages.map(({ overlay, ...page }) => page) }, null, 1),
  "json", "application/json"));
at("save-hocr").addEventListener("click", async () => {
  const job = current, stopper = new AbortController();
  job.stopper.abort(); // Stops another save in progress.
  job.stopper = stopper;
  at("error").hidden = true;
  busy("Reading again for hOCR …");
  try {
    const response = await send(job.file, "hocr", "none", stopper.signal);
    const content = await response.text();
    if (stopper !== current.stopper) return;
    save(content, "hocr.html", "text/html");
    calm("Saved.");
  } catch (error) {
    if (stopper === current.stopper) ended(error);
  }
});
document.addEventListener("dragover", (event) => { event.preventDefault(); at("drop").classList.add("over"); });
document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  take(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => take(event.clipboardData.files));
