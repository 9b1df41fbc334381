// The first view: what is wrong, then what passes, then who does the work and on whose word.

import { card, el, setClass, setText, stateMark, table } from './dom.js';
import { askGiveBack } from './dialog.js';
import { describe } from './event_text.js';
import { ago, clock, duration, percent, plural, si, whole } from './format.js';
import { gateway, isAdmin } from './gateway.js';
import { plot, sparkline } from './plot.js';
import { Series } from './rates.js';
import { dropRates, findProblems, itemText } from './verdict.js';

// Sums of rates that the tiles show, kept over changes of the view.
const flowsNow = new Series(310);
const dropsNow = new Series(310);
const busyNow = new Series(310);

export function note(what) {
  const now = performance.now();
  if (what === 'counters' && gateway.rates.series.size > 0) {
    dropsNow.add(now, dropRates().reduce((sum, { rate }) => sum + rate, 0));
  }
  if (what === 'traffic') flowsNow.add(now, [...gateway.traffic.values()].reduce((sum, each) => sum + each.flows, 0));
  if (what === 'workers') busyNow.add(now, Math.max(0, ...gateway.workers.map((each) => each.recent.busy_ratio)));
}

function bitsSeries() {
  const bytes = gateway.rates.series.get('rx_bytes');
  return bytes ? { points: bytes.points.map(([at, value]) => [at, 8 * value]), last: bytes.last * 8 } : undefined;
}

const TILES = [
  ['Received', 'packets/s', () => gateway.rates.series.get('rx_packets'), si],
  ['Received', 'bit/s', bitsSeries, si],
  ['New flows', '/s', () => gateway.rates.series.get('flows_created'), si],
  ['Flows', 'now', () => flowsNow, (value) => (value === null ? '–' : whole(value))],
  ['Dropped', 'packets/s', () => dropsNow, si],
  ['Busiest worker', 'of its time', () => busyNow, percent],
];

function tile([name, unit, series, write]) {
  const value = el('b', {}, '–');
  const spark = sparkline(180, 34);
  return {
    node: el('div', { class: 'tile' }, el('span', { class: 'name' }, name), el('span', { class: 'figure' }, value, el('small', {}, ` ${unit}`)), spark.node),
    draw(now) {
      const all = series();
      setText(value, all ? write(all.last) : '–');
      spark.draw(all, now);
    },
  };
}

function verdictText(problems) {
  if (gateway.isAnswering === false) return ['unknown', 'Not known: the gateway does not answer'];
  if (!gateway.mayAsk) return ['unknown', 'Not known: a token is needed'];
  if (gateway.services === null || gateway.sources === null) return ['unknown', 'Asking the gateway…'];
  const wrong = problems.filter((problem) => problem.level === 'wrong').length;
  if (wrong > 0) return ['wrong', wrong === 1 ? 'One thing is wrong' : `${wrong} things are wrong`];
  return problems.length > 0 ? ['attention', 'Nothing is wrong, something to know'] : ['good', 'Nothing is wrong'];
}

function verdict() {
  const title = el('h1', {});
  const facts = el('p', { class: 'muted facts' });
  const list = el('ul', { class: 'problems' });
  const node = el('section', { class: 'verdict', 'aria-live': 'polite' }, title, facts, list);
  let shown = '';
  return {
    node,
    draw() {
      const problems = gateway.isAnswering === false ? [] : findProblems();
      const [tone, text] = verdictText(problems);
      setClass(node, `verdict ${tone}`);
      setText(title, text);
      setText(facts, factsText());
      const now = JSON.stringify(problems);
      if (now === shown) return;
      shown = now;
      list.replaceChildren(...problems.map((problem) => el('li', { class: problem.level },
        problem.href ? el('a', { href: problem.href }, problem.text) : el('b', {}, problem.text),
        el('span', { class: 'muted' }, ` ${problem.detail ?? ''}`))));
    },
  };
}

function factsText() {
  if (gateway.services === null) return '';
  const reals = gateway.services.reduce((sum, service) => sum + service.reals.length, 0);
  const up = gateway.services.reduce((sum, service) => sum + service.reals.filter((real) => real.state === 'up').length, 0);
  const names = gateway.snapshot?.['dns.names'];
  return [plural(gateway.services.length, 'service'), `${whole(up)} of ${plural(reals, 'real')} up`,
    names === undefined ? '' : plural(names, 'name'),
    gateway.snapshot ? `snapshot ${whole(gateway.snapshot.version)}${gateway.snapshot.settled ? ', in force everywhere' : ', workers at ' + whole(gateway.snapshot.passed)}` : '',
  ].filter(Boolean).join('  ·  ');
}

// A part that is made anew when what it shows is another.
function part(title, make) {
  const place = el('div', {});
  let shown = null;
  return {
    node: card(title, place),
    draw() {
      const { key, node } = make();
      const text = JSON.stringify(key);
      if (text === shown) return;
      shown = text;
      const focused = place.contains(document.activeElement) ? document.activeElement.dataset.real : null;
      place.replaceChildren(node());
      if (focused) [...place.querySelectorAll('button')].find((each) => each.dataset.real === focused)?.focus();
    },
  };
}

const nothing = (text) => el('p', { class: 'muted' }, text);

function dropsPart() {
  const rows = dropRates().slice(0, 8).map(({ reason, rate, total }) => [reason.replaceAll('_', ' '), `${si(rate)}/s`, whole(total)]);
  return {
    key: rows,
    node: () => (rows.length === 0 ? nothing('No packet was dropped since the start.') : table(['Reason', 'Now', 'Since the start'], rows, 'Drops by reason')),
  };
}

