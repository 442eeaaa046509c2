// What was read and corrected, as files: some formats from here, the others from the server.
import { decoded } from "./bytes.js";
import { crop } from "./crops.js";
import { make } from "./dom.js";
import { pictureOf } from "./queue.js";
import { convert } from "./server.js";
import { zip } from "./zip.js";

const read = (one) => one.pages.filter((page) => !page.exception);
const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

export const wholeText = (one) => one.pages.map(({ text }) => text).join("\n\f");

export const GROUND_TRUTH = "ground truth";
const HERE = { // Text needs no server, and JSON from the server lacks the columns of its pipeline.
  text: (one) => new Blob([wholeText(one)]),
  json: (one) => new Blob([JSON.stringify({ path: one.file.name, pages: one.pages }, null, 1)]),
  [GROUND_TRUTH]: groundTruth,
};

async function converted(one, name, { suffix, one_page, originals }) {
  if (!one_page || one.pages.length === 1) return convert(one.pages, name, originals ? one : {});
  const files = [];
  for (const page of read(one)) files.push([`${stem(one, page)}${suffix}`, await bytesOf(await convert([page], name, originals ? one : {}))]);
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

export async function save(one, name, format) {
  const blob = await (HERE[name] ?? converted)(one, name, format), suffix = blob.type === "application/zip" ? ".zip" : format.suffix;
  const link = make("a", { href: URL.createObjectURL(blob), download: `${one.file.name}${suffix}` });
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
