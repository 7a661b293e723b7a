// 30,000 browsers through an outage of Redis: what "nudge simulate --json" says of each second, drawn by uPlot.

import {seconds, write} from './panel.js';
import uPlot from './uplot.js';

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const thousands = (n) => Math.round(n).toLocaleString('en');

// means is the mean of each so many seconds: single seconds are too ragged to see anything.
function means(values, of) {
  return Array.from({length: Math.floor(values.length / of)}, (_, i) => values.slice(i * of, (i + 1) * of).reduce((a, b) => a + b, 0) / of);
}

export async function drawOutage(root) {
  const response = await fetch('/app/page/outage.json');
  const result = await response.json();
  const [before, outage] = result.phases;
  const plain = result.plain.find(({every_s: s}) => s * 1000 === result.fast_ms);
  const step = 5;
  const polls = means(result.seconds.map((second) => second.polls), step);
  const minutes = polls.map((_, i) => ((i + 0.5) * step - outage.begin_s) / 60);
  const usual = plain.polls / result.seconds.length;

  const fact = (name, text) => write(document.getElementById(`fact-${name}`), text);
  fact('saved', `${Math.round(plain.saved_percent)} %`);
  fact('late', `${seconds(before.staleness_p50_ms)} s`);
  fact('late-down', `${seconds(outage.staleness_p50_ms)} s while Redis is down, as by plain polling`);
  fact('down', thousands(outage.mean));
  fact('plain', `plain polling: ${thousands(usual)}, always`);

  const axis = (more) => ({stroke: () => colour('muted'), font: '12.5px system-ui, sans-serif', grid: {stroke: () => colour('line'), width: 1}, ticks: {show: false}, ...more});
  const options = {
    width: root.clientWidth,
    height: 250,
    padding: [14, 14, 0, 0],
    scales: {x: {time: false}, y: {range: [0, Math.ceil(usual / 1000 + 0.5) * 1000]}},
    cursor: {y: false, drag: {x: false}},
    axes: [
      axis({values: (_, ticks) => ticks.map((t) => (t === 0 ? 'Redis stops' : t === outage.seconds / 60 ? 'and is back' : `${t < 0 ? '−' : ''}${Math.abs(t)} min`)), space: 92, size: 32}),
      axis({values: (_, ticks) => ticks.map(thousands), size: 48, space: 50}),
    ],
    series: [
      {label: 'Time', value: (_, t) => (t === null ? '' : `${t.toFixed(1)} min`)},
      {label: 'Plain polling, requests/s', stroke: () => colour('still'), width: 2, dash: [6, 5], points: {show: false}, value: (_, v) => (v === null ? '' : thousands(v))},
      {label: 'With Nudge, requests/s', stroke: () => colour('accent'), fill: () => colour('accent-wash'), width: 2, points: {show: false}, value: (_, v) => (v === null ? '' : thousands(v))},
    ],
    hooks: {
      drawClear: [(plot) => {
        const {ctx, bbox} = plot;
        const from = plot.valToPos(0, 'x', true);
        ctx.fillStyle = colour('bad-wash');
        ctx.fillRect(from, bbox.top, plot.valToPos(outage.seconds / 60, 'x', true) - from, bbox.height);
      }],
    },
  };
  const plot = new uPlot(options, [minutes, polls.map(() => usual), polls], root);
  new ResizeObserver(() => plot.setSize({width: root.clientWidth, height: options.height})).observe(root);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot.redraw(false, true));
}
