// Plots in SVG, as few elements as they can be.

import { el, setText, svg } from './dom.js';
import { si } from './format.js';

// Above it a line is broken: what was between is not known.
const GAP_MS = 8000;

function path(points, x, y) {
  let text = '';
  let before = -Infinity;
  for (const [at, value] of points) {
    text += `${at - before > GAP_MS ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    before = at;
  }
  return text;
}

function area(points, x, y, floor) {
  const runs = [];
  let before = -Infinity;
  for (const point of points) {
    if (point[0] - before > GAP_MS) runs.push([]);
    runs[runs.length - 1].push(point);
    before = point[0];
  }
  return runs.map((run) => `${path(run, x, y)}L${x(run[run.length - 1][0]).toFixed(1)} ${floor}` +
    `L${x(run[0][0]).toFixed(1)} ${floor}Z`).join('');
}

// As much of the past as is known, in steps that a reader knows.
function spanOf(all, now, spans) {
  const first = Math.min(...all.map((series) => series.points[0]?.[0] ?? now));
  return spans.find((span) => now - first <= span) ?? spans[spans.length - 1];
}

// A line of text's height. draw(series, now) shows its last minute, or two.
export function sparkline(width, height, label) {
  const fill = svg('path', { class: 'spark-area' });
  const line = svg('path', { class: 'spark-line' });
  const node = svg('svg', {
    class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', width, height,
    role: label ? 'img' : undefined, 'aria-label': label, 'aria-hidden': label ? undefined : 'true',
  }, fill, line);
  return {
    node,
    draw(series, now) {
      const span = series ? spanOf([series], now, [60000, 120000]) : 60000;
      const points = series ? series.points.filter(([at]) => now - at < span) : [];
      const most = Math.max(...points.map(([, value]) => value), 0) || 1;
      const x = (at) => width * (1 - (now - at) / span);
      const y = (value) => height - 1 - (value / most) * (height - 3);
      line.setAttribute('d', path(points, x, y));
      fill.setAttribute('d', points.length === 0 ? '' : area(points, x, y, height));
    },
  };
}

function niceMost(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value);
}

const HEIGHT = 150;
const LEFT = 52;
const BOTTOM = 18;

// Several lines over time. lines: [{ name, tone, unit }]; draw(array of Series, now).
export function plot(label, lines) {
  const grid = svg('g', { class: 'plot-grid' });
  const drawn = lines.map((line, i) => [
    svg('path', { class: `plot-area ${line.tone} n${i}` }), svg('path', { class: `plot-line ${line.tone}` })]);
  const cross = svg('path', { class: 'plot-cross' });
  const picture = svg('svg', { class: 'plot', height: HEIGHT, role: 'img', 'aria-label': label },
    grid, drawn.flat(), cross);
  const legend = lines.map((line) => {
    const value = el('b', {}, '–');
    return { value, node: el('span', { class: `legend ${line.tone}` }, el('i', { 'aria-hidden': 'true' }), line.name, ' ', value) };
  });
  const when = el('span', { class: 'muted when' });
  const node = el('div', { class: 'plot-box' },
    el('div', { class: 'legends' }, legend.map((each) => each.node), when), picture);
  let hover = null;
  let shown = null;

  function draw(all, now) {
    shown = [all, now];
    const width = picture.clientWidth || 600;
    const span = spanOf(all, now, [60000, 120000, 300000]);
    const recent = all.map((series) => series.points.filter(([at]) => now - at < span));
    const most = niceMost(Math.max(0, ...recent.flat().map(([, value]) => value)));
    const x = (at) => LEFT + (width - LEFT - 4) * (1 - (now - at) / span);
    const y = (value) => 6 + (HEIGHT - BOTTOM - 6) * (1 - value / most);
    picture.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    grid.replaceChildren(...[0, 0.5, 1].flatMap((part) => [
      svg('path', { d: `M${LEFT} ${y(part * most)}H${width - 4}` }),
      svg('text', { x: LEFT - 8, y: y(part * most) + 4, 'text-anchor': 'end' }, si(part * most).replace('.0 ', ' ').replace('.00 ', ' '))]),
    ...[0, 0.5, 1].map((part) => svg('text', {
      x: x(now - part * span), y: HEIGHT - 3, 'text-anchor': ['end', 'middle', 'start'][part * 2],
    }, part === 0 ? 'now' : span === 60000 ? `−${part * 60} s` : `−${(part * span) / 60000} min`)));
    drawn.forEach(([fill, line], i) => {
      line.setAttribute('d', path(recent[i], x, y));
      fill.setAttribute('d', recent[i].length === 0 ? '' : area(recent[i], x, y, y(0)));
    });
    const at = hover === null ? null : now - span * (1 - Math.min(1, Math.max(0, (hover - LEFT) / (width - LEFT - 4))));
    cross.setAttribute('d', at === null ? '' : `M${x(at)} 6V${HEIGHT - BOTTOM}`);
    setText(when, at === null ? '' : `${Math.round((now - at) / 1000)} s ago`);
    legend.forEach((each, i) => {
      const point = at === null ? recent[i][recent[i].length - 1] : nearest(recent[i], at);
      setText(each.value, point ? `${si(point[1])}${lines[i].unit ?? ''}` : '–');
    });
  }
  picture.addEventListener('pointermove', (event) => {
    hover = event.offsetX;
    if (shown) draw(...shown);
  });
  picture.addEventListener('pointerleave', () => {
    hover = null;
    if (shown) draw(...shown);
  });
  return { node, draw };
}

function nearest(points, at) {
  let best = null;
  for (const point of points) {
    if (Math.abs(point[0] - at) < GAP_MS && (!best || Math.abs(point[0] - at) < Math.abs(best[0] - at))) best = point;
  }
  return best;
}
