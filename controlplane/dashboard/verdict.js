// What is wrong, by what is known: the first thing that the page says.

import { gateway } from './gateway.js';
import { ago, endpoint, percent, plural, si } from './format.js';

const BUSY = 0.9;
// Of the packets that come in; below it, drops are the noise of the net.
const DROPS = 0.001;
const NEARLY_FULL = 0.9;
// Drops of what was never meant for a service.
const NOISE = new Set(['not_for_us', 'port_not_served']);

// [{ level: 'wrong' | 'attention', text, detail, href }], the worst first.
export function findProblems() {
  const found = [];
  const wrong = (text, detail, href) => found.push({ level: 'wrong', text, detail, href });
  const attention = (text, detail, href) => found.push({ level: 'attention', text, detail, href });
  if (gateway.about && !gateway.about.ready) {
    wrong('The gateway is not ready', 'Not all workers serve the first snapshot yet, or it is about to stop.');
  }
  lookAtServices(wrong, attention);
  for (const port of gateway.ports) {
    if (port.link !== 'up') wrong(`Port ${port.name} has no link`, port.device, '#/overview');
  }
  lookAtSources(wrong, attention);
  lookAtTraffic(wrong, attention);
  for (const [name, why] of gateway.failures) attention(`“${name}” could not be read`, why);
  if (gateway.snapshot && !gateway.snapshot.settled) {
    const lag = gateway.snapshot.version - gateway.snapshot.passed;
    if (lag > 3) attention('Workers are behind', plural(lag, 'snapshot'), '#/overview');
  }
  if (gateway.drains.length > 0) {
    attention(`${plural(gateway.drains.length, 'real')} taken out`, gateway.drains.slice(0, 4).map((each) => each.real).join(', '), '#/overview');
  }
  return found.sort((a, b) => Number(a.level !== 'wrong') - Number(b.level !== 'wrong'));
}

function named(services) {
  const names = services.slice(0, 4).map((service) => service.name ?? service.id);
  return names.join(', ') + (services.length > 4 ? ` and ${services.length - 4} more` : '');
}

function lookAtServices(wrong, attention) {
  const services = gateway.services ?? [];
  const dead = services.filter((service) => service.state === 'no_real');
  if (dead.length > 0) {
    wrong(`${plural(dead.length, 'service')} without a real`, named(dead), dead.length === 1 ? hrefOf(dead[0]) : '#/services');
  }
  // One that was taken out has no weight.
  const isDown = (real) => real.state === 'down' && real.weight !== 0;
  const hurt = services.filter((service) => service.state === 'serving' && service.reals.some(isDown));
  if (hurt.length > 0) {
    const down = hurt.flatMap((service) => service.reals.filter(isDown));
    const first = down.slice(0, 3).map(endpoint).join(', ') + (down.length > 3 ? '…' : '');
    wrong(`${plural(down.length, 'real')} down`, `${first} of ${named(hurt)}`, hurt.length === 1 ? hrefOf(hurt[0]) : '#/services');
  }
  if (gateway.refused.length > 0) {
    wrong(`${plural(gateway.refused.length, 'service')} not served as wanted`, gateway.refused[0].why, '#/overview');
  }
  const panic = gateway.counters?.['health.services_in_panic'] ?? 0;
  if (panic > 0) attention(`${plural(panic, 'service')} in panic`, 'Most reals fail their checks, so all of them are used.', '#/services');
}

export function hrefOf(service) {
  return `#/services/${encodeURIComponent(service.id)}`;
}

function lookAtSources(wrong, attention) {
  for (const source of gateway.sources ?? []) {
    const name = source.name && source.name !== source.kind ? `${source.kind} ${source.name}` : source.kind;
    const age = source.age_ms === undefined ? '' : `; heard of ${ago(source.age_ms)}`;
    if (source.state === 'stale' || source.state === 'withdrawn' || source.state === 'refused') {
      wrong(`${name} is ${source.state}`, (source.detail ?? '') + age, '#/overview');
    } else if (source.ignored > 0) {
      attention(`${plural(source.ignored, 'item')} of ${name} cannot be used`, itemText(source.ignored_items[0]), '#/overview');
    }
  }
}

// An item that cannot be used, and why.
export function itemText(item) {
  return item ? `${item.kind} ${item.item}${item.task ? ` of ${item.task}` : ''}: ${item.why}` : '';
}

function lookAtTraffic(wrong, attention) {
  for (const { table, entries, capacity, setting } of gateway.about?.tables ?? []) {
    if (entries >= capacity * NEARLY_FULL) {
      (entries >= capacity ? wrong : attention)(`${setting || table} is nearly reached`, `${entries} of ${capacity}`, '#/overview');
    }
  }
  for (const worker of gateway.workers) {
    if (worker.recent.busy_ratio > BUSY) {
      attention(`Worker ${worker.worker} is busy ${percent(worker.recent.busy_ratio)} of its time`, `CPU ${worker.cpu}`, '#/overview');
    }
  }
  const received = gateway.rates.last('rx_packets') ?? 0;
  const dropped = dropRates().filter(({ reason }) => !NOISE.has(reason));
  const sum = dropped.reduce((all, { rate }) => all + rate, 0);
  if (sum > 1 && sum > received * DROPS) {
    attention(`${si(sum)} packets/s dropped`, dropped.slice(0, 3).map(({ reason, rate }) => `${reason} ${si(rate)}/s`).join(', '), '#/overview');
  }
  for (const [name, value] of Object.entries(gateway.counters ?? {})) {
    if (name.endsWith('.exhausted') && value > 0 && gateway.rates.last(name) > 0) {
      wrong('A SNAT pool has no free port', name, '#/overview');
    }
  }
}

// [{ reason, total, rate }], the most frequent of now first.
export function dropRates() {
  return Object.entries(gateway.counters ?? {})
    .filter(([name]) => name.startsWith('drop.'))
    .map(([name, total]) => ({ reason: name.slice(5), total, rate: gateway.rates.last(name) ?? 0 }))
    .sort((a, b) => b.rate - a.rate || b.total - a.total);
}
