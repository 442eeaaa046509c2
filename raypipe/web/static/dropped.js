// What was dropped on the page: files, and those in folders that a server reads by their names, as `raypipe run` lists them.

export async function dropped(items, suffixes) {
  const given = [...items].filter(({ kind }) => kind === "file").map((item) => [item.webkitGetAsEntry(), item.getAsFile()]); // Soon they are gone.
  const found = await Promise.all(given.map(([entry, file]) => entry?.isDirectory ? inside(entry, suffixes) : file));
  return found.flat();
}

async function inside(folder, suffixes) {
  const entries = (await all(folder.createReader())).sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  const found = await Promise.all(entries.map((entry) => entry.isDirectory ? inside(entry, suffixes) : file(entry)));
  return found.flat().filter(({ name }) => !name.startsWith(".") && suffixes.some((suffix) => name.toLowerCase().endsWith(suffix)));
}

async function all(reader) { // It tells some at a time.
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...some);
  }
}

const file = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
