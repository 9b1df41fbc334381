// The page: which view is shown, keys, and whether what it shows is true still.

import { askToken, isAskingToken, showKeys } from './dialog.js';
import { token } from './api.js';
import { el, setClass, setText } from './dom.js';
import { duration } from './format.js';
import { gateway, onChange, start } from './gateway.js';
import { dnsView, explainView, flowsView } from './view_ask.js';
import { eventsView } from './view_events.js';
import { note, overviewView } from './view_overview.js';
import { serviceView } from './view_service.js';
import { servicesView } from './view_services.js';

const VIEWS = [
  ['overview', 'Overview', overviewView], ['services', 'Services', () => servicesView(go)], ['flows', 'Flows', flowsView],
  ['dns', 'DNS', dnsView], ['explain', 'Explain', explainView], ['events', 'Events', eventsView],
];
// What is older is grey.
const OLD_MS = 5000;

const place = (id) => document.getElementById(id);
let view = null;
let shown = null;

// At once, so that the next key is the new view's.
function go(href) {
  location.hash = href;
  route();
}

const tabs = VIEWS.map(([name, title], i) => el('a', { href: `#/${name}`, 'aria-keyshortcuts': String(i + 1) }, el('kbd', { 'aria-hidden': 'true' }, String(i + 1)), title));
place('tabs').append(...tabs);

// A link that somebody has mistyped leads nowhere; it does not stop the page.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function route() {
  if (location.hash === shown) return;
  shown = location.hash;
  const [name, id] = location.hash.replace(/^#\//, '').split('/');
  const at = Math.max(0, VIEWS.findIndex(([each]) => each === name));
  const last = view;
  last?.end?.();
  view = name === 'services' && id ? serviceView(decoded(id)) : VIEWS[at][2]();
  tabs.forEach((tab, i) => {
    if (i === at) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  });
  document.title = `${VIEWS[at][1]} · vipgate`;
  place('view').replaceChildren(view.node);
  view.shown?.();
  if (last !== null) (view.focus ?? (() => place('view').focus({ preventScroll: true })))();
  draw();
}

function drawLink() {
  const age = performance.now() - gateway.heardAt;
  const isOld = gateway.isAnswering === false || !gateway.mayAsk || (gateway.isAnswering && age > OLD_MS);
  document.body.dataset.state = isOld ? 'old' : 'live';
  const link = place('link');
  setClass(link, `link ${isOld ? 'wrong' : 'good'}`);
  const old = gateway.heardAt > 0 ? duration(1000 * Math.max(1, Math.floor(age / 1000))) : '';
  setText(link, isOld ? (old ? `${old} old` : 'no answer') : gateway.isAnswering ? (gateway.isStreaming ? 'live' : 'live, no events') : 'connecting…');
  const banner = place('banner');
  const text = gateway.isAnswering === false ? `The gateway does not answer (${gateway.why}). ${old ? `What you see is ${old} old. ` : ''}Trying again.` :
    !gateway.mayAsk ? 'The gateway wants a token.' : '';
  setText(banner, text);
  banner.hidden = text === '';
}

function drawIdentity() {
  setText(place('node'), gateway.about ? `${gateway.about.node} · ${gateway.about.version}` : '');
  const identity = place('identity');
  identity.hidden = gateway.mayAsk && !gateway.about;
  identity.disabled = gateway.mayAsk && !token.get();
  if (!gateway.mayAsk) setText(identity, 'Sign in');
  else if (gateway.about) setText(identity, `${gateway.about.who} · ${gateway.about.role === 'admin' ? 'admin' : 'reader'}${token.get() ? ' · sign out' : ''}`);
}

function draw() {
  drawLink();
  drawIdentity();
  view.draw(performance.now());
}

onChange((what) => {
  note(what);
  if (!gateway.mayAsk) wantToken();
  view.changed?.(what);
});

function wantToken() {
  if (!isAskingToken()) askToken(token.get() ? 'The gateway does not know this token.' : 'This gateway wants a token.');
}

// Nothing of what the token showed stays.
place('identity').addEventListener('click', () => {
  if (!gateway.mayAsk) return wantToken();
  token.set('');
  location.reload();
});
place('help').addEventListener('click', showKeys);

const isTyping = (node) => node.matches('input, select, textarea');

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === 'Escape') {
    if (isTyping(event.target)) event.target.blur();
    else if (view.back) go(view.back);
    return;
  }
  if (isTyping(event.target)) return;
  if (/^[1-6]$/.test(event.key)) go(`#/${VIEWS[Number(event.key) - 1][0]}`);
  else if (event.key === '/' && view.search) view.search.focus();
  else if (event.key === '?') showKeys();
  else if (event.key === 'd' && event.target.dataset.real) event.target.click();
  else return;
  event.preventDefault();
});

window.addEventListener('hashchange', route);
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  place('view').focus();
});
route();
start();
setInterval(draw, 500);