function meter(share) {
  const most = Math.round(100 * Math.min(1, share));
  const bar = el('i', {});
  bar.style.width = `${most}%`;
  return el('span', { class: `meter ${share > 0.9 ? 'attention' : ''}`, 'aria-hidden': 'true' }, bar);
}

function workersPart() {
  const rows = gateway.workers.map((each) => [each.worker, each.cpu, Math.round(100 * each.recent.busy_ratio),
    Math.round(each.recent.cycles_per_packet), each.recent.busy_loop_ns.p99]);
  return {
    key: rows,
    node: () => table(['Worker', 'CPU', 'Busy', '', 'Cycles/packet', 'Loop p99'], rows.map(([worker, cpu, busy, cycles, p99]) =>
      [String(worker), String(cpu), meter(busy / 100), `${busy} %`, whole(cycles), p99 >= 1e6 ? duration(p99 / 1e6) : p99 ? `${Math.round(p99 / 1000)} µs` : '–']), 'Workers'),
  };
}

function sourcesPart() {
  // What age_ms was told plus how long ago that was.
  const old = performance.now() - (gateway.sourcesAt ?? 0);
  const rows = (gateway.sources ?? []).map((each) => [each.kind, (each.name ?? '').split('/').pop(), each.state,
    each.age_ms === undefined ? '–' : ago(each.age_ms + old), each.ignored]);
  const items = (gateway.sources ?? []).flatMap((each) => each.ignored_items).slice(0, 4).map(itemText);
  return {
    key: [rows, items],
    node: () => el('div', {}, table(['Source', 'Name', 'State', 'Heard of', 'Ignored'], rows.map(([kind, name, state, age, ignored]) =>
      [kind, name, stateMark(state), age, whole(ignored)]), 'Sources'),
    items.length === 0 ? null : el('div', { class: 'items' }, items.map((item) => el('p', { class: 'muted' }, item)))),
  };
}

function portsPart() {
  const rows = gateway.ports.map((port) => [port.name, port.link,
    si(gateway.rates.last(`port.${port.name}.rx_packets`)), si(gateway.rates.last(`port.${port.name}.tx_packets`)),
    (port.counters.rx_missed ?? 0) + (port.counters.rx_errors ?? 0) + (port.counters.tx_errors ?? 0) + (port.counters.rx_no_buffer ?? 0)]);
  return {
    key: rows,
    node: () => table(['Port', 'Link', 'In/s', 'Out/s', 'Lost'], rows.map(([name, link, rx, tx, lost]) => [name, stateMark(link), rx, tx, whole(lost)]), 'Ports'),
  };
}

function drainsPart() {
  const rows = gateway.drains;
  return {
    key: [rows, isAdmin()],
    node: () => (rows.length === 0 ? nothing('No real is taken out.') : table(['Real', 'State', 'Flows', 'Ends', ''], rows.map((each) => [
      each.real, stateMark(each.state), whole(each.flows), each.ends === null ? 'never' : clock(each.ends * 1000),
      isAdmin() ? el('button', { type: 'button', class: 'small', 'data-real': each.real, 'aria-label': `Give back ${each.real}`, onclick: () => askGiveBack(each.real) }, 'Give back…') : '',
    ]), 'Reals that are taken out')),
  };
}

function eventsPart() {
  const rows = gateway.events.slice(0, 9).map((event) => [clock(event.at_ms ?? Date.now()), describe(event)]);
  return {
    key: [rows, gateway.isStreaming],
    node: () => (rows.length === 0 ? nothing(gateway.isStreaming ? 'Nothing has happened since this page was opened.' : 'Events are not followed yet.') :
      el('ul', { class: 'events' }, rows.map(([at, [tone, text]]) => el('li', { class: tone }, el('time', {}, at), text)))),
  };
}

export function overviewView() {
  const says = verdict();
  const tiles = TILES.map(tile);
  const packets = plot('Packets per second, received, sent and dropped', [
    { name: 'received', tone: 'one', unit: '/s' }, { name: 'sent', tone: 'two', unit: '/s' }, { name: 'dropped', tone: 'bad', unit: '/s' }]);
  const flows = plot('New flows and DNS answers per second', [{ name: 'new flows', tone: 'one', unit: '/s' }, { name: 'replies of its own', tone: 'two', unit: '/s' }]);
  const parts = [['Events', eventsPart], ['Drops by reason', dropsPart], ['Workers', workersPart],
    ['Sources', sourcesPart], ['Ports', portsPart], ['Taken out', drainsPart]].map(([title, make]) => part(title, make));
  const none = new Series(1);
  const of = (name) => gateway.rates.series.get(name) ?? none;
  return {
    node: el('div', { class: 'overview' }, says.node, el('div', { class: 'tiles' }, tiles.map((each) => each.node)),
      el('div', { class: 'grid two' }, card('Packets', packets.node), card('New flows and own replies', flows.node)),
      el('div', { class: 'grid three' }, parts.map((each) => each.node))),
    draw(now) {
      says.draw();
      tiles.forEach((each) => each.draw(now));
      packets.draw([of('rx_packets'), of('tx_packets'), dropsNow], now);
      flows.draw([of('flows_created'), repliesSeries()], now);
      parts.forEach((each) => each.draw());
    },
  };
}

// The sum of what the gateway answers itself: DNS, ARP, ping.
function repliesSeries() {
  const all = [...gateway.rates.series].filter(([name]) => name.startsWith('reply.')).map(([, series]) => series.points);
  if (all.length === 0) return new Series(1);
  const sums = new Map();
  for (const [at, value] of all.flat()) sums.set(at, (sums.get(at) ?? 0) + value);
  return { points: [...sums].sort((a, b) => a[0] - b[0]) };
}
