// One service: its reals, what each gets, and which rows of the Maglev table lead there.

import { get, Problem, sample } from './api.js';
import { card, el, setClass, setText, stateMark, svg, table } from './dom.js';
import { askDrain, askGiveBack } from './dialog.js';
import { endpoint, percent, si, whole } from './format.js';
import { gateway, isAdmin } from './gateway.js';
import { plot } from './plot.js';
import { Rates, Series } from './rates.js';

const TONES = 10;  // of reals, in the style sheet
const COLUMNS = 64;
const CELL = 9;

// The picture of the table: a cell for a row, in the colour of its real.
function maglevPicture(said) {
  const rows = Math.ceil(said.picture.length / COLUMNS);
  const cells = said.picture.map((real, i) => svg('rect', {
    class: `real${real % TONES}`, x: (i % COLUMNS) * CELL, y: Math.floor(i / COLUMNS) * CELL, width: CELL - 1, height: CELL - 1,
  }));
  return svg('svg', { class: 'maglev', viewBox: `0 0 ${COLUMNS * CELL} ${rows * CELL}`, role: 'img',
    'aria-label': said.reals.map((each) => `${each.real}: ${percent(each.rows / said.rows)}`).join(', ') }, cells);
}

// A share as a bar and in figures.
function gauge() {
  const fill = el('i', {});
  const text = el('span', {});
  return {
    node: el('span', { class: 'with-bar' }, el('span', { class: 'meter', 'aria-hidden': 'true' }, fill), text),
    show(share, tone) {
      fill.style.width = `${(100 * Math.min(1, share || 0)).toFixed(1)}%`;
      setClass(fill, tone);
      setText(text, percent(share));
    },
  };
}

