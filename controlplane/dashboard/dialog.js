// Questions that wait for an answer, above the page. The browser keeps the focus in them, and Esc ends
// them.

import { get, Problem, send, token } from './api.js';
import { el, field, setClass, setText } from './dom.js';
import { askSoon, signedIn } from './gateway.js';

function show(label, form) {
  const before = document.activeElement;
  const dialog = el('dialog', { 'aria-label': label }, form);
  dialog.addEventListener('close', () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

const cancelButton = () => el('button', { type: 'button', class: 'quiet', onclick: (event) => event.target.closest('dialog').close() }, 'Cancel');

// Asked of who holds no token, or a wrong one; null while it is shown already.
let signIn = null;
export function askToken(why) {
  if (signIn) return;
  const input = el('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', required: true });
  const form = el('form', { method: 'dialog', onsubmit: () => { token.set(input.value.trim()); signedIn(); } },
    el('h2', {}, 'Sign in'), el('p', {}, why), field('Token', input),
    el('p', { class: 'muted' }, 'It stays in this tab until it is closed. A token of a reader shows, one of an admin may also drain.'),
    el('div', { class: 'actions' }, el('button', { class: 'primary' }, 'Sign in')));
  signIn = show('Sign in', form);
  signIn.addEventListener('close', () => { signIn = null; });
  input.focus();
}

export function isAskingToken() {
  return signIn !== null;
}

const DEADLINES = [['', 'as long as they last'], ['60', '1 minute'], ['600', '10 minutes'], ['3600', '1 hour']];

// Takes a real out, once that was confirmed.
export function askDrain(real, services) {
  const deadline = el('select', {}, DEADLINES.map(([value, text]) => el('option', { value }, text)));
  const force = el('input', { type: 'checkbox' });
  const forced = el('label', { class: 'check', hidden: true }, force, 'Drain it all the same');
  const problem = el('p', { class: 'problem', role: 'alert' });
  const form = el('form', {
    onsubmit: async (event) => {
      event.preventDefault();
      const query = [deadline.value && `deadline_s=${deadline.value}`, force.checked && 'force=true'].filter(Boolean).join('&');
      try {
        await send('PUT', `/api/v1/drains/${encodeURIComponent(real)}${query ? `?${query}` : ''}`);
        askSoon('drains', 'services', 'sources');
        dialog.close();
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        setText(problem, error.message);
        if (error.status === 409) forced.hidden = false;
      }
    },
  },
  el('h2', {}, `Drain ${real}?`),
  el('p', {}, 'It gets no new flows, whoever wants it; those that it has stay. It is a real of ', el('b', {}, services.join(', ')), '.'),
  field('Its flows stay', deadline), forced, problem,
  el('div', { class: 'actions' }, cancelButton(), el('button', { class: 'primary' }, 'Drain')));
  const dialog = show(`Drain ${real}`, form);
  form.querySelector('.primary').focus();
}

export function askGiveBack(real) {
  const problem = el('p', { class: 'problem', role: 'alert' });
  const button = el('button', { class: 'primary' }, 'Give back');
  const form = el('form', {
    onsubmit: async (event) => {
      event.preventDefault();
      try {
        await send('DELETE', `/api/v1/drains/${encodeURIComponent(real)}`);
        askSoon('drains', 'services');
        dialog.close();
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        setText(problem, error.message);
      }
    },
  }, el('h2', {}, `Give ${real} back?`), el('p', {}, 'It takes new flows again.'), problem,
  el('div', { class: 'actions' }, cancelButton(), button));
  const dialog = show(`Give ${real} back`, form);
  button.focus();
}

const KEYS = [
  ['1 – 6', 'the views'], ['/', 'the search or first box of a view'], ['↑ ↓ j k', 'in lists; also Home, End, Page Up, Page Down'],
  ['Enter', 'opens a row, sends a form'], ['Esc', 'back; leaves a box or a dialog'], ['d', 'drains the real that has the focus (admins)'], ['?', 'these keys'],
];
export function showKeys() {
  show('Keys', el('form', { method: 'dialog' }, el('h2', {}, 'Keys'),
    el('dl', { class: 'keys' }, KEYS.flatMap(([key, text]) => [el('dt', {}, el('kbd', {}, key)), el('dd', {}, text)])),
    el('div', { class: 'actions' }, el('button', { class: 'primary' }, 'Close'))));
}

// Runs a question of a form: tells the problem in `place`, and of a path that is not there `absent`.
export async function tryAsking(path, query, place, absent) {
  try {
    const said = await get(path, query);
    setText(place, '');
    return said;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const isAbsent = error.status === 404 && error.message.startsWith('there is nothing at');
    setText(place, isAbsent ? absent : error.message);
    setClass(place, isAbsent ? 'muted' : 'problem');
    return null;
  }
}
