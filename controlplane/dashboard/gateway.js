// What is known of the gateway, how old it is, and how it is kept so: questions in their turn, and
// the stream of events, which brings forward those whose answers have changed.

import { followEvents, forgetClock, Problem, sample } from './api.js';
import { Rates } from './rates.js';

const HISTORY = 310;  // seconds of plots
const MANY = 2000;    // services, above which their lists are asked for less often

export const gateway = {
  isAnswering: null,  // null: not asked yet
  why: '',            // nobody answers
  heardAt: 0,         // when it answered last
  mayAsk: true,       // false: the token is missing or wrong
  about: null,        // node, version, who, role, tables
  counters: null,
  workers: [],
  ports: [],
  sources: null,
  refused: [],
  snapshot: null,
  services: null,     // as they are told
  serviceById: new Map(),
  traffic: new Map(),  // by service
  drains: [],
  failures: new Map(),  // what could not be read, and why
  events: [],           // newest first
  isStreaming: false,
  rates: new Rates(HISTORY),
  serviceRates: new Rates(60),     // "ID figure"
};

export const isAdmin = () => gateway.about?.role === 'admin';

const listeners = new Set();
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
function tell(what) {
  for (const listener of listeners) listener(what);
}

const questions = [
  { name: 'gateway', every: 15000, take: (said) => { gateway.about = said; } },
  { name: 'counters', every: 1000, take: takeCounters },
  { name: 'workers', every: 1000, take: (said) => { gateway.workers = said.workers; } },
  { name: 'traffic', every: 2000, slow: 5000, take: takeTraffic },
  { name: 'services', every: 4000, slow: 20000, take: takeServices },
  { name: 'snapshot', every: 2000, take: (said) => { gateway.snapshot = said; } },
  { name: 'ports', every: 3000, take: (said) => { gateway.ports = said.ports; } },
  { name: 'sources', every: 3000, take: takeSources },
  { name: 'drains', every: 3000, take: (said) => { gateway.drains = said.drains; } },
];
for (const question of questions) Object.assign(question, { dueAt: 0, askedAt: -Infinity, isOpen: false });

function takeCounters(said, at) {
  // Another process counts from zero.
  if (said.loops < gateway.counters?.loops) {
    gateway.rates.beginAnew();
    gateway.serviceRates.beginAnew();
  }
  gateway.counters = said;
  gateway.rates.add(at, said);
}
function takeSources(said, at) {
  gateway.sources = said.sources;
  gateway.sourcesAt = at;
  gateway.refused = said.refused;
}
function takeServices(said) {
  gateway.services = said.services;
  gateway.serviceById = new Map(said.services.map((service) => [service.id, service]));
}
function takeTraffic(said, at) {
  const values = {};
  gateway.traffic = new Map(said.services.map((each) => [each.id, each]));
  for (const each of said.services) {
    values[`${each.id} bits`] = 8 * (each.forward_bytes + each.return_bytes);
    values[`${each.id} packets`] = each.forward_packets + each.return_packets;
    values[`${each.id} flows`] = each.flows_created;
    values[`${each.id} refused`] = each.no_real + each.over_limit;
  }
  gateway.serviceRates.add(at, values);
}

// What has changed is asked for at once, long lists not too often.
export function askSoon(...names) {
  const now = performance.now();
  for (const question of questions) {
    if (!names.includes(question.name)) continue;
    const gap = isMany() && question.slow ? 4000 : 300;
    question.dueAt = Math.min(question.dueAt, Math.max(now, question.askedAt + gap));
  }
}

const isMany = () => (gateway.services?.length ?? 0) > MANY;
const periodOf = (question) => (isMany() && question.slow ? question.slow : question.every);

async function ask(question) {
  question.isOpen = true;
  question.askedAt = performance.now();
  question.dueAt = question.askedAt + periodOf(question);
  try {
    const { said, at } = await sample(`/api/v1/${question.name}`);
    question.take(said, at);
    gateway.failures.delete(question.name);
    heard();
    tell(question.name);
  } catch (error) {
    failed(question.name, error);
  } finally {
    question.isOpen = false;
  }
}

function heard() {
  gateway.heardAt = performance.now();
  gateway.mayAsk = true;
  if (gateway.isAnswering) return;
  gateway.isAnswering = true;
  forgetClock();
  askSoon(...questions.map((question) => question.name));
  tell('link');
}

function failed(name, error) {
  if (!(error instanceof Problem)) {
    gateway.failures.set(name, `this page could not read it: ${error.message}`);
    tell(name);
    throw error;
  }
  if (error.status === 401) {
    gateway.mayAsk = false;
    tell('link');
  } else if (error.status === 0) {
    gateway.isAnswering = false;
    gateway.why = error.message;
    tell('link');
  } else {
    gateway.failures.set(name, error.message);
    tell(name);
  }
}

// While nobody answers, one question is enough.
function turn() {
  if (document.hidden) return;
  const now = performance.now();
  if (!gateway.mayAsk) return;
  if (gateway.isAnswering) {
    questions.filter((question) => !question.isOpen && now >= question.dueAt).forEach(ask);
  } else if (!questions[0].isOpen && now - questions[0].askedAt >= 1000) {
    ask(questions[0]);
  }
}

// --- events

const KEPT_EVENTS = 500;
const last = { id: '' };
let stream = null;

function takeEvent(event) {
  gateway.events.unshift(event);
  gateway.events.length = Math.min(gateway.events.length, KEPT_EVENTS);
  if (event.type === 'real') takeReal(event);
  if (['snapshot', 'real', 'more_reals', 'missed', 'reload'].includes(event.type)) {
    if (event.type !== 'snapshot' || !isKnown(event)) askSoon('services');
    askSoon('snapshot', 'drains');
  }
  if (event.type === 'source' || event.type === 'reload') askSoon('sources');
  if (event.type === 'port') askSoon('ports');
  if (['limit', 'ready', 'stopping'].includes(event.type)) askSoon('gateway');
  tell('events');
}

function isKnown(event) {
  return gateway.services !== null && event.services === gateway.services.length;
}

// At once: the list may take its time.
function takeReal(event) {
  const service = gateway.serviceById.get(event.service);
  const real = service?.reals.find((each) =>
    event.real === `${each.address}:${each.port}` || event.real === `[${each.address}]:${each.port}`);
  if (real === undefined || event.state === 'gone') return;
  real.state = event.state;
  if (service.state !== 'leaving') {
    service.state = service.reals.some((each) => each.state === 'up' && each.weight > 0) ? 'serving' : 'no_real';
  }
  tell('services');
}

async function follow() {
  for (;;) {
    let wait = 500;
    if (gateway.isAnswering && gateway.mayAsk && !document.hidden) {
      stream = new AbortController();
            // A refusal (too many listen) will last longer than a break.
      wait = await followEvents(last, stream.signal, () => { gateway.isStreaming = true; }, takeEvent).catch((error) => (error.status > 0 ? 5000 : 500));
      gateway.isStreaming = false;
    }
    await new Promise((resolve) => { setTimeout(resolve, wait); });
  }
}

// A browser has six connections for all tabs of a host: one that is not looked at holds none.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) stream?.abort();
  else askSoon(...questions.map((question) => question.name));
});

export function signedIn() {
  stream?.abort();
  gateway.mayAsk = true;
  gateway.about = null;
  askSoon(...questions.map((question) => question.name));
}

export function start() {
  setInterval(turn, 100);
  follow();
}
