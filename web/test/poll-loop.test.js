// The poll loop alone. In the place of the connection stands somebody who calls its three functions at random, with whatever
// numbers; in that of the application one who answers, fails, throws, never answers, and asks for waits.

import assert from 'node:assert/strict';
import test from 'node:test';
import { createPollLoop } from '../.build/poll-loop.js';
import { chance } from './world.js';

const HOUR = 3_600_000;
const mine = new Error('the application failed');
const [FAST, SLOW, JITTER] = [10_000, 300_000, 0.2];

/** Lets promises be kept: no chain in here is longer. */
async function calm() {
  for (let n = 0; n < 6; n++) await null;
}

/** Time in the hands of the test. */
class Clock {
  now = 1_000_000;
  #timers = new Map();
  #ids = 0;
  env = {
    now: () => this.now,
    random: () => this.random(),
    setTimeout: (ring, ms) => {
      assert.ok(ms >= 0 && ms < 2 ** 31, `setTimeout of ${ms} ms`);
      this.#timers.set(++this.#ids, { at: this.now + ms, ring });
      return this.#ids;
    },
    clearTimeout: (id) => void this.#timers.delete(id),
    enter: (act) => act(),
    after: (act) => act(),
  };

  get timers() {
    return this.#timers.size;
  }

  async pass(ms) {
    const end = this.now + ms;
    for (;;) {
      let next;
      for (const timer of this.#timers) if (!next || timer[1].at < next[1].at) next = timer;
      if (!next || next[1].at > end) break;
      this.now = Math.max(this.now, next[1].at);
      this.#timers.delete(next[0]);
      next[1].ring();
      await calm();
    }
    this.now = end;
    await calm();
  }
}

/** One life. Adds to `sum` how many polls its interval caused, and how many it would have caused in an unchanging fleet. */
async function live(seed, steps, sum) {
  const clock = new Clock();
  const dice = chance(seed);
  clock.random = chance(seed + 7_000_000);
  const pick = (list) => list[Math.floor(dice() * list.length)];
  const say = (what) => `seed ${seed}: ${what}`;
  const wild = dice() < 0.3; // numbers that make no sense
  const working = dice() < 0.5; // an application that answers at once, and asks for nothing
  const quiet = working && !wild && dice() < 0.5; // no news, so that nothing but the interval causes polls
  let counting = quiet;
  let flight = 0;
  let last = clock.now; // when the last poll ended, or the loop began
  let interval = FAST;
  let longest = FAST; // since the last poll
  let news; // since when news waits for its poll, and until when it may
  let allowed = 0; // until when the application wants no poll

  function run(reason, signal) {
    assert.equal(flight++, 0, say('two polls in flight'));
    signal.addEventListener('abort', () => ((flight = 0), (last = allowed = clock.now)));
    const waited = clock.now - last;
    if (reason !== 'refresh') assert.ok(clock.now >= allowed || reason === 'news', say(`${reason}: the application wanted no poll`));
    if (working && !wild) {
      assert.ok(waited <= longest * (1 + JITTER) + 1, say(`${reason}: ${waited} ms after the last poll`));
      if (news) assert.ok(clock.now <= news.until + 1, say(`news waited for ${clock.now - news.since} ms`));
      if (counting) sum.polls++;
    }
    news = undefined;
    const over = (answer) => {
      if (signal.aborted) return answer;
      flight = 0;
      last = allowed = clock.now;
      longest = interval;
      return answer;
    };
    const how = working ? 1 : dice();
    if (how < 0.1) throw over(mine);
    if (how < 0.2) return Promise.reject(over(mine));
    if (how < 0.25) return new Promise(() => {});
    const wants = how < 0.4 ? { retryAfter: pick([0, 1000, HOUR]), pollInterval: pick([0, 60_000]) } : {};
    const answer = quiet ? {} : { stale: pick([0, 0, 1, 2, 3, 4]), settled: dice() < 0.5, failed: !working && dice() < 0.2, ...wants };
    const done = (x) => {
      over(x);
      if (!signal.aborted) allowed += wants.retryAfter ?? 0;
      return x;
    };
    if (how < 0.6) return new Promise((keep) => clock.env.setTimeout(() => keep(done(answer)), dice() * 20_000));
    return Promise.resolve(done(answer));
  }

  // As in the shim, a run is an async function. To the loop a failed assertion is one more failed poll: it is kept.
  const wrong = [];
  const loop = createPollLoop(clock.env, async (...args) => {
    try {
      return await run(...args);
    } catch (error) {
      if (error !== mine) wrong.push(error);
      throw error;
    }
  }, { interval: FAST, fast: FAST, jitter: JITTER, gap: 1000 });
  const odd = [NaN, Infinity, -Infinity, -1, 0, 1e300, undefined];
  const acts = [
    () => {
      interval = pick(wild ? [...odd, FAST, SLOW] : [FAST, 30_000, SLOW]);
      longest = Math.max(longest, interval);
      loop.pace({ interval, fast: FAST, jitter: JITTER, gap: 1000 });
    },
    () => {
      if (quiet) return;
      const spread = pick(wild ? [...odd, 0, 4000] : [0, 0, 4000, 20_000]);
      // A window may follow another, of any of these widths; polls for news are a second apart.
      news ??= { since: clock.now, until: clock.now + 40_000 + 1000 };
      loop.news(spread);
    },
    () => dice() < 0.2 && !quiet && loop.soon(pick(['return', 'online'])),
    () => dice() < 0.1 && !quiet && void loop.refresh(),
    () => dice() < 0.05 && !quiet && (loop.pause(), loop.start(), (last = clock.now)),
  ];
  loop.start();
  for (let n = 0; n < steps; n++) {
    if (dice() < 0.4) pick(acts)();
    const before = clock.now;
    const pace = interval;
    await clock.pass(Math.floor(dice() * dice() * (dice() < 0.1 ? 400_000 : 5000)));
    if (wrong.length) throw wrong[0];
    if (quiet) sum.expected += (clock.now - before) / pace;
    if (!flight) {
      assert.ok(loop.nextAt >= 0 && loop.nextAt - clock.now <= Math.max(86_400_000, HOUR) * 1.2, say(`the next poll is at ${loop.nextAt}`));
    }
  }
  counting = false;
  // Whatever was done to it: from now on it polls as it is told.
  loop.pace({ interval: FAST, fast: FAST, jitter: JITTER, gap: 1000 });
  let polls = 0;
  const count = () => polls++;
  loop.refresh().then(count);
  await clock.pass(121_000); // one that never answers may be in flight, and another be begun
  assert.equal(polls, 1, say('a poll ends, or is given up'));
  loop.stop();
  assert.equal(loop.nextAt, null, say('after its end'));
  await clock.pass(HOUR);
}

// In parts, so that a browser, which plays them again, never stands still for long.
const LIVES = Number(globalThis.process?.env.NUDGE_TEST_LIVES ?? globalThis.NUDGE_TEST_LIVES ?? (globalThis.process ? 4000 : 1000));
const PART = Math.min(LIVES, 100);
const sum = { polls: 0, expected: 0 };
for (let first = 1; first <= LIVES; first += PART) {
  test(`random lives from seed ${first}`, async () => {
    for (let seed = first; seed < first + PART; seed++) await live(seed, 40, sum);
  });
}

test('over all these lives its interval causes no more polls than the intervals in force allow', () => {
  assert.ok(sum.polls > 1000, `${sum.polls} polls`);
  assert.ok(sum.polls < sum.expected * 1.05, `${sum.polls} polls, where ${Math.round(sum.expected)} were to be expected`);
});
