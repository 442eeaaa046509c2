// The page: files in, text and places out, to correct and to save. No library, nothing from outside.
import { at, make } from "./dom.js";
import { dropped } from "./dropped.js";
import { Files, told } from "./files.js";
import { Lines } from "./lines.js";
import { Pages } from "./pages.js";
import { Picture } from "./picture.js";
import { pictureOf, Queue } from "./queue.js";
import { copy, GROUND_TRUTH, save, wholeText } from "./saving.js";
import { described } from "./server.js";
import { counted } from "./words.js";

const queue = new Queue();
const picture = new Picture(at("frame"));
const lines = new Lines(at("lines"), picture);
const pages = new Pages(at("thumbs"), showPage);
const files = new Files(at("files"), queue, showFile);
let shown = null, number = -1; // The file in hand, and the number of its page; -1: none.
let formats = {}; // By name: {suffix, one_page, originals}.
let suffixes = []; // Of the files that the server reads.

described().then((api) => {
  formats = { ...api.formats, [GROUND_TRUTH]: { suffix: ".zip" } };
  suffixes = api.suffixes;
  at("file").accept = ["image/*", ...suffixes].join();
  at("format").append(...Object.entries(formats).map(([name, { suffix }]) => make("option", { value: name, textContent: `${name} (${suffix})` })));
}, fail);

function take(given) {
  if (given.length) showFile(queue.add(given)[0]);
}

function showFile(one) {
  shown = one;
  number = -1;
  pages.clear();
  at("shown").hidden = at("failed").hidden = true;
  for (const page of one?.pages ?? []) pages.add(page);
  if (one?.pages.length) showPage(0);
  update();
}

function showPage(n) {
  number = n;
  const page = shown.pages[n];
  pages.mark(n);
  at("shown").hidden = Boolean(page.exception);
  at("failed").hidden = !page.exception;
  at("failed").textContent = page.failure?.message ?? "";
  if (!page.exception) lines.show(page, picture.show(page, pictureOf(page)));
  entitle();
}

function entitle() {
  const page = shown.pages[number], many = page.total_pages > 1 ? `, page ${page.pagenum + 1} of ${page.total_pages}` : "";
  const sure = page.confidence == null ? "" : `, mean confidence ${Math.round(100 * page.confidence)} %`;
  at("title").textContent = `${shown.file.name}${many}: ${counted(page.lines.length, "line")}${sure}`;
}

function update() {
  files.update(shown);
  at("drop").classList.toggle("small", queue.files.length > 0);
  const busy = queue.reading;
  const isHiding = busy ? at("again") : at("stop");
  if (document.activeElement === isHiding) at("results").focus(); // A hidden element loses the focus to nothing.
  at("progress").hidden = at("stop").hidden = !busy;
  at("again").hidden = busy || !mayHelp(shown);
  const share = busy?.pages.length / busy?.pages[0]?.total_pages;
  if (share) at("progress").value = share;
  else at("progress").removeAttribute("value");
  at("status").textContent = busy ? `Reading ${busy.file.name} …` : shown && shown.state !== "failed" ? sentence(shown) : "";
  at("tools").hidden = !shown?.pages.some((page) => !page.exception);
  fail(shown?.problem);
}

function mayHelp(one) { // To read it again: it was stopped, or it was not its own fault.
  const status = one?.problem?.status;
  return one?.state === "stopped" || one?.state === "failed" && (!status || status >= 500 || status === 408 || status === 429);
}

function sentence(one) {
  return one.state === "stopped" ? "Stopped." : `${told(one)} of ${one.file.name}.`;
}

function fail(problem) {
  at("error").hidden = !problem;
  at("error").textContent = problem ? refused(problem) ?? problem.detail ?? `The server cannot be reached: ${problem.message}` : "";
  at("key-row").hidden = problem?.status !== 401;
  at("password-row").hidden = problem?.code !== "pdf_locked";
}

function refused({ code, status }) {
  if (status === 401) return at("key").value ? "The server does not know this key." : "This server needs a key.";
  if (code !== "pdf_locked") return null;
  return shown.password ? `The password does not open ${shown.file.name}.` : `${shown.file.name} is locked with a password.`;
}

queue.addEventListener("change", ({ detail }) => {
  if (shown && !queue.files.includes(shown)) showFile(queue.files[0] ?? null);
  else update();
});
queue.addEventListener("page", ({ detail: one }) => {
  if (one === shown) {
    pages.add(one.pages.at(-1));
    if (number < 0) showPage(0);
  }
  update();
});
queue.addEventListener("ended", ({ detail: one }) => {
  update();
  if (one === shown && one.problem?.status === 401) at("key").focus();
  if (one === shown && one.problem?.code === "pdf_locked") at("password").focus();
});

at("file").addEventListener("change", (event) => { take(event.target.files); event.target.value = ""; });
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (shown && at("password").value) shown.password = at("password").value;
  at("password").value = "";
  queue.again();
  showFile(shown);
});
at("stop").addEventListener("click", () => queue.stop());
at("again").addEventListener("click", () => { queue.again(); showFile(shown); });
at("lines").addEventListener("corrected", () => { shown.corrected = true; entitle(); });
at("zoom").addEventListener("click", (event) => { if (event.target.value) picture.zoom(event.target.value); });
at("copy").addEventListener("click", async () => {
  const copied = await copy(wholeText(shown)).catch(() => false);
  at("status").textContent = copied ? "Copied." : "The browser does not let this page copy. Save the text instead.";
});
at("save").addEventListener("click", async () => {
  const name = at("format").value;
  fail(null);
  at("status").textContent = "Saving …";
  try {
    await save(shown, name, formats[name]);
    at("status").textContent = "Saved.";
  } catch (problem) {
    at("status").textContent = "";
    fail(problem);
  }
});

window.addEventListener("beforeunload", (event) => { if (queue.files.some(({ corrected }) => corrected)) event.preventDefault(); });
document.addEventListener("dragover", (event) => { event.preventDefault(); at("drop").classList.add("over"); });
document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  const given = event.dataTransfer.types.includes("Files"), files = await dropped(event.dataTransfer.items, suffixes);
  take(files);
  if (given && !files.length) fail({ detail: "The folder holds no file that can be read here." });
});
document.addEventListener("paste", (event) => take(event.clipboardData.files));
