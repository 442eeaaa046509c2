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
