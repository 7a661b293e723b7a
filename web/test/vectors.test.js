// Recorded lives of a page, at the boundary of createNudge: the same things happen around it, and it must do the same as then. So
// the inside of the shim may change. The Go model of the shim (cmd/nudge/simulate/browser) plays the same lives, so that the two
// cannot drift apart. UPDATE=1 records them anew.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import test from 'node:test';
import * as dist from '../dist/nudge.js';
import { Life } from './life.js';
import { record } from './recorder.js';

const file = new URL('../../cmd/nudge/simulate/browser/testdata/vectors.json', import.meta.url);

/** What the lives must go through, at least. */
const SITUATIONS = [
  ...['hello', 'version', 'heartbeat', 'lost', ...['drain', 'rotate', 'off', 'expired', 'revoked', 'overload'].map((why) => `goodbye ${why}`)].flatMap((what) =>
    ['open', 'proven'].map((state) => `${state}: ${what}`),
  ),
  ...['hello', 'version', 'heartbeat', 'lost', 'goodbye'].map((what) => `connecting: ${what}`),
  ...['no hello in time', 'mute', 'silent'],
  ...['hello with spread', 'version with spread'],
  ...['interval', 'news', 'behind', 'retry', 'return', 'online', 'refresh'].map((why) => `poll: ${why}`),
  ...['polled', 'polled after 10 s', 'polled with Retry-After', 'polled with X-Poll-Interval', 'unpolled', 'unpolled after 10 s', 'unpolled with Retry-After'],
  ...['poll without an answer', 'too late', 'report'],
  ...['go', 'connect_after_ms', 'push off', 'all off', 'all denied', 'some denied', 'refusing', 'captive', 400, 401, 403, 404, 429, 500, 503].map((what) => `answer: ${what}`),
  ...['failed', 'question without an answer', 'hidden', 'visible', 'leave', 'back', 'online', 'refresh'],
  ...['asleep', 'asleep: connecting', 'asleep: open', 'asleep: proven', 'asleep: poll in flight'],
  ...['streams end at an age', 'a stream is renewed before it ends', 'a stream has ended before it was renewed'],
  ...['pause', 'resume', 'watch', 'unwatch', 'ack'],
];

async function recordAll() {
  const lives = [];
  const seen = new Set();
  for (let n = 0; n < 48; n++) lives.push(await record(n + 1, (((n * 37) % 48) + 0.5) / 48, 80, seen));
  for (let n = 0; n < 10; n++) lives.push(await record(n + 101, (n + 0.5) / 10, 60, seen, { more: true }));
  for (let n = 0; n < 6; n++) lives.push(await record(n + 200, (n + 0.5) / 6, 60, seen, { cut: [15_000, 60_000, 8000][n % 3] }));
  const lines = lives.map(({ steps, ...life }) => `${JSON.stringify(life).slice(0, -1)},"steps":[\n${steps.map((s) => JSON.stringify(s)).join(',\n')}\n]}`);
  await writeFile(file, `[\n${lines.join(',\n')}\n]\n`);
}

/** Plays all lives. Gives the situations that they went through. */
async function playAll(build = {}) {
  const lives = JSON.parse(await readFile(file, 'utf8'));
  const seen = new Set();
  for (const [n, { random, steps }] of lives.entries()) {
    const life = Object.assign(new Life(random), build);
    for (const [k, { out, interval, have, proven, ...step }] of steps.entries()) {
      const did = await life.step(step);
      const because = `life ${n}, step ${k}, ${JSON.stringify(step)}: the shim does otherwise than before. If that is right, UPDATE=1 npm test records the lives anew; then the Go model must follow`;
      assert.deepEqual(JSON.parse(JSON.stringify(did)), JSON.parse(JSON.stringify({ out, interval, have, proven })), because);
    }
    life.nudge.stop();
    for (const what of life.seen) seen.add(what);
  }
  return seen;
}

test('the shim does what it did in the recorded lives, and these go through every situation', async () => {
  if (process.env.UPDATE) await recordAll();
  const seen = await playAll();
  assert.deepEqual(SITUATIONS.filter((what) => !seen.has(what)), []);
});

// Names are shortened there: one that others see must not be. If only this fails: make bundle.
test('what is committed does the same', async () => {
  await playAll({ createNudge: dist.createNudge });
});
