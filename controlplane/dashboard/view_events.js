// What has happened since the page was opened.

import { el, setText } from './dom.js';
import { describe } from './event_text.js';
import { clock } from './format.js';
import { gateway } from './gateway.js';
import { textCell, VirtualList } from './virtual_list.js';

export function eventsView() {
  const search = el('input', { type: 'search', 'aria-label': 'Filter events', placeholder: 'Filter events  /', spellcheck: 'false', oninput: () => draw() });
  const count = el('span', { class: 'muted' });
  const list = new VirtualList({
    label: 'Events', keyOf: (event) => event, toneOf: (event) => describe(event)[0],
    columns: [
      { head: 'Time', class: 'time', make: textCell((event) => clock(event.at_ms ?? Date.now())) },
      { head: 'Type', class: 'word', make: textCell((event) => event.type) },
      { head: 'What happened', class: 'wide', make: textCell((event) => describe(event)[1]) },
    ],
  });
  function draw() {
    const word = search.value.toLowerCase();
    list.setItems(gateway.events.filter((event) => `${event.type} ${describe(event)[1]}`.toLowerCase().includes(word)));
    setText(count, gateway.isStreaming ? `${gateway.events.length} since this page was opened, followed live` : 'not followed at the moment');
  }
  return { node: el('div', { class: 'page' }, el('div', { class: 'bar' }, search, count), list.node), draw, search };
}