export function serviceView(id) {
  const title = el('h1', {});
  const facts = el('p', { class: 'muted facts' });
  const problem = el('p', { class: 'problem', role: 'alert' });
  const traffic = plot('Bits per second of this service', [{ name: 'bit/s', tone: 'one' }]);
  const flows = plot('New flows per second of this service', [{ name: 'new flows', tone: 'two', unit: '/s' }]);
  const reals = el('div', {});
  const picture = el('div', {});
  const pictureText = el('p', { class: 'muted' });
  const rates = new Rates(60);
  const none = new Series(1);
  let figures = new Map();
  let maglev = null;
  let shown = '';  // which rows
  let rowsShown = [];
  let isAsking = false;

  const node = el('div', { class: 'page scroll' },
    el('p', { class: 'crumbs' }, el('a', { href: '#/services' }, '← Services')), el('div', {}, title, facts), problem,
    card('Reals', reals),
    el('div', { class: 'grid two' }, card('Traffic', traffic.node), card('New flows', flows.node)),
    card('Maglev table', pictureText, picture));

  async function ask() {
    if (isAsking || !gateway.isAnswering) return;
    isAsking = true;
    try {
      const [{ said, at }, rows] = await Promise.all([
        sample('/api/v1/traffic', { service: id }), get(`/api/v1/services/${encodeURIComponent(id)}/maglev`)]);
      figures = new Map(said.reals.map((each) => [each.real, each]));
      rates.add(at, Object.fromEntries(said.reals.flatMap((each) => [
        [`${each.real} packets`, each.packets], [`${each.real} bits`, 8 * each.bytes], [`${each.real} flows`, each.flows_created]])));
      setText(problem, '');
      showMaglev(rows);
      showReals();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status !== 0) setText(problem, error.message);
    }
    isAsking = false;
  }

  function showMaglev(said) {
    const isNew = JSON.stringify(said) !== JSON.stringify(maglev);
    maglev = said;
    if (!isNew) return;
    setText(pictureText, said.rows === 0 ? 'No real takes new flows: the table has no rows.' :
      `${whole(said.rows)} rows; ${said.picture.length < said.rows ? `${whole(said.picture.length)} of them, evenly chosen, ` : ''}each in the colour of its real. Checksum ${said.checksum}.`);
    picture.replaceChildren(...(said.rows === 0 ? [] : [maglevPicture(said)]));
  }

  // Its cells, and show(real, totals), which changes no more than figures: a button that is being
  // pressed stays.
  function makeRow(name, out) {
    const state = el('span', {});
    const swatch = el('i', { 'aria-hidden': 'true' });
    const [weight, packets, bits, created, flowsNow] = Array.from({ length: 5 }, () => el('span', {}));
    const [rows, share] = [gauge(), gauge()];
    let stateShown = '';
    return {
      cells: [state, el('span', {}, swatch, name), weight, rows.node, share.node, packets, bits, created, flowsNow, isAdmin() ? button(name, out) : ''],
      show(real, totals) {
        const position = maglev?.reals.findIndex((each) => each.real === name) ?? -1;
        const tone = position < 0 ? '' : `real${position % TONES}`;
        const seen = figures.get(name);
        const last = (figure) => rates.last(`${name} ${figure}`);
        if (real.state !== stateShown) state.replaceChildren(stateMark(real.state));
        stateShown = real.state;
        setClass(swatch, `swatch ${tone}`);
        setText(weight, String(real.weight));
        rows.show(maglev === null ? null : position < 0 ? 0 : maglev.reals[position].rows / maglev.rows, tone);
        share.show(totals > 0 ? (last('packets') ?? 0) / totals : null, '');
        setText(packets, si(last('packets')));
        setText(bits, si(last('bits')));
        setText(created, si(last('flows')));
        setText(flowsNow, seen ? whole(seen.flows) : '–');
      },
    };
  }

  function button(name, out) {
    const word = out ? 'Give back…' : 'Drain…';
    const services = () => (gateway.services ?? []).filter((each) => each.reals.some((real) => endpoint(real) === name)).map((each) => each.name ?? each.id);
    return el('button', { type: 'button', class: 'small', 'data-real': name, 'aria-label': `${out ? 'Give back' : 'Drain'} ${name}`,
      onclick: () => (out ? askGiveBack(out.real) : askDrain(name, services())) }, word);
  }

  function showReals() {
    const service = gateway.serviceById.get(id);
    if (!service) return;
    const names = service.reals.map(endpoint);
    const outs = service.reals.map((real, i) => gateway.drains.find((each) => each.real === names[i] || each.real === real.address));
    const key = JSON.stringify([names, outs.map((out) => out?.real), isAdmin()]);
    if (key !== shown) makeTable(names, outs);
    shown = key;
    const totals = names.reduce((sum, name) => sum + (rates.last(`${name} packets`) ?? 0), 0);
    service.reals.forEach((real, i) => rowsShown[i].show(real, totals));
  }

  function makeTable(names, outs) {
    rowsShown = names.map((name, i) => makeRow(name, outs[i]));
    const focused = reals.contains(document.activeElement) ? document.activeElement.dataset.real : null;
    reals.replaceChildren(names.length === 0 ? el('p', { class: 'problem' }, 'It has no reals.') :
      table(['State', 'Real', 'Weight', 'Rows', 'Packets now', 'Packets/s', 'bit/s', 'New flows/s', 'Flows', ''], rowsShown.map((row) => row.cells), 'Reals'));
    if (focused) [...reals.querySelectorAll('button')].find((each) => each.dataset.real === focused)?.focus();
  }

  function showService() {
    const service = gateway.serviceById.get(id);
    if (!service) {
      setText(title, id);
      setText(facts, gateway.services === null ? 'asking…' : 'There is no such service (any longer).');
      return;
    }
    title.replaceChildren(service.name ?? service.id, ' ', stateMark(service.state));
    setText(facts, [service.id, service.fqdn, `mode ${service.mode}`, `from ${service.origin}`].filter(Boolean).join('  ·  '));
    showReals();
  }

  showService();
  const timer = setInterval(ask, 2000);
  ask();
  return {
    node,
    focus: () => node.querySelector('.crumbs a').focus(),
    back: '#/services',
    end: () => clearInterval(timer),
    changed(what) {
      if (['services', 'drains', 'gateway'].includes(what)) showService();
      if (what === 'services' || what === 'drains') ask();
    },
    draw(now) {
      traffic.draw([gateway.serviceRates.series.get(`${id} bits`) ?? none], now);
      flows.draw([gateway.serviceRates.series.get(`${id} flows`) ?? none], now);
    },
  };
}
