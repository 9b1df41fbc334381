// Elements from values. Text is text: nothing here reads a string as HTML, since names come from
// clusters.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  // append() makes text nodes of strings.
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

export function el(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

export function svg(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

// Only what differs is written, so that a screen reader and a selection are left alone.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setClass(node, name) {
  if (node.getAttribute('class') !== name) node.setAttribute('class', name);
}

// A word for the state with a mark in its colour: never the colour alone.
export function stateMark(state) {
  return el('span', { class: `state ${toneOf(state)}` }, el('i', { 'aria-hidden': 'true' }), state.replace('_', ' '));
}

const WRONG = new Set(['down', 'no_real', 'stale', 'withdrawn', 'refused', 'gone', 'stuck', 'full']);
const ATTENTION = new Set(['draining', 'drained', 'leaving', 'over', 'near']);

export function toneOf(state) {
  if (WRONG.has(state)) return 'wrong';
  return ATTENTION.has(state) ? 'attention' : 'good';
}

export function card(title, ...children) {
  return el('section', { class: 'card' }, el('h2', {}, title), ...children);
}

export function field(label, input) {
  return el('label', { class: 'field' }, el('span', {}, label), input);
}

// A table of rows of cells; a cell is text or a node.
export function table(heads, rows, label) {
  return el('table', { 'aria-label': label },
    el('thead', {}, el('tr', {}, heads.map((head) => el('th', { scope: 'col' }, head)))),
    el('tbody', {}, rows.map((row) => el('tr', {}, row.map((cell) => el('td', {}, cell))))));
}
