// The description of the API, written from openapi.json.
import { at, make } from "./dom.js";

const PLACEHOLDER = /http:\/\/127\.0\.0\.1:8000/g; // What the samples have for the address of this server.
const here = new URL(".", location).href.replace(/\/$/, "");

function table(head, rows) {
  const line = (cells, tag) => make("tr", {}, ...cells.map((cell) => make(tag, { textContent: cell })));
  return make("div", { className: "wide", tabIndex: 0 }, // On a narrow screen it scrolls on its own.
    make("table", {}, line(head, "th"), ...rows.map((row) => line(row, "td"))));
}

function kind(schema) {
  const options = (schema.anyOf ?? [schema]).filter((one) => one.type !== "null");
  return options.map((one) => one.enum?.join(" | ") ?? one.$ref?.split("/").pop() ?? one.type ?? "").join(" | ");
}

const code = (text) => make("pre", { tabIndex: 0 }, make("code", { textContent: text }));

function example(name, { example, schema }, schemas) {
  const value = example ?? schemas[schema?.$ref?.split("/").pop()]?.examples?.[0];
  if (value === undefined) return [];
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 1);
  return [make("details", {}, make("summary", { textContent: `Example: ${name}` }), code(text))];
}

function examples(content, schemas) { // That of JSON, the last, first.
  return Object.entries(content ?? {}).reverse().flatMap(([type, one]) => example(type, one, schemas));
}

function samples(described) {
  return described["x-codeSamples"].map(({ label, source }) => {
    const shown = code(source.replace(PLACEHOLDER, here));
    shown.dataset.language = label;
    return shown;
  });
}

function operation(path, method, described, schemas) {
  const title = (text) => make("h3", { textContent: text });
  const section = make("section", {}, make("h2", { textContent: `${method.toUpperCase()} ${path}` }),
    make("p", { textContent: described.description }), ...samples(described));
  const parameters = described.parameters ?? [];
  if (parameters.length) {
    section.append(title("Options"), table(["name", "values", "default", "what"], parameters.map((one) =>
      [one.name, kind(one.schema), String(one.schema.default ?? ""), one.description ?? one.schema.description ?? ""])));
  }
  if (described.requestBody) {
    const { content } = described.requestBody;
    section.append(title("Body"), make("p", { textContent: Object.keys(content).join(", ") }), ...examples(content, schemas));
  }
  const answers = Object.entries(described.responses);
  section.append(title("Answers"), table(["status", "what", "type"], answers.map(
    ([status, answer]) => [status, answer.description, Object.keys(answer.content ?? {}).join(", ")])));
  const good = answers.find(([status]) => status.startsWith("2"));
  section.append(...examples(good?.[1].content, schemas));
  return section;
}

function shape(name, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([field, one]) => [field, kind(one), one.description ?? ""]);
  return make("section", {}, make("h2", { textContent: name }), make("p", { textContent: schema.description }),
    table(["field", "type", "what"], rows), ...example(name, { example: schema.examples?.[0] }, {}));
}

function choose(language) {
  for (const sample of document.querySelectorAll("[data-language]")) sample.hidden = sample.dataset.language !== language;
}

async function main() {
  const api = await (await fetch("openapi.json")).json(), { schemas } = api.components;
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, described] of Object.entries(methods)) at("paths").append(operation(path, method, described, schemas));
  }
  for (const [name, schema] of Object.entries(schemas)) at("paths").append(shape(name, schema));
  const languages = [...new Set(Array.from(document.querySelectorAll("[data-language]"), ({ dataset }) => dataset.language))];
  at("languages").append(...languages.map((value, n) => make("label", {}, make("input", { type: "radio", name: "language", value, checked: !n }), ` ${value}`)));
  choose(languages[0]);
  at("languages").addEventListener("change", ({ target }) => choose(target.value));
}

main();
