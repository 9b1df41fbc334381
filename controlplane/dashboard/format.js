// Figures as people read them.

const STEPS = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];

// Three digits that count and a power of a thousand: 1.25 k.
export function si(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  for (const [step, sign] of STEPS) {
    if (value >= step * 0.9995) return `${digits(value / step)} ${sign}`;
  }
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : digits(value);
}

function digits(value) {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

export function whole(value) {
  return value === undefined ? '–' : value.toLocaleString('en').replaceAll(',', ' ');
}

export function percent(share) {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–';
  return share > 0 && share < 0.1 ? `${(share * 100).toFixed(1)} %` : `${Math.round(share * 100)} %`;
}

export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = ms / 1000;
  if (s < 10 && !Number.isInteger(s)) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}

// How long ago, where less than a second is now.
export function ago(ms) {
  return ms < 1000 ? 'just now' : `${duration(1000 * Math.round(ms / 1000))} ago`;
}

export function clock(unixMs) {
  return new Date(unixMs).toLocaleTimeString('en-GB');
}

export function plural(count, one, many = `${one}s`) {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

export function endpoint(real) {
  return real.address.includes(':') ? `[${real.address}]:${real.port}` : `${real.address}:${real.port}`;
}
