// Events in words.

import { toneOf } from './dom.js';
import { plural } from './format.js';

const WORDS = {
  snapshot: (event) => ['', `snapshot ${event.version}: ${plural(event.services, 'service')}, ${plural(event.reals, 'real')}`],
  real: (event) => [toneOf(event.state), `${event.real} of ${event.service} is ${event.state}`],
  more_reals: (event) => ['', `${plural(event.count, 'more real')} changed`],
  source: (event) => [toneOf(event.state), `source ${event.source} is ${event.state}`],
  port: (event) => [toneOf(event.link), `port ${event.port} is ${event.link}`],
  workers: (event) => [toneOf(event.state), `workers are ${event.state}`],
  limit: (event) => [toneOf(event.state), `${event.what}: ${event.state === 'far' ? 'far from its limit again' : `${event.state} its limit`}`],
  flood: (event) => [event.state === 'over' ? 'good' : 'attention', `${event.what}: ${event.detail ?? ''}`],
  reload: (event) => [event.state === 'failed' || event.state === 'refused' ? 'wrong' : '', `reload: ${event.state} ${event.detail ?? ''}`],
  ready: () => ['good', 'ready: all workers serve'],
  stopping: () => ['wrong', 'the gateway stops'],
  missed: () => ['attention', 'more has happened than the gateway keeps'],
};

// [tone, text]; one of a kind that is not known is told as it came.
export function describe(event) {
  const word = WORDS[event.type];
  if (word) return word(event);
  const { type, at_ms: _, ...rest } = event;
  return ['', `${type} ${JSON.stringify(rest)}`];
}
