// Whole pages at random: streams break in every way, tabs are hidden and paused, projects and further polls come and go. The
// application works. Then nothing is ever older than promised.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, chance, hello, terms, World } from './world.js';

const [FAST, SLOW, JITTER] = [10_000, 300_000, 1.2];
const LIVES = globalThis.process ? 40 : 10;

async function live(seed, sum) {
  const world = new World(seed);
  world.calm = async () => {
    for (let n = 0; n < 30; n++) await null; // no chain of promises is longer
  };
  const dice = chance(seed * 97 + 3);
  const pick = (list) => list[Math.floor(dice() * list.length)];
  const later = (ms, act) => world.env().setTimeout(act, ms);
  const say = (what) => `seed ${seed}, ${world.now - start} ms: ${what}; ${JSON.stringify(world.state)}`;
  const start = world.now;
  const truth = { 42: 123, 7: 3, 8: 1 };
  let over = false;

  // The gateway: each stream and each answer is as it comes.
  const kinds = ['good', 'good', 'good', 'short', 'mute', 'silent', 'nothing', 'drain', 'off'];
  const { EventSource } = world;
  const serve = (source) => {
    const kind = pick(kinds);
    const asked = [...decodeURIComponent(source.url).matchAll(/project=([^@]+)@/g)].map(([, id]) => id);
    source.serves = new Set(asked);
    const versions = () => Object.fromEntries(asked.map((id) => [id, truth[id]]));
    const beat = () => {
      if (source.closed || over) return;
      source.send('heartbeat', cadence);
      later(20_000, beat);
    };
    if (kind === 'nothing') return;
    later(50, () => source.send('hello', { ...hello, versions: versions() }));
    if (kind === 'mute') return;
    later(1000, kind === 'silent' ? () => source.send('heartbeat', cadence) : beat);
    source.silent = kind === 'silent';
    const life = dice() * 400_000;
    if (kind === 'short') later(life, () => source.fail());
    if (kind === 'drain') later(life, () => source.send('goodbye', { reason: pick(['drain', 'rotate', 'overload', 'expired']), after_ms: Math.floor(dice() * 20_000), spread_ms: 5000 }));
    if (kind === 'off') later(life, () => source.send('goodbye', { reason: 'off', after_ms: 1000, spread_ms: 0 }));
  };
  const env = { EventSource: class extends EventSource { constructor(...all) { super(...all); serve(this); } } };
  const replies = [() => answer(200, terms), () => answer(200, terms), () => answer(200, terms), () => answer(502), () => answer(503, {}, { 'Retry-After': '7' }), () => answer(200, { ...terms, push: 'off' }), () => answer(401), () => new Promise(() => {}), () => answer(200, '<html>')];
  world.routes = { '/poll-interval': () => pick(replies)(), '/session': () => pick([() => answer(204), () => answer(204), () => answer(502), () => answer(401)])() };

  // The application answers at once, with the truth.
  const tells = ({ projects }) => ({ versions: Object.fromEntries(Object.keys(projects).map((id) => [id, truth[id]])) });
  world.poll = tells;
  world.start({ getToken: dice() < 0.5 ? () => 't' : undefined }, env);
  const all = [{ ms: FAST, at: world.now, since: world.now, ids: ['42'], last: () => world.polls.at(-1)?.at ?? start }];
  const more = (ms, id) => {
    const query = { ms, at: world.now, since: world.now, ids: [id], ran: world.now };
    query.last = () => query.ran;
    query.end = world.nudge.every(ms, (context) => ((query.ran = world.now), sum.runs++, tells(context)), { projects: { [id]: truth[id] } });
    all.push(query);
    return query;
  };
  let [paused, hidden] = [false, false];
  const news = new Map(); // per project of the main poll: when its newest version was announced, on a stream that delivers
  let undo = () => {};
  let mode;
  world.nudge.subscribe(() => {
    if (mode !== 'poll' || world.state.mode !== 'poll') for (const query of all) query.since = world.now;
    mode = world.state.mode;
  });

  const acts = [
    () => {
      const id = pick(['42', '7', '8']);
      truth[id]++;
      const open = world.source;
      if (dice() < 0.2 || !open || open.closed || open.silent || !open.serves.has(id) || world.state.stream !== 'proven') return;
      if (id === '42' && !paused) news.set(id, { version: truth[id], until: world.now + 10_000 });
      open.send('version', { project: id, version: truth[id], spread_ms: pick([0, 2000]) });
    },
    () => dice() < 0.2 && world.source?.fail(),
    () => dice() < 0.3 && world.document.show((hidden = !hidden) ? 'hidden' : 'visible'),
    () => {
      if (dice() < 0.8) return;
      if ((paused = !paused)) world.nudge.pause('a');
      else world.nudge.resume('a');
    },
    () => dice() < 0.2 && world.window.emit('online'),
    () => (undo(), (undo = dice() < 0.5 ? world.nudge.watch({ 8: truth[8] }) : () => {})),
    () => all.length < 4 && more(pick([5000, 30_000]), pick(['7', '8', '42'])),
    () => all.length > 2 && dice() < 0.3 && all.splice(1, 1)[0].end(),
    () => dice() < 0.1 && world.nudge.setToken(pick(['t', 'u'])),
  ];
  for (let n = 0; n < 250; n++) {
    pick(acts)();
    for (const query of all) if (paused || hidden || world.state.mode !== 'poll') query.since = world.now;
    if (paused) news.clear();
    await world.pass(Math.floor(dice() * dice() * 15_000));
    const { factor } = world.state;
    for (const query of all) {
      if (paused) query.at = world.now;
      if (paused || hidden || mode !== 'poll') query.since = world.now;
      const waited = world.now - Math.max(query.at, query.last());
      const slowest = Math.max(query.ms * (SLOW / FAST), 60_000) * JITTER;
      assert.ok(paused || waited <= slowest + 1, say(`every ${query.ms} has waited ${waited} ms`));
      const fast = world.now - Math.max(query.since, query.last());
      assert.ok(fast <= query.ms * JITTER + 1, say(`every ${query.ms} has waited ${fast} ms without push`));
    }
    for (const [id, { version, until }] of news) {
      if (world.state.versions[id] >= version) news.delete(id), sum.news++;
      else assert.ok(world.now <= until, say(`news of ${id}@${version} waits`));
    }
    sum.pushed += mode === 'push' ? 1 : 0;
    assert.ok(factor >= 1 && factor <= 30);
    assert.ok(world.sources.filter((source) => !source.closed).length <= 2, say('streams'));
  }
  // All is well from here: everything is at its newest version, at the slow pace.
  kinds.splice(0, Infinity, 'good');
  replies.splice(0, Infinity, () => answer(200, terms));
  world.routes['/session'] = () => answer(204);
  world.nudge.resume('a');
  world.document.show('visible');
  await world.pass(2 * 3_600_000); // no rest is longer than an hour and a fifth
  assert.equal(world.state.mode, 'push', say('push comes back'));
  const { 42: has } = world.state.versions;
  assert.equal(has, truth[42], say('the version'));
  over = true;
  world.nudge.stop();
  await world.pass(600_000);
  assert.equal(world.timers, 0, say('timers after stop'));
}

test('over random lives no version is older than promised, for the poll of the page and for every', async () => {
  const sum = { runs: 0, news: 0, pushed: 0 };
  for (let seed = 1; seed <= LIVES; seed++) await live(seed, sum);
  assert.ok(Object.values(sum).every((n) => n > LIVES), `too little has happened: ${JSON.stringify(sum)}`);
});
