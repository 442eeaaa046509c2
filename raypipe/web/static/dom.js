// Elements: those of the page, and new ones.

export const at = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function roving(elements, chosen) { // One of a group can be tabbed to; other keys lead to the rest.
  for (const element of elements) element.tabIndex = element === chosen ? 0 : -1;
}

export function besideSelection(element, row) { // To where the selection begins, or as far to the right as there is room.
  const selected = getSelection().getRangeAt(0).getBoundingClientRect(), { left, width } = row.getBoundingClientRect();
  element.style.left = 0; // As wide as it can be.
  element.style.left = `${Math.max(0, Math.min(selected.left - left, width - element.offsetWidth))}px`;
}
