// The description of the API, written from openapi.json.
"use strict";

function element(tag, text, ...children) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function table(head, rows) {
  const line = (cells, tag) => element("tr", "", ...cells.map((cell) => element(tag, cell)));
  const wide = element("div", "", element("table", "", line(head, "th"), ...rows.map((row) => line(row, "td"))));
  wide.className = "wide"; // On a narrow screen it scrolls on its own.
  wide.tabIndex = 0;
  return wide;
}

function kind(schema) {
  const options = (schema.anyOf ?? [schema]).filter((one) => one.type !== "null");
  return options.map((one) => one.enum?.join(" | ") ?? one.$ref?.split("/").pop() ?? one.type ?? "").join(" | ");
}

function operation(path, method, described) {
  const section = element("section", "", element("h2", `${method.toUpperCase()} ${path}`), element("p", described.description));
  const parameters = described.parameters ?? [];
  if (parameters.length) {
    section.append(element("h3", "Options"), table(["name", "values", "default", "what"], parameters.map((one) =>
      [one.name, kind(one.schema), String(one.schema.default ?? ""), one.description ?? one.schema.description ?? ""])));
  }
  if (described.requestBody) section.append(element("h3", "Body"), element("p", Object.keys(described.requestBody.content).join(", ")));
  section.append(element("h3", "Answers"), table(["status", "what", "type"], Object.entries(described.responses).map(
    ([status, answer]) => [status, answer.description, Object.keys(answer.content ?? {}).join(", ")])));
  return section;
}

function shape(name, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([field, one]) => [field, kind(one), one.description ?? ""]);
  return element("section", "", element("h2", name), element("p", schema.description), table(["field", "type", "what"], rows));
}

async function main() {
  document.getElementById("base").textContent = new URL(".", location).href;
  const api = await (await fetch("openapi.json")).json();
  const main = document.getElementById("paths");
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, described] of Object.entries(methods)) main.append(operation(path, method, described));
  }
  for (const [name, schema] of Object.entries(api.components.schemas)) main.append(shape(name, schema));
}

main();
