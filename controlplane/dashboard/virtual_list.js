// A list of any length with as many rows in the page as can be seen.

import { el, setClass } from './dom.js';

const ROW_PX = 34;
const BEYOND = 6;  // rows above and below what is seen
let lists = 0;

export class VirtualList {
  // columns: [{ head, class, sort, make() → {node, show(item)} }]; `keyOf` tells items apart; onOpen(item).
  constructor({ label, columns, keyOf, onOpen, onSort, toneOf = () => '' }) {
    Object.assign(this, { columns, keyOf, onOpen, toneOf });
    this.id = `list${lists++}`;
    this.items = [];
    this.active = -1;
    this.activeKey = null;
    this.pool = [];
    this.heads = columns.map((column) => this.head(column, onSort));
    this.space = el('div', { class: 'list-space', role: 'presentation' });
    this.body = el('div', {
      class: 'list-body', tabindex: '0', role: 'grid', 'aria-label': label,
      onkeydown: (event) => this.key(event), onscroll: () => this.later(),
      onclick: (event) => this.click(event), onfocus: () => this.focused(),
    }, this.space);
    this.node = el('div', { class: 'list' }, el('div', { class: 'list-head' }, this.heads), this.body);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.body);
  }

  head(column, onSort) {
    if (!column.sort) return el('span', { class: `cell ${column.class ?? ''}` }, column.head);
    return el('button', { class: `cell ${column.class ?? ''}`, type: 'button', onclick: () => onSort(column.sort) }, column.head);
  }

  markSort(name) {
    this.columns.forEach((column, i) => {
      if (column.sort) this.heads[i].setAttribute('aria-pressed', String(column.sort === name));
    });
  }

  // The active row stays the same item, wherever it has gone.
  setItems(items) {
    this.items = items;
    this.body.setAttribute('aria-rowcount', String(items.length));
    this.space.style.height = `${items.length * ROW_PX}px`;
    if (this.activeKey !== null) {
      const at = items.findIndex((item) => this.keyOf(item) === this.activeKey);
      this.active = at >= 0 ? at : Math.min(this.active, items.length - 1);
    }
    this.draw();
  }

  later() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.draw();
    });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.body.scrollTop / ROW_PX) - BEYOND);
    const count = Math.min(this.items.length - first, Math.ceil(this.body.clientHeight / ROW_PX) + 2 * BEYOND);
    while (this.pool.length < count) this.pool.push(this.makeRow());
    this.pool.forEach((row, i) => {
      const isUsed = i < count;
      if (isUsed !== row.isShown) {
        row.isShown = isUsed;
        if (isUsed) this.space.append(row.node);
        else row.node.remove();
      }
      if (isUsed) this.show(row, first + i);
    });
    const isShown = this.active >= first && this.active < first + count;
    if (isShown) this.body.setAttribute('aria-activedescendant', `${this.id}-${this.active}`);
    else this.body.removeAttribute('aria-activedescendant');
  }

  makeRow() {
    const cells = this.columns.map((column) => column.make());
    const node = el('div', { class: 'row', role: 'row' }, cells.map((cell, i) =>
      el('span', { class: `cell ${this.columns[i].class ?? ''}`, role: 'gridcell' }, cell.node)));
    return { node, cells, isShown: false };
  }

  show(row, index) {
    row.index = index;
    const item = this.items[index];
    row.node.id = `${this.id}-${index}`;
    row.node.style.transform = `translateY(${index * ROW_PX}px)`;
    row.node.setAttribute('aria-rowindex', String(index + 1));
    row.node.setAttribute('aria-selected', String(index === this.active));
    setClass(row.node, `row ${this.toneOf(item)} ${index === this.active ? 'active' : ''}`);
    for (const cell of row.cells) cell.show(item);
  }

  focused() {
    if (this.active < 0 && this.items.length > 0) this.go(Math.floor(this.body.scrollTop / ROW_PX));
  }

  go(index) {
    this.active = Math.max(0, Math.min(index, this.items.length - 1));
    if (this.items.length === 0) return;
    this.activeKey = this.keyOf(this.items[this.active]);
    const top = this.active * ROW_PX;
    if (top < this.body.scrollTop) this.body.scrollTop = top;
    const room = this.body.clientHeight - ROW_PX;
    if (top > this.body.scrollTop + room) this.body.scrollTop = top - room;
    this.draw();
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.body.clientHeight / ROW_PX) - 1);
    const moves = {
      ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page,
      PageUp: this.active - page, Home: 0, End: this.items.length - 1, j: this.active + 1, k: this.active - 1,
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) this.go(moves[event.key]);
    else if (event.key === 'Enter' && this.items[this.active] && this.onOpen) this.onOpen(this.items[this.active]);
    else return;
    event.preventDefault();
  }

  click(event) {
    const row = this.pool.find((each) => each.isShown && each.node.contains(event.target));
    if (!row) return;
    this.go(row.index);
    if (this.onOpen) this.onOpen(this.items[row.index]);
  }
}

// Of a cell that is text.
export function textCell(read, name = '') {
  return () => {
    const node = el('span', { class: name });
    return {
      node,
      show(item) {
        const text = String(read(item) ?? '');
        if (node.textContent !== text) {
          node.textContent = text;
          node.title = text;
        }
      },
    };
  };
}
