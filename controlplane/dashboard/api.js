// The gateway's API: questions with the operator's token, and the stream of events.

const TOKEN = 'vipgate-token';
const ANSWER_MS = 8000;
// The server sends a comment each 15 seconds.
const SILENT_MS = 40000;

// An answer that is none: `status` of HTTP, or 0 where nobody answered.
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN) ?? '',
  set: (text) => (text ? sessionStorage.setItem(TOKEN, text) : sessionStorage.removeItem(TOKEN)),
};

function headers() {
  return token.get() ? { Authorization: `Bearer ${token.get()}` } : {};
}

async function ask(method, path, signal, more = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, headers: { ...headers(), ...more }, signal, cache: 'no-store' });
  } catch (error) {
    throw new Problem(0, error.name === 'TimeoutError' ? 'no answer in time' : 'nobody answers');
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, problem.detail ?? `HTTP status ${answer.status}`);
}

export async function get(path, query) {
  return (await sample(path, query)).said;
}

// What is said, and when it was so, on this page's clock: an answer may have taken long.
export async function sample(path, query = {}) {
  const said = Object.entries(query).filter(([, value]) => value !== '' && value !== undefined);
  const search = said.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const answer = await ask('GET', search ? `${path}?${search}` : path, AbortSignal.timeout(ANSWER_MS));
  const at = pageTime(answer.headers.get('Sampled-At-Ms'));
  return { said: await json(answer), at };
}

// By how much this page's clock is ahead of the gateway's: as the quickest answer shows it.
let ahead = Infinity;
export function forgetClock() {
  ahead = Infinity;
}
function pageTime(sampled) {
  const now = performance.now();
  if (sampled === null) return now;
  ahead = Math.min(ahead, now - Number(sampled));
  return Number(sampled) + ahead;
}

export async function send(method, path) {
  return json(await ask(method, path, AbortSignal.timeout(ANSWER_MS)));
}

async function json(answer) {
  try {
    return await answer.json();
  } catch {
    throw new Problem(0, 'the answer broke off');
  }
}

// Follows /api/v1/events until `signal` ends it or the stream breaks, which is thrown. EventSource cannot
// send a token. begun() is told once it is answered. `last`: { id } of the event that was had last, which is kept up to date.
export async function followEvents(last, signal, begun, take) {
  const watch = new AbortController();
  const both = AbortSignal.any([signal, watch.signal]);
  const more = last.id ? { 'Last-Event-ID': last.id } : {};
  let timer = setTimeout(() => watch.abort(), SILENT_MS);
  try {
    const answer = await ask('GET', '/api/v1/events', both, more);
    begun();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Problem(0, 'the stream of events ended');
      clearTimeout(timer);
      timer = setTimeout(() => watch.abort(), SILENT_MS);
      text += value;
      const blocks = text.split('\n\n');
      text = blocks.pop();
      for (const block of blocks) readEvent(block, last, take);
    }
  } finally {
    clearTimeout(timer);
  }
}

// WHATWG HTML 9.2.6, as far as the gateway uses it.
function readEvent(block, last, take) {
  const fields = {};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
  }
  if (fields.id) last.id = fields.id;
  if (fields.event) take({ type: fields.event, ...JSON.parse(fields.data ?? '{}') });
}
