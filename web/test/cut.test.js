// Something on the way ends every answer after a fixed time, or lets no stream through.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, hello, terms, World } from './world.js';

/**
 * Lets a page live through a proxy that ends each answer at an age. The gateway says hello at once, proves the stream 700 ms
 * later, and announces a version every 7 s. Gives what the page saw: how late it was with each version, and its polls by interval.
 */
async function through(world, { cut, ms, every = 7000 }) {
  const lives = new Map(); // by source: {at, told}
  const held = []; // {at, wait, reply, fail}
  const began = world.now;
  let version = Math.max(...Object.values(world.state.versions));
  let nextNews = world.now + every;
  const lateness = [];
  const intervals = [];
  let newsAt = 0;
  world.poll = ({ projects }) => {
    if (newsAt && projects[42].have < version) lateness.push(world.now - newsAt);
    newsAt = 0;
    return { versions: { 42: version } };
  };
  world.routes['/versions'] = (query, { signal }) =>
    new Promise((reply, fail) => {
      const wait = Number(/wait=([\d.]+)s/.exec(query)[1]) * 1000;
      held.push({ at: world.now, wait, have: Number(/42@(\d+)/.exec(query)[1]), reply, fail, signal });
    });
  while (world.now < began + ms) {
    await world.pass(50);
    if (world.now >= nextNews) {
      version++;
      nextNews += every;
      newsAt = world.now;
    }
    for (const source of world.sources) {
      if (source.closed) continue;
      const life = lives.get(source) ?? { at: world.now, told: 0, proofs: 0 };
      lives.set(source, life);
      const age = world.now - life.at;
      if (!life.told) source.send('hello', { ...hello, versions: { 42: (life.told = version) } });
      else if (age >= cut) source.fail();
      else if (life.told < version) source.send('version', { project: '42', version: (life.told = version), spread_ms: 0 });
      else if (age >= 700 + life.proofs * 25_000) source.send('heartbeat', cadence, life.proofs++);
    }
    for (const ask of [...held]) {
      const age = world.now - ask.at;
      if (!ask.signal.aborted && age < cut && age < ask.wait && ask.have >= version) continue;
      held.splice(held.indexOf(ask), 1);
      if (age >= cut) ask.fail(new TypeError('network error'));
      else ask.reply(answer(200, { ...cadence, spread_ms: 0, versions: ask.have < version ? { 42: version } : {}, unknown: [], waiting: [], denied: [], off: [] }));
    }
    if (!world.state.behind) intervals.push(world.state.interval);
  }
  return { lateness: lateness.sort((a, b) => a - b), intervals };
}

const share = (list, holds) => list.filter(holds).length / list.length;

for (const seconds of [15, 30, 60, 8]) {
  test(`streams that something ends after ${seconds} s are renewed before that, and the page goes on polling rarely`, async () => {
    const world = new World(seconds);
    world.start();
    await through(world, { cut: seconds * 1000, ms: 3 * seconds * 1000 + 10_000 }); // it has learned
    const polls = world.polls.length;
    const streams = world.sources.length;
    const { lateness, intervals } = await through(world, { cut: seconds * 1000, ms: 600_000 });
    assert.ok(share(intervals, (ms) => ms === 300_000) > 0.995, `slow for ${share(intervals, (ms) => ms === 300_000)} of the time`);
    assert.ok(lateness[lateness.length >> 1] <= 100, `p50 ${lateness[lateness.length >> 1]} ms`);
    assert.ok(lateness.at(-1) < 6000, `at most ${lateness.at(-1)} ms`);
    assert.ok(world.polls.length - polls <= 600_000 / 7000 + 4, `${world.polls.length - polls} polls`);
    assert.ok(world.sources.length - streams <= (2 * 600) / seconds + 2, 'a stream lives for half of the time at least');
    assert.equal(world.state.cut, seconds * 1000);
    const said = world.warned.filter((text) => /ends streams/.test(text));
    assert.deepEqual(said.length, 1);
    assert.match(said[0], new RegExp(`after ${seconds} s`));
  });
}

test('where streams live too short, requests are held for less than that, and stay', async () => {
  const world = new World(3);
  world.start();
  await through(world, { cut: 4000, ms: 60_000 });
  assert.equal(world.state.rung, 'versions');
  assert.equal(world.state.reason, 'cut');
  const streams = world.sources.length;
  const { lateness, intervals } = await through(world, { cut: 4000, ms: 1_200_000 });
  assert.equal(world.sources.length, streams, 'no other stream for an hour');
  assert.ok(lateness[lateness.length >> 1] <= 3000, `p50 ${lateness[lateness.length >> 1]} ms`);
  assert.ok(share(intervals, (ms) => ms === 10_000) === 1, 'never faster than without push');
});

test('held requests are held for less than what ends them', async () => {
  const world = new World(4);
  world.start();
  // Streams deliver nothing: the page tries requests that are held, and these are cut.
  const mute = async (ms) => {
    const { EventSource } = world;
    EventSource.prototype.send = () => {};
    return through(world, { cut: 15_000, ms, every: 40_000 });
  };
  await mute(240_000);
  assert.equal(world.state.rung, 'versions');
  const asks = world.requests.length;
  const { lateness } = await mute(200_000);
  assert.ok(world.requests.slice(asks).every(({ query }) => !/wait=25s/.test(query)), 'the gateway is asked to answer in time');
  assert.ok(lateness[lateness.length >> 1] <= 3000);
});

test('streams that never open, while the gateway can be asked, are replaced by held requests', async () => {
  const world = new World(5);
  world.start();
  world.routes['/versions'] = () => new Promise(() => {});
  for (let i = 0; i < 200 && world.state.rung !== 'versions'; i++) {
    await world.pass(1000);
    for (const source of world.sources) source.fail();
  }
  assert.equal(world.state.rung, 'versions');
  assert.ok(world.sources.length <= 3, `${world.sources.length} streams were tried`);
  assert.match(world.warned.join('\n'), /streams/);
});

test('while the gateway cannot be asked either, nothing is held', async () => {
  const world = new World(6);
  world.routes['/poll-interval'] = () => answer(502);
  world.start();
  for (let i = 0; i < 100; i++) {
    await world.pass(1000);
    for (const source of world.sources) source.fail();
  }
  assert.notEqual(world.state.rung, 'versions');
});

test('streams that break at random are not taken for cut ones', async () => {
  const world = new World(7);
  world.start();
  for (const age of [20_000, 31_000, 9000, 14_000, 50_000, 26_000]) {
    await world.pass(10_000);
    if (world.source.closed) await world.pass(60_000);
    await world.prove();
    await world.live(age - 1000);
    world.source.fail();
  }
  assert.equal(world.state.cut, null);
});

test('another network forgets what the last one did', async () => {
  const world = new World(8);
  world.start();
  await through(world, { cut: 15_000, ms: 60_000 });
  assert.equal(world.state.cut, 15_000);
  world.window.emit('online');
  assert.equal(world.state.cut, null);
});

test('a page that yields to others is refused streams, and takes nothing on the way for the cause', async () => {
  const world = new World(9);
  world.start();
  await world.prove();
  world.source.send('goodbye', { reason: 'overload', after_ms: 1000, spread_ms: 0 });
  for (let i = 0; i < 200; i++) {
    await world.pass(1000);
    if (world.source.url.includes('evict=0')) world.source.fail(); // 429, which EventSource does not tell
  }
  assert.ok(world.sources.length > 4, `${world.sources.length} streams were tried`);
  assert.notEqual(world.state.rung, 'versions');
  assert.deepEqual(world.warned, []);
});
