// A page in shadow tells the gateway what its polls saw: rarely, in few numbers, and whatever becomes of that.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, World } from './world.js';

/** A page in shadow whose stream is proven. */
async function settled(options, { seed = 1, message = {}, taken = () => answer(204) } = {}) {
  const world = new World(seed);
  world.routes['/shadow'] = taken;
  world.routes['/missed'] = () => answer(204);
  world.start({ push: 'shadow', ...options });
  await world.calm();
  await world.prove(message);
  return world;
}

const sent = (world) => world.requests.filter(({ path }) => path === '/shadow');
const reports = (world) => sent(world).map(({ init }) => JSON.parse(init.body));

test('empty polls are reported, first after one to two minutes, then after 30 to 60 intervals', async () => {
  for (const seed of [1, 2, 3]) {
    const world = await settled({}, { seed });
    const begun = world.now;
    await world.live(3_600_000);
    const at = sent(world).map((r) => r.at - begun);
    assert.ok(at[0] >= 50_000 && at[0] <= 135_000, `first after ${at[0]}`);
    for (let i = 1; i < at.length; i++) assert.ok(at[i] - at[i - 1] >= 300_000 && at[i] - at[i - 1] <= 615_000, `then after ${at[i] - at[i - 1]}`);
    const all = reports(world);
    assert.deepEqual(all.map(({ first }) => first), [true, ...all.slice(1).map(() => undefined)]);
    for (const { polls, empty, news, missed, lead_ms, projects } of all) {
      assert.ok(polls > 0 && polls <= 60);
      assert.deepEqual([empty, news, missed, lead_ms, projects], [polls, 0, 0, 0, { 42: 0 }]);
    }
    const counted = all.reduce((sum, { polls }) => sum + polls, 0);
    const before = world.polls.filter((poll) => poll.at <= sent(world).at(-1).at);
    assert.ok(before.length - counted <= 3, `${counted} of ${before.length} polls are in the reports`);
  }
});

test('news: by how much push was earlier, and what it missed, by project', async () => {
  const world = await settled({ projects: { 42: 123, 7: 1 } }, { message: { versions: { 42: 123, 7: 1 } } });
  await world.live(20_000);
  const heard = world.now;
  world.source.send('version', { project: '42', version: 124 });
  const due = world.state.nextPollAt;
  await world.live(20_000);
  world.poll = () => ({ versions: { 42: 124, 7: 2 } });
  await world.live(150_000);
  const all = reports(world);
  const sum = (key) => all.reduce((total, report) => total + report[key], 0);
  assert.deepEqual([sum('news'), sum('missed'), sum('lead_ms')], [2, 1, due - heard]);
  assert.equal(sum('empty'), sum('polls') - 2);
  assert.deepEqual(all.map(({ projects }) => projects[7]), [1, ...all.slice(1).map(() => 0)]);
  assert.ok(all.every(({ projects }) => projects[42] === 0));
});

test('news that the poll finds a moment before push tells of it is not missed, and not earlier', async () => {
  const world = await settled();
  world.poll = () => ({ versions: { 42: 124 } });
  await world.live(Math.ceil(world.state.nextPollAt - world.now));
  assert.equal(world.state.versions[42], 124);
  world.source.send('version', { project: '42', version: 124 });
  await world.live(150_000);
  const [{ news, missed, lead_ms }] = reports(world);
  assert.deepEqual([news, missed, lead_ms], [1, 0, 0]);
});

test('a page that polls every second finds missed news too', async () => {
  const fast = { ...cadence, fast_ms: 1000 };
  const world = await settled({ interval: 1000 }, { message: fast });
  let version = 123;
  world.poll = () => ({ versions: { 42: ++version } });
  await world.live(240_000, fast);
  const all = reports(world);
  assert.ok(all.length >= 1 && all.length <= 4, `${all.length} reports`);
  for (const { polls, news, missed } of all) assert.ok(polls <= 60 && news === polls && missed === polls, `${missed} missed, of ${news} news of ${polls} polls`);
  assert.ok(all[0].polls >= 10);
});

test('a report has 60 polls and 64 projects at most', async () => {
  const fast = { ...cadence, fast_ms: 1000 };
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`a${i}`, 1]));
  const more = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`b${i}`, 1]));
  const world = await settled({ interval: 1000, projects: many }, { message: { ...fast, versions: { ...many, ...more } } });
  world.nudge.every(1000, () => ({}), { projects: more });
  await world.pass(100);
  await world.prove({ ...fast, versions: { ...many, ...more } });
  await world.live(300_000, fast);
  assert.ok(reports(world).length >= 1);
  for (const { polls, projects } of reports(world)) assert.ok(polls <= 60 && Object.keys(projects).length <= 64, `${polls}, ${Object.keys(projects).length}`);
  assert.ok(reports(world).some(({ polls }) => polls === 60));
});

test('a gateway that refuses, fails or never answers gets no more requests, and the page polls as ever', async () => {
  for (const taken of [() => answer(404), () => answer(429, {}, { 'Retry-After': '1' }), () => answer(401), () => Promise.reject(new TypeError('gone')), () => new Promise(() => {})]) {
    const bad = await settled({}, { taken });
    const good = await settled();
    await bad.live(1_800_000);
    await good.live(1_800_000);
    assert.deepEqual(sent(bad).map(({ at }) => at), sent(good).map(({ at }) => at));
    assert.deepEqual(bad.polls.map(({ at }) => at), good.polls.map(({ at }) => at));
    assert.ok(reports(bad).every(({ first }) => first), 'it is counted with the first report that is taken');
    assert.deepEqual([bad.reported, bad.warned, bad.state.stream], [[], [], 'proven']);
  }
});

test('without a trusted stream, and without shadow, nothing is reported', async () => {
  const world = new World();
  world.start({ push: 'shadow' });
  await world.pass(600_000);
  assert.deepEqual(sent(world), []);
  const down = await settled({}, { message: { push: 'down' } });
  await down.live(600_000, { ...cadence, push: 'down' });
  assert.deepEqual(sent(down), []);
  const partly = await settled({ projects: { 42: 123, 7: 1 } }, { message: { denied: ['7'] } });
  await partly.live(600_000);
  assert.deepEqual([sent(partly), partly.state.stream, partly.state.reason], [[], 'proven', 'uncovered'], 'push would not save a poll of it');
  const auto = await settled({ push: 'auto' });
  await auto.live(3_600_000);
  assert.deepEqual(sent(auto), []);
});

test('what the page came to have without a poll is no news, and no poll before it was for news', async () => {
  const world = await settled();
  await world.live(20_000);
  world.source.send('version', { project: '42', version: 124, prev: 123 });
  world.nudge.ack('42', 124, 123); // it was the page's own change
  await world.live(150_000);
  const [{ polls, empty, news }] = reports(world);
  assert.deepEqual([empty, news], [polls, 0]);
});

test('while push is ahead of the application, no poll is empty, and none was late', async () => {
  const world = await settled({}, { message: { versions: { 42: 1000 } } });
  let version = 123;
  world.poll = () => ({ versions: { 42: version } });
  await world.live(60_000);
  version++;
  await world.live(90_000);
  const [{ polls, empty, news, missed, lead_ms }] = reports(world);
  assert.ok(polls > 3);
  assert.deepEqual([empty, news, missed, lead_ms], [0, 1, 0, 0]);
});
