// Corrects a line: which words its new text has, where they are, and how sure it is of them.
import { mean, textOf } from "./words.js";

export function correct(page, line, text) {
  const tokens = text.split(/\s+/).filter(Boolean);
  line.words = replaced(line, tokens);
  line.text = tokens.join(" ");
  settle(page, line);
}

export function accept(page, line) { // A person has seen that it is right.
  line.words = line.words.map((word) => ({ ...word, confidence: 1 }));
  settle(page, line);
}

export function choose(page, line, at, by) { // Another reading of a word, so many further; the rest stay in their order.
  const word = line.words[at], readings = [{ text: word.text, confidence: 0 }, ...word.alternatives];
  const [chosen, ...alternatives] = [...readings.slice(by), ...readings.slice(0, by)];
  line.words = line.words.with(at, { ...word, text: chosen.text, confidence: 1, alternatives });
  correct(page, line, line.words.map(({ text }) => text).join(" ")); // It may be two words.
}

function settle(page, line) {
  line.confidence = mean(line.words) ?? 1;
  page.confidence = mean(page.lines);
  page.text = textOf(page.lines);
}

function replaced(line, tokens) {
  const old = line.words;
  let [first, fromEnd] = same(old, tokens);
  if (first + fromEnd === old.length && tokens.length > old.length) { // New words share the place of a neighbour.
    if (first) first -= 1;
    else if (fromEnd) fromEnd -= 1;
  }
  const before = old.slice(first, old.length - fromEnd), after = tokens.slice(first, tokens.length - fromEnd);
  const places = before.length === after.length ? before : spread(line, before, after);
  const changed = after.map((text, n) => ({ ...places[n], text, confidence: before.find((word) => word.text === text)?.confidence ?? 1 }));
  return [...old.slice(0, first), ...changed, ...old.slice(old.length - fromEnd)];
}

function same(words, tokens) { // How many words are the same at the start, and at the end of the rest.
  const most = Math.min(words.length, tokens.length);
  let first = 0, fromEnd = 0;
  while (first < most && words[first].text === tokens[first]) first += 1;
  while (fromEnd < most - first && words.at(-1 - fromEnd).text === tokens.at(-1 - fromEnd)) fromEnd += 1;
  return [first, fromEnd];
}

function spread(line, before, tokens) { // Over the place of the words before, by their numbers of characters.
  const old = before.length ? before : [line];
  const turn = line.angle * Math.PI / 180, cos = Math.cos(turn), sin = Math.sin(turn);
  const along = ({ x, y }) => (x - line.x) * cos + (y - line.y) * sin;
  const start = Math.min(...old.map((word) => along(word) - word.width / 2));
  const end = Math.max(...old.map((word) => along(word) + word.width / 2));
  const down = old.reduce((sum, { x, y }) => sum + (y - line.y) * cos - (x - line.x) * sin, 0) / old.length;
  const height = Math.max(...old.map((word) => word.height)), unit = (end - start) / tokens.join(" ").length;
  let passed = 0;
  return tokens.map((text) => {
    const middle = start + (passed + text.length / 2) * unit;
    passed += text.length + 1;
    const x = line.x + middle * cos - down * sin, y = line.y + middle * sin + down * cos;
    return { x, y, width: text.length * unit, height, angle: line.angle };
  });
}
