// What counters tell: their rise in a second, and how it went.

const SHORTEST_S = 0.5;
const LONGEST_S = 30;

// The last values of a figure with their times. A gap stays a gap.
export class Series {
  constructor(capacity) {
    this.capacity = capacity;
    this.points = [];  // [time in ms, value], oldest first
  }
  add(at, value) {
    this.points.push([at, value]);
    if (this.points.length > this.capacity) this.points.shift();
  }
  get last() {
    return this.points.length === 0 ? null : this.points[this.points.length - 1][1];
  }
}

// Rates of named counters, by the differences between two answers.
export class Rates {
  constructor(capacity) {
    this.capacity = capacity;
    this.series = new Map();
    this.values = null;
    this.at = 0;
  }
  // `values`: by name; a counter that is not there is zero.
  add(at, values) {
    const before = this.values;
    const seconds = (at - this.at) / 1000;
    // Of so short a time a rate would be chance.
    if (before !== null && seconds >= 0 && seconds < SHORTEST_S) return;
    this.values = values;
    this.at = at;
    if (before === null || seconds < 0 || seconds > LONGEST_S) return;
    for (const name of Object.keys(values)) {
      // What falls is a level, or began anew.
      const rise = values[name] - (before[name] ?? 0);
      if (rise >= 0) this.seriesOf(name).add(at, rise / seconds);
    }
  }
  // The next difference would mean nothing.
  beginAnew() {
    this.values = null;
  }
  seriesOf(name) {
    if (!this.series.has(name)) this.series.set(name, new Series(this.capacity));
    return this.series.get(name);
  }
  // Null: not known yet.
  last(name) {
    return this.series.get(name)?.last ?? (this.series.size > 0 ? 0 : null);
  }
}
