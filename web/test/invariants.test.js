// What holds of the reducer whatever happens, in whatever order: the invariants that the shim is made for, over random lives.

import assert from 'node:assert/strict';
import test from 'node:test';
import { entry } from '../.build/ledger.js';
import { pollDue } from '../.build/polls.js';
import { due } from '../.build/reduce.js';
import { initial } from '../.build/state.js';
import { happening, turn } from './lives.js';
import { chance } from './world.js';

const HOUR = 3_600_000;

/** Events that only this test has: what a page does to its instance, and nonsense. */
function odd(state, dice) {
  const pick = (list) => list[Math.floor(dice() * list.length)];
  return pick([
    () => ({ kind: 'pause' }),
    () => ({ kind: 'resume' }),
    () => ({ kind: 'login' }),
    () => ({ kind: 'logout' }),
    () => ({ kind: 'watch', projects: { 9: Math.floor(dice() * 9), 42: 1 } }),
    () => ({ kind: 'unwatch', projects: { 9: 0 } }),
    () => ({ kind: 'unapplied', project: '42', prev: Math.floor(dice() * 200) }),
    () => ({ kind: pick(['hello', 'version', 'heartbeat', 'goodbye']), id: state.held?.id ?? 1, message: { poll_ms: '7', versions: [], fast_ms: -1, project: {} } }),
    () => ({ kind: 'replied', id: state.question, status: pick([0, 200, 299, 302, 999]), retryAfter: 0, message: null }),
    () => ({ kind: 'polled', id: state.flight, versions: { 42: -1, 7: '9', __proto__: 4 }, retryAfter: HOUR, pollInterval: HOUR }),
  ])();
}

function live(seed, steps) {
  const dice = chance(seed);
  const some = () => dice() < 0.5;
  const push = dice() < 0.8 ? 'auto' : some() ? 'shadow' : 'off';
  const terms = { tokens: some(), applies: some(), fast: 10_000, hidden: 60_000, policy: push, bearer: dice() < 0.2, streams: dice() < 0.9, reach: true, writer: 'me' };
  let now = 1_000_000;
  let state = initial(terms, now);
  state.ledger = [entry('42', 123), entry('7', 9)];
  const open = new Set();
  for (let n = 0; n < steps; n++) {
    const event = !n ? { kind: 'start' } : dice() < 0.08 ? odd(state, dice) : happening(state, dice, new Set());
    const at = due(state);
    if (event.kind === 'tick' && at < Infinity) now = Math.max(now, Math.ceil(at) + (dice() < 0.05 ? 100_000 * dice() : 0));
    else now += Math.floor(dice() * dice() * 1500);
    const before = state;
    let effects;
    [state, effects] = turn(before, event, now, dice);
    const say = (what) => `seed ${seed}, step ${n}, ${JSON.stringify(event)}: ${what}`;

    for (const { kind, id } of effects) {
      if (kind === 'open') open.add(id);
      if (kind === 'close') assert.ok(open.delete(id), say('closes what is not open'));
      if (kind === 'poll') {
        assert.ok(!before.flight || event.id === before.flight || event.kind === 'tick', say('two polls in flight'));
        assert.equal(state.flight, id);
      }
    }
    // The poll loop never stops while the page is active; at most what the application itself asked for puts it off.
    if (!state.flight && !state.idle) {
      const longest = 1.2 * Math.max(state.base, 300_000, HOUR);
      assert.ok(pollDue(state) <= now + longest, say(`the next poll is ${pollDue(state) - now} ms away`));
    }
    assert.ok(due(state) > -Infinity && !Number.isNaN(due(state)), say('no number'));
    // Two streams at most, those that it knows of, and none while it is away.
    assert.deepEqual([...open].sort(), [state.held, state.fresh].filter(Boolean).map((s) => s.id).sort(), say('streams'));
    if (state.rest === 3) assert.equal(open.size, 0, say('a stream of a page that is away'));
    if (push === 'off') assert.equal(open.size, 0, say('a stream, though push is off'));
    // No verdict is for ever: something is open, asked, or has its time.
    if (state.rest !== 3) {
      assert.ok(state.held || state.question || state.at.step < Infinity, say('nothing comes next for the link'));
      for (const s of [state.held, state.fresh]) if (s) assert.ok(s.due < Infinity, say('a stream that may be silent for ever'));
    }
    // News fixes the due time: more of it never puts it off.
    if (event.kind === 'version' && before.newsWindow && !before.newsWindow.served && !before.flight && before.newsWindow.start <= now && !before.failures) {
      assert.ok(pollDue(state) <= pollDue(before), say('news puts off what news has fixed'));
    }
    // A page never falls back but by the word of a poll, or when a change could not be applied.
    for (const e of state.ledger) {
      const old = before.ledger.find(({ id }) => id === e.id);
      if (old && e.have < old.have) assert.ok(['polled', 'unapplied', 'made'].includes(event.kind), say('a version went back'));
    }
  }
}

// In parts, so that a browser, which does it again with fewer, never stands still for long.
const LIVES = globalThis.process ? 500 : 100;
for (let part = 0; part < 20; part++) {
  test(`invariants, over random lives from seed ${part * LIVES + 1}`, () => {
    for (let seed = part * LIVES + 1; seed <= (part + 1) * LIVES; seed++) live(seed, 40);
  });
}
