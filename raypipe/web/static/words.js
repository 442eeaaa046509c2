// What lines and words say, and how sure it is.

const DOUBTFUL = 0.8; // Words with a lower confidence are marked.

export const isDoubtful = (word) => word.confidence < DOUBTFUL;

export function mean(items) { // Of their confidences, over their characters.
  const count = items.reduce((sum, { text }) => sum + text.length, 0);
  return count ? items.reduce((sum, { text, confidence }) => sum + text.length * confidence, 0) / count : null;
}

export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function rows(lines) { // Those side by side, such as the fields of a form, are together.
  const found = [];
  for (const line of lines) {
    if (found.at(-1)?.[0].row === line.row) found.at(-1).push(line);
    else found.push([line]);
  }
  return found;
}

export function textOf(lines) {
  const texts = rows(lines).map((row) => row.map(({ text }) => text).filter(Boolean).join(" "));
  return texts.filter(Boolean).join("\n");
}
