// The charts: what /status/history says, drawn by uPlot.

import uPlot from './uplot.js';

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const few = new Intl.NumberFormat('en', {maximumSignificantDigits: 3});
const whole = new Intl.NumberFormat('en', {maximumFractionDigits: 0});

/** A number as people read it: 1,204 or 0.123. */
export const count = (n) => (Math.abs(n) >= 100 || Number.isInteger(n) ? whole : few).format(n);

const clock = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit'});
const exact = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit'});

// What each chart shows: the name of a column, its label, its colour.
const charts = {
  streams: [['streams', 'streams', 'accent', true]],
  polls: [['polls', 'without news', 'accent', true], ['asked', 'asked here', 'second']],
  saved: [['saved', 'saved, modelled', 'good', true], ['caused', 'caused, counted', 'second']],
  changes: [['advances', 'changes', 'accent', true], ['missed', 'reports', 'bad']],
};

const height = 168;
const spans = {hour: 3600, day: 86_400};
const most = {hour: 360, day: 288};
const names = ['at', 'push', ...Object.values(charts).flat().map(([name]) => name)];

/** The points that the page has, of the hour and of the day. */
export class Past {
  constructor() {
    this.clear();
  }

  clear() {
    for (const range of Object.keys(spans)) this[range] = Object.fromEntries(names.map((name) => [name, []]));
  }

  /** The Unix second of the newest point; 0: there is none. */
  get newest() {
    return this.hour.at.at(-1) ?? 0;
  }

  add(answer) {
    for (const range of Object.keys(spans)) {
      const mine = this[range];
      const known = mine.at.at(-1) ?? 0;
      answer[range].at.forEach((at, i) => {
        if (at <= known) return;
        for (const name of names) mine[name].push(answer[range][name][i]);
      });
      for (const name of names) mine[name].splice(0, mine[name].length - most[range]);
    }
  }
}

/** Draws all charts, and keeps them drawn. */
export class Charts {
  #range = 'hour';
  #past;
  #plots = new Map();

  constructor(past) {
    this.#past = past;
    this.#make();
    // The legend keeps the colours that it was made with.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const plot of this.#plots.values()) plot.destroy();
      this.#make();
      this.draw();
    });
    new ResizeObserver(() => {
      for (const plot of this.#plots.values()) plot.setSize({width: plot.root.parentElement.clientWidth, height});
    }).observe(document.getElementById('chart-streams'));
  }

  #make() {
    for (const [name, series] of Object.entries(charts)) this.#plots.set(name, this.#plot(name, series));
  }

  set range(range) {
    this.#range = range;
    this.draw();
  }

  /** Draws what the past has now. */
  draw() {
    const columns = this.#past[this.#range];
    const now = Date.now() / 1000;
    // A gateway that has just started does not draw an hour of nothing.
    const min = Math.max(now - spans[this.#range], Math.min(columns.at[0] ?? 0, now - spans[this.#range] / 6));
    for (const [name, plot] of this.#plots) {
      const data = [columns.at, ...charts[name].map(([column]) => columns[column])];
      plot.setData(gapped(data, this.#range === 'hour' ? 30 : 900), false);
      plot.setScale('x', {min, max: Math.max(now, columns.at.at(-1) ?? 0)});
      plot.redraw(false, true);
      plot.setLegend({idx: plot.cursor.idx}); // without a cursor it shows the newest values
      const told = charts[name].map(([column, label]) => {
        const values = columns[column];
        if (values.length === 0) return `${label}: no point yet`;
        return `${label}: now ${count(values.at(-1))}, least ${count(Math.min(...values))}, most ${count(Math.max(...values))}`;
      });
      document.getElementById(`chart-${name}`).setAttribute('aria-label', told.join('; '));
    }
  }

  #plot(name, series) {
    const root = document.getElementById(`chart-${name}`);
    const axis = (more) => ({stroke: () => colour('muted'), font: '12px system-ui, sans-serif', grid: {stroke: () => colour('line'), width: 1}, ticks: {show: false}, ...more});
    return new uPlot({
      width: root.clientWidth,
      height,
      padding: [10, 10, 0, 0],
      cursor: {y: false, drag: {x: false, y: false}, points: {size: 7}, sync: {key: 'status'}},
      scales: {y: {range: (_, __, max) => [0, niceTop(max)]}},
      axes: [
        axis({space: 64, size: 28, values: (_, ticks) => ticks.map((t) => clock.format(t * 1000))}),
        axis({space: 34, size: 50, values: (_, ticks) => ticks.map(count)}),
      ],
      series: [
        {label: 'At', value: (_, t) => (t === null || t === undefined ? 'now' : exact.format(t * 1000))},
        ...series.map(([, label, name, filled]) => ({
          label,
          stroke: () => colour(name),
          fill: filled ? () => colour(`${name}-wash`) : undefined,
          width: 1.75,
          points: {show: (plot) => plot.data[0].length < 2},
          value: (plot, v, s) => {
            const shown = v ?? plot.data[s].at(-1); // without a cursor: the newest
            return shown === null || shown === undefined ? '–' : count(shown);
          },
        })),
      ],
      legend: {live: true},
      hooks: {drawClear: [(plot) => this.#shade(plot)]},
    }, [[], ...series.map(() => [])], root);
  }

  // shade colours the times when push was not healthy.
  #shade({ctx, bbox, valToPos}) {
    const {at, push} = this.#past[this.#range];
    const step = this.#range === 'hour' ? 10 : 300;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (let i = 0; i < at.length;) {
      let end = i + 1;
      while (end < at.length && push[end] === push[i]) end++;
      if (push[i] !== 'healthy') {
        const from = valToPos(at[i] - step, 'x', true);
        ctx.fillStyle = colour(push[i] === 'down' ? 'bad-wash' : 'warn-wash');
        ctx.fillRect(from, bbox.top, valToPos(at[end - 1], 'x', true) - from, bbox.height);
      }
      i = end;
    }
    ctx.restore();
  }
}

// gapped breaks the lines where the gateway has no points: it slept.
function gapped(columns, longest) {
  const [at] = columns;
  const breaks = at.flatMap((t, i) => (i > 0 && t - at[i - 1] > longest ? [i] : []));
  if (breaks.length === 0) return columns.map((column) => [...column]);
  return columns.map((column, c) => {
    const out = [...column];
    for (const i of breaks.toReversed()) out.splice(i, 0, c === 0 ? at[i] - 1 : null);
    return out;
  });
}

function niceTop(max) {
  if (!(max > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((n) => n >= max * 1.05) ?? max * 1.2;
}
