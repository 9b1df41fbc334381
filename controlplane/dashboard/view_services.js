// All services: ten thousand are a list like ten.

import { el, setClass, setText, stateMark, svg, toneOf } from './dom.js';
import { percent, plural, si, whole } from './format.js';
import { gateway } from './gateway.js';
import { sparkline } from './plot.js';
import { hrefOf } from './verdict.js';
import { textCell, VirtualList } from './virtual_list.js';

const rank = { no_real: 0, serving: 2, leaving: 3 };
const rateOf = (service, figure) => gateway.serviceRates.last(`${service.id} ${figure}`) ?? 0;
const isHurt = (service) => service.reals.some((real) => real.state !== 'up');

// What stands first has the least. What is wrong comes before what is busy.
const HIGHEST_RATE = 1e15;
const ORDERS = {
  state: (service) => rankOf(service) * HIGHEST_RATE - rateOf(service, 'bits'),
  bits: (service) => -rateOf(service, 'bits'),
  packets: (service) => -rateOf(service, 'packets'),
  flows: (service) => -(gateway.traffic.get(service.id)?.flows ?? 0),
};
const alphabet = new Intl.Collator('en', { numeric: true });

// The gateway tells them by address.
function sorted(services) {
  if (order === 'vip') return services;
  if (order === 'name') return services.sort((a, b) => alphabet.compare(a.name ?? '\uffff', b.name ?? '\uffff'));
  const keys = new Map(services.map((service) => [service, ORDERS[order](service)]));
  return services.sort((a, b) => keys.get(a) - keys.get(b));
}

function rankOf(service) {
  return service.state === 'serving' && isHurt(service) ? 1 : rank[service.state] ?? 2;
}

// Kept while other views are shown.
let order = 'state';
let word = '';

function matches(service, words) {
  const text = `${service.name ?? ''} ${service.id} ${service.state} ${service.mode} ${service.origin}`.toLowerCase();
  return words.every((each) => text.includes(each) || service.reals.some((real) => `${real.address}:${real.port} ${real.state}`.includes(each)));
}

function stateCell() {
  const node = el('span', {});
  let shown = '';
  return {
    node,
    show(service) {
      if (service.state === shown) return;
      shown = service.state;
      node.replaceChildren(stateMark(service.state));
    },
  };
}

// How many of its reals are in which state, as a bar in three parts and in figures.
function realsCell() {
  const bars = ['good', 'attention', 'wrong'].map((tone) => svg('rect', { class: tone, y: 3, height: 6, rx: 1 }));
  const picture = svg('svg', { width: 60, height: 12, 'aria-hidden': 'true', class: 'share' }, bars);
  const text = el('span', {});
  return {
    node: el('span', { class: 'reals' }, picture, text),
    show(service) {
      const counts = [0, 0, 0];
      for (const real of service.reals) counts[['good', 'attention', 'wrong'].indexOf(toneOf(real.state))] += 1;
      let x = 0;
      bars.forEach((bar, i) => {
        const width = service.reals.length === 0 ? 0 : (60 * counts[i]) / service.reals.length;
        bar.setAttribute('x', x.toFixed(1));
        bar.setAttribute('width', Math.max(0, width - (width < 60 && width > 0 ? 1 : 0)).toFixed(1));
        x += width;
      });
      setText(text, `${counts[0]}/${service.reals.length}`);
      setClass(text, counts[2] > 0 || service.reals.length === 0 ? 'wrong' : '');
    },
  };
}

function sparkCell() {
  const spark = sparkline(90, 22);
  return { node: spark.node, show: (service) => spark.draw(gateway.serviceRates.series.get(`${service.id} bits`), performance.now()) };
}

const figure = (read) => textCell((service) => (gateway.serviceRates.values === null ? '–' : read(service)), 'number');

export function servicesView(go) {
  const search = el('input', { type: 'search', 'aria-label': 'Filter services', placeholder: 'Filter by name, address, state…  /', spellcheck: 'false', value: word,
    oninput: () => { word = search.value; refresh(); },
    onkeydown: (event) => { if (event.key === 'Enter' || event.key === 'ArrowDown') { list.body.focus(); event.preventDefault(); } } });
  const count = el('span', { class: 'muted', role: 'status' });
  const list = new VirtualList({
    label: 'Services', keyOf: (service) => service.id, toneOf: (service) => (toneOf(service.state) === 'wrong' ? 'wrong' : ''),
    onOpen: (service) => go(hrefOf(service)), onSort: (name) => { order = name; refresh(); },
    columns: [
      { head: 'State', class: 'word', sort: 'state', make: stateCell },
      { head: 'Name', class: 'wide', sort: 'name', make: textCell((service) => service.name ?? '(no name)') },
      { head: 'Address', class: 'address', sort: 'vip', make: textCell((service) => service.id) },
      { head: 'Mode', class: 'short', make: textCell((service) => service.mode) },
      { head: 'Reals up', class: 'share', make: realsCell },
      { head: 'bit/s', class: 'number', sort: 'bits', make: figure((service) => si(rateOf(service, 'bits'))) },
      { head: 'packets/s', class: 'number', sort: 'packets', make: figure((service) => si(rateOf(service, 'packets'))) },
      { head: 'flows', class: 'number', sort: 'flows', make: figure((service) => whole(gateway.traffic.get(service.id)?.flows ?? 0)) },
      { head: 'two minutes', class: 'spark', make: sparkCell },
    ],
  });
  function refresh() {
    const words = word.toLowerCase().split(/\s+/).filter(Boolean);
    const all = gateway.services ?? [];
    const found = words.length === 0 ? [...all] : all.filter((service) => matches(service, words));
    list.setItems(sorted(found));
    list.markSort(order);
    const up = found.filter((service) => service.state === 'serving').length;
    setText(count, gateway.services === null ? 'asking…' : `${plural(found.length, 'service')}${words.length ? ` of ${whole(all.length)}` : ''}, ${percent(found.length ? up / found.length : 1)} serving`);
  }
  refresh();
  return {
    node: el('div', { class: 'page' }, el('div', { class: 'bar' }, search, count), list.node),
    search,
    focus: () => list.body.focus({ preventScroll: true }),
    draw() { },
    changed(what) {
      if (what === 'services' || what === 'traffic') refresh();
    },
  };
}
