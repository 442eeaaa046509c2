// What was read and corrected, as files: text and JSON from here, other formats from the server.
import { decoded } from "./bytes.js";
import { crop } from "./crops.js";
import { make } from "./dom.js";
import { pictureOf } from "./queue.js";
import { convert } from "./server.js";
import { zip } from "./zip.js";

const read = (one) => one.pages.filter((page) => !page.exception);
const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

export const wholeText = (one) => one.pages.map(({ text }) => text).join("\n\f");

// What each button saves: the end of the file's name, and what is in it.
export const SAVES = {
  text: ["txt", (one) => new Blob([wholeText(one)], { type: "text/plain" })],
  json: ["json", (one) => new Blob([JSON.stringify({ path: one.file.name, pages: one.pages }, null, 1)], { type: "application/json" })],
  hocr: ["hocr.html", (one) => convert(one.pages, "hocr")],
  alto: ["alto.xml", (one) => convert(one.pages, "alto")],
  page: ["page.xml", (one) => one.pages.length === 1 ? convert(one.pages, "page") : eachPage(one)],
  pdf: ["pdf", (one) => convert(one.pages, "pdf", one)],
  truth: ["zip", groundTruth],
};

async function eachPage(one) { // PAGE has a file for each page.
  const files = [];
  for (const page of read(one)) files.push([`${stem(one, page)}.xml`, await bytesOf(await convert([page], "page"))]);
  return zip(files);
}

async function groundTruth(one) { // Pictures of lines beside their text, as Tesseract, kraken and Calamari train with.
  const files = [];
  for (const page of read(one)) {
    const image = make("img", { src: pictureOf(page) });
    const bitmap = await image.decode().then(() => createImageBitmap(image)).catch(() => { throw { detail: `The browser cannot show page ${page.pagenum + 1} of ${one.file.name}.` }; });
    for (const [n, line] of page.lines.entries()) {
      if (!line.text) continue;
      const picture = decoded(crop(bitmap, page, line).toDataURL()); // `toBlob` waits for idle time: up to a second each.
      const name = `${stem(one, page)}_${String(n + 1).padStart(4, "0")}`;
      files.push([`${name}.png`, picture.bytes], [`${name}.gt.txt`, new TextEncoder().encode(`${line.text}\n`)]);
    }
  }
  return zip(files);
}

const stem = (one, page) => `${one.file.name}_${String(page.pagenum + 1).padStart(4, "0")}`;

export async function save(one, what) {
  const [suffix, content] = SAVES[what];
  const blob = await content(one), type = blob.type === "application/zip" ? "zip" : suffix;
  const link = make("a", { href: URL.createObjectURL(blob), download: `${one.file.name}.${type}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  one.corrected = false;
}

export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true);
  const focused = document.activeElement; // Without HTTPS there is no clipboard API, only the old way.
  const area = make("textarea", { value: text });
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused.focus();
  return copied;
}
