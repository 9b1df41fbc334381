// The views that ask one question at a time: flows, DNS, and what a packet would get.

import { card, el, field, setText, table } from './dom.js';
import { tryAsking } from './dialog.js';
import { duration, whole } from './format.js';
import { textCell, VirtualList } from './virtual_list.js';

const box = (name, placeholder, more = {}) => el('input', { name, placeholder, spellcheck: 'false', autocomplete: 'off', ...more });
const choice = (name, values) => el('select', { name }, values.map(([value, text]) => el('option', { value }, text)));

// A form whose fields become the query; answer(query) is told of each that is sent.
function asking(fields, word, answer) {
  const button = el('button', { class: 'primary' }, word);
  const form = el('form', {
    class: 'asking',
    onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      const said = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
      await answer(Object.fromEntries(said));
      button.disabled = false;
    },
  }, fields, button);
  return form;
}

export function flowsView() {
  const problem = el('p', { class: 'problem', role: 'alert' });
  const count = el('p', { class: 'muted', role: 'status' }, 'Flows are looked up when you ask. Without filters: the first of all.');
  const list = new VirtualList({
    label: 'Flows', keyOf: (flow) => `${flow.worker} ${flow.protocol} ${flow.source} ${flow.destination}`,
    columns: [
      { head: 'Protocol', class: 'short', make: textCell((flow) => flow.protocol) },
      { head: 'Client', class: 'address', make: textCell((flow) => flow.source) },
      { head: 'Destination', class: 'address', make: textCell((flow) => flow.destination) },
      { head: 'Real', class: 'address', make: textCell((flow) => flow.real) },
      { head: 'By way of', class: 'address', make: textCell((flow) => flow.snat ?? '') },
      { head: 'State', class: 'word', make: textCell((flow) => flow.state) },
      { head: 'Idle', class: 'number', make: textCell((flow) => (flow.idle_ms === undefined ? '' : duration(flow.idle_ms))) },
      { head: 'Service', class: 'wide', make: textCell((flow) => flow.service) },
      { head: 'Worker', class: 'short', make: textCell((flow) => flow.worker) },
    ],
  });
  const source = box('source', '192.0.2.0/24 or 192.0.2.1:40000');
  const form = asking([
    field('Client', source), field('Destination', box('destination', '11.0.0.1:6379')), field('Real', box('real', '10.1.0.10 or with :port')),
    field('Protocol', choice('protocol', [['', 'any'], ['tcp', 'TCP'], ['udp', 'UDP'], ['sctp', 'SCTP']])),
    field('State', choice('state', [['', 'any'], ...['embryonic', 'one_way', 'replied', 'established', 'closing'].map((state) => [state, state])])),
    field('At most', choice('limit', [['100', '100'], ['1000', '1 000'], ['10000', '10 000']]))], 'Find', async (query) => {
    const said = await tryAsking('/api/v1/flows', query, problem, 'This gateway does not tell flows.');
    list.setItems(said?.flows ?? []);
    setText(count, said ? `${whole(said.matched)} of ${whole(said.looked_at)} flows match${said.flows.length < said.matched ? `; ${whole(said.flows.length)} are shown` : ''}` : '');
  });
  return { node: el('div', { class: 'page' }, form, problem, count, list.node), search: source, draw() { } };
}

export function explainView() {
  const problem = el('p', { class: 'problem', role: 'alert' });
  const answer = el('div', { role: 'status' });
  const source = box('source', '192.0.2.1:40000', { required: true });
  const form = asking([
    field('Protocol', choice('protocol', [['tcp', 'TCP'], ['udp', 'UDP'], ['sctp', 'SCTP']])),
    field('From', source), field('To', box('destination', '11.0.0.1:6379', { required: true })), field('At port', box('port', 'any'))], 'Explain', async (query) => {
    const said = await tryAsking('/api/v1/explain', query, problem, 'This gateway does not explain packets.');
    answer.replaceChildren(...(said ? [card('What this packet gets',
      el('ol', { class: 'steps' }, said.lines.map((line) => el('li', line.word === 'verdict' ? { class: 'final' } : {}, el('b', {}, line.word), el('span', {}, line.text)))))] : []));
  });
  return { node: el('div', { class: 'page scroll' }, el('p', { class: 'muted' }, 'Follows one packet, which is not sent, through the running tables.'), form, problem, answer), search: source, draw() { } };
}

const recordRow = (record) => [record.name, record.type, `${record.ttl_s} s`, record.data];

function answerCard(said) {
  const facts = said.forwarded ? 'Resolvers would be asked, which is not done here.' : `${said.rcode} · ${said.flags.join(' ')}`;
  const parts = ['answer', 'authority', 'additional'].filter((part) => said[part]?.length);
  return card(`${said.name} ${said.type}`, el('p', { class: `rcode ${said.rcode === 'NOERROR' ? 'good' : 'attention'}` }, facts),
    parts.map((part) => [el('h3', {}, part), table(['Name', 'Type', 'TTL', 'Data'], said[part].map(recordRow), part)]),
    parts.length === 0 && !said.forwarded ? el('p', { class: 'muted' }, 'No records.') : null);
}

const TYPES = ['A', 'AAAA', 'SRV', 'PTR', 'ANY', 'SOA', 'NS', 'TXT'].map((type) => [type, type]);

export function dnsView() {
  const problem = el('p', { class: 'problem', role: 'alert' });
  const answer = el('div', { role: 'status' });
  const name = box('name', 'redis.marathon.mesos', { required: true });
  const form = asking([field('Name', name), field('Type', choice('type', TYPES)), field('Client', box('client', '127.0.0.1'))], 'Ask', async (query) => {
    const said = await tryAsking('/api/v1/dns/query', query, problem, 'This gateway does not answer DNS here.');
    answer.replaceChildren(...(said ? [answerCard(said)] : []));
  });
  const listProblem = el('p', { class: 'problem', role: 'alert' });
  const count = el('p', { class: 'muted', role: 'status' });
  const list = new VirtualList({
    label: 'Records', keyOf: (record) => `${record.name} ${record.type} ${record.data}`,
    onOpen: (record) => { name.value = record.name; form.elements.type.value = TYPES.some(([type]) => type === record.type) ? record.type : 'ANY'; form.requestSubmit(); },
    columns: [
      { head: 'Name', class: 'wide', make: textCell((record) => record.name) }, { head: 'Type', class: 'short', make: textCell((record) => record.type) },
      { head: 'TTL', class: 'number', make: textCell((record) => `${record.ttl_s} s`) }, { head: 'Data', class: 'wide', make: textCell((record) => record.data) },
    ],
  });
  const records = asking([field('Records below', box('zone', 'mesos')), field('At most', choice('limit', [['100', '100'], ['1000', '1 000'], ['100000', '100 000']]))], 'List', async (query) => {
    const said = await tryAsking('/api/v1/dns/records', query, listProblem, 'This gateway does not tell records.');
    list.setItems(said?.records ?? []);
    setText(count, said ? `${whole(said.total)} records${said.records.length < said.total ? `, the first ${whole(said.records.length)} are shown` : ''}` : '');
  });
  return { node: el('div', { class: 'page scroll' }, form, problem, answer, records, listProblem, count, list.node), search: name, shown: () => records.requestSubmit(), draw() { } };
}
