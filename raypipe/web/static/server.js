// What the page asks of its server.
import { at } from "./dom.js";

const SAVE_SECONDS = 60;
const TRIES = 10; // Of what a busy server refuses and says when to send again.

export async function* read(file, password, isShown, signal) { // Pages that the browser cannot show come with a picture.
  const headers = { "Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}` };
  const query = { output_format: "ndjson", overlay: isShown ? "none" : "clean" };
  const response = await (password ? post("v1/ocr", query, form({ file, password }), signal) : post("v1/ocr", query, file, signal, headers));
  for await (const page of lines(response)) {
    if (page.code) throw page;
    yield page;
  }
}

export async function described() { // The formats that pages are saved in, by name, and the suffixes of what is read.
  const { paths } = await (await fetch("openapi.json")).json();
  return { formats: paths["/v1/convert"].post["x-formats"], suffixes: paths["/v1/ocr"].post["x-suffixes"] };
}

export async function convert(pages, format, { file, password } = {}) { // Some formats need the document, too.
  const json = JSON.stringify({ pages }), body = file ? form({ file, pages: json, ...(password && { password }) }) : json;
  const response = await post("v1/convert", { output_format: format }, body, AbortSignal.timeout(1000 * SAVE_SECONDS));
  return response.blob();
}

function form(fields) {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  return made;
}

async function post(path, query, body, signal, headers = {}) {
  if (at("key").value) headers.Authorization = `Bearer ${at("key").value}`;
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`${path}?${new URLSearchParams(query)}`, { method: "POST", headers, body, signal });
    if (response.ok) return response;
    const { status } = response, seconds = Number(response.headers.get("Retry-After"));
    if (!seconds || tries === TRIES) throw await response.json().catch(() => ({ status, detail: `The server answered ${status}.` }));
    await pause(seconds, signal);
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
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
