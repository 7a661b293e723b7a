// Further polls of a page, each with a pace of its own: stretched while push works, run at once for news, and as before without.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, hello, World } from './world.js';

const unreachable = { '/poll-interval': () => answer(502) };

/** The times between runs, in ms. */
const gaps = (runs) => runs.slice(1).map(({ at }, i) => at - runs[i].at);

function within(values, low, high, what = '') {
  assert.ok(values.length > 2, `${what}: ${values.length} runs`);
  assert.ok(Math.min(...values) >= low && Math.max(...values) <= high, `${what}: ${Math.min(...values)} to ${Math.max(...values)}, not ${low} to ${high}`);
}

/** Another poll of the page, and its runs: {at, reason, projects}. */
function every(world, ms, options, answers = (context) => world.poll(context)) {
  const runs = [];
  runs.end = world.nudge.every(ms, (context) => (runs.push({ at: world.now, ...context }), answers(context)), options);
  return runs;
}

/** A page with these further polls and a proven stream that has been there for a while. */
async function pushed(options, ...polls) {
  const world = new World();
  world.start(options);
  const all = polls.map(([ms, more, answers]) => every(world, ms, more, answers));
  await world.pass(100);
  await prove(world);
  return [world, ...all];
}

/** Proves the newest stream, which serves what it was asked for. */
async function prove(world, message) {
  const asked = decodeURIComponent(world.source.url).matchAll(/project=([^@]+)@(\d+)/g);
  await world.prove({ versions: Object.fromEntries([...asked].map(([, id, version]) => [id, Number(version)])), ...message });
  await world.live(20_000, { ...cadence, ...message });
}

test('without a gateway each has its own interval, beside the poll of the page', async () => {
  for (const routes of [unreachable, { '/poll-interval': () => new Promise(() => {}) }, { '/poll-interval': () => answer(200, { push: 'off', fast_ms: 5000, poll_ms: 5000 }) }]) {
    const world = new World();
    world.routes = routes;
    world.start();
    const badge = every(world, 30_000, { projects: '7' });
    const slow = every(world, 120_000);
    world.source.fail();
    await world.pass(3_600_000);
    within(gaps(badge), 24_000, 36_000, 'badge');
    within(gaps(slow), 96_000, 144_000, 'slow');
    assert.ok(world.polls.length > 300, `${world.polls.length} polls of the page`);
    assert.equal(world.state.factor, 1);
  }
});

test('the first run comes after one interval, or at once', async () => {
  const world = new World();
  world.start();
  const [later, now] = [every(world, 30_000, { projects: '42' }), every(world, 30_000, { immediate: true })];
  await world.pass(0);
  assert.deepEqual([later.length, now.length, world.polls.length, now[0].reason], [0, 1, 0, 'start']);
  await world.pass(36_000);
  assert.deepEqual([later.length, later[0].reason, now.length >= 1], [1, 'interval', true]);
});

test('while push works it is stretched by poll_ms ÷ fast_ms, and back at its own interval when push fails', async () => {
  const [world, badge] = await pushed({}, [30_000, { projects: { 42: 123 } }]);
  assert.equal(world.state.factor, 30);
  assert.deepEqual([world.nudge.interval(30_000), world.nudge.interval(0)], [900_000, 0]);
  badge.length = 0;
  await world.live(7_200_000);
  within(gaps(badge), 720_000, 1_080_000, 'stretched');
  await world.live(40_000, { ...cadence, push: 'degraded', poll_ms: 20_000 });
  assert.deepEqual([world.state.factor, world.nudge.interval(30_000)], [2, 60_000]);
  badge.length = 0;
  await world.live(600_000, { ...cadence, push: 'degraded', poll_ms: 20_000 });
  within(gaps(badge), 48_000, 72_000, 'degraded');
  world.routes = unreachable;
  world.source.fail();
  assert.deepEqual([world.state.factor, world.nudge.interval(30_000)], [1, 30_000]);
  badge.length = 0;
  const from = world.now;
  await world.pass(600_000);
  within([badge[0].at - from, ...gaps(badge)], 0, 36_000, 'lost');
  within(gaps(badge), 24_000, 36_000, 'lost');
});

test('a gateway whose slow pace is no slower stretches nothing, and none makes it faster', async () => {
  const [world] = await pushed({}, [30_000, { projects: '42' }]);
  world.source.send('heartbeat', { ...cadence, poll_ms: 5000, fast_ms: 10_000 });
  assert.deepEqual([world.state.factor, world.nudge.interval(30_000)], [1, 30_000]);
});

test('news of its projects runs it within the spread, and nothing else', async () => {
  const [world, board, badge] = await pushed({}, [5000, { projects: { 7: 3 } }], [30_000, { projects: ['8', 9] }]);
  assert.match(decodeURIComponent(world.source.url), /project=7@3&project=8@0&project=9@0&project=42@123/);
  for (const [project, expected] of [['7', [0, 1, 0]], ['9', [0, 0, 1]], ['42', [1, 0, 0]]]) {
    const before = [world.polls.length, board.length, badge.length];
    world.source.send('version', { project, version: 500, spread_ms: 4000 });
    await world.pass(4000);
    assert.deepEqual([world.polls.length, board.length, badge.length].map((n, i) => n - before[i]), expected, `news of ${project}`);
    await world.live(20_000);
  }
  assert.deepEqual([board.at(-1).reason, board.at(-1).projects], ['news', { 7: { have: 3, want: 500 } }]);
  const at = world.now;
  world.source.send('version', { project: '7', version: 501, spread_ms: 0 });
  await world.pass(0);
  assert.equal(board.at(-1).at, at, 'no time passes');
});

test('two that watch the same project are both run for its news', async () => {
  const [world, one, two] = await pushed({}, [5000, { projects: { 42: 123 } }], [30_000, { projects: { 42: 120 } }]);
  const before = [world.polls.length, one.length, two.length];
  world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
  await world.pass(1000);
  assert.deepEqual([world.polls.length, one.length, two.length].map((n, i) => n - before[i]), [1, 1, 1]);
});

test('it is not stretched where no news of it can come: without projects, or with one that the stream leaves out', async () => {
  const [world, without] = await pushed({}, [30_000], [30_000, { projects: { 42: 123 } }]);
  without.length = 0;
  await world.live(600_000);
  within(gaps(without), 24_000, 36_000, 'without projects');
  for (const more of [{ denied: ['7'] }, { waiting: ['7'] }, { off: ['7'] }]) {
    const [world, badge] = await pushed({}, [30_000, { projects: { 7: 3 } }]);
    world.source.send('hello', { ...hello, ...more, versions: { 42: 123 } });
    badge.length = 0;
    await world.live(600_000);
    within(gaps(badge), 24_000, 36_000, JSON.stringify(more));
    const polls = world.polls.length;
    await world.live(150_000);
    assert.ok(world.polls.length - polls <= 1, 'the poll of the page is');
  }
  // The other way round: a page whose poll is for no project.
  const [other] = await pushed({ projects: {} }, [30_000, { projects: { 7: 3 } }]);
  const polls = other.polls.length;
  await other.live(600_000);
  assert.ok(other.polls.length - polls > 45, `${other.polls.length - polls} polls`);
});

test('hidden, none is run more often than `hidden` allows', async () => {
  for (const [ms, least] of [[5000, 48_000], [600_000, 480_000]]) {
    const world = new World();
    world.routes = unreachable;
    world.start();
    const runs = every(world, ms, { projects: '42' });
    world.source.fail();
    world.document.show('hidden');
    await world.pass(10_000);
    runs.length = 0;
    await world.pass(7_200_000);
    within(gaps(runs), least, least * 1.5 + 1, `every ${ms}`);
  }
});

test('a page whose polls are all made by every', async () => {
  const world = new World();
  world.start({ poll: undefined, projects: undefined });
  const runs = every(world, 5000, { projects: { 42: 123 } });
  await world.pass(100);
  assert.match(world.source.url, /project=42@123/);
  await prove(world);
  assert.equal(world.state.stream, 'proven');
  const before = runs.length;
  world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
  await world.pass(0);
  assert.equal(runs.length, before + 1);
  await world.live(600_000);
  assert.ok(runs.length - before < 8, `${runs.length - before} runs in ten minutes of push`);
  assert.equal(world.polls.length, 0);
  await Promise.all([world.nudge.refresh(), world.pass(0)]);
  assert.equal(runs.at(-1).reason, 'refresh');
});

test('it ends by its function, by a signal, or with the page, and leaves nothing behind', async () => {
  const ends = {
    function: (_, runs) => (runs.end(), runs.end()),
    signal: (_, __, life) => life.abort(),
    stop: (world) => world.nudge.stop(),
  };
  for (const [name, end] of Object.entries(ends)) {
    for (const when of ['waiting', 'running', 'failed', 'news']) {
      const life = new AbortController();
      const [world, runs] = await pushed({}, [30_000, { projects: { 7: 3 }, signal: life.signal }, () => (when === 'running' ? new Promise(() => {}) : when === 'failed' ? Promise.reject(new Error('no')) : {})]);
      if (when === 'news') world.source.send('version', { project: '7', version: 4, spread_ms: 10_000 });
      if (when === 'running' || when === 'failed') {
        world.nudge.refresh();
        await world.pass(0);
      }
      end(world, runs, life);
      if (when === 'running') assert.equal(runs.at(-1).signal.aborted, true, name);
      const before = runs.length;
      world.source.send('version', { project: '7', version: 9, spread_ms: 0 });
      await world.pass(7_200_000);
      assert.equal(runs.length, before, `${name} while ${when}`);
      world.nudge.stop();
      assert.equal(world.timers, 0);
    }
  }
  const world = new World();
  world.start();
  const never = every(world, 1000, { signal: AbortSignal.abort(), immediate: true });
  world.nudge.stop();
  const late = every(world, 1000, { immediate: true });
  await world.pass(60_000);
  assert.deepEqual([never.length, late.length, world.timers], [0, 0, 0]);
});

test('a run that fails backs off from its own interval: never more runs than without Nudge', async () => {
  for (const ms of [5000, 60_000, 600_000, 3_600_000]) {
    const world = new World(ms);
    world.routes = unreachable;
    world.start({ interval: 3_600_000 });
    const runs = every(world, ms, { projects: '42' }, () => Promise.reject(new Error('no')));
    world.source.fail();
    const long = Math.max(10_000_000, 40 * ms);
    await world.pass(long);
    assert.ok(runs.length <= (long / ms) * 1.25 && runs.length > 5, `every ${ms}: ${runs.length} runs, where ${long / ms} were before`);
    assert.equal(world.state.error, null, 'the poll of the page has not failed');
  }
});

test('its errors are told as those of polls, and its answers are heard', async () => {
  const failure = new TypeError('no such thing');
  let fails = true;
  const [world, runs] = await pushed({}, [30_000, { projects: { 7: 3 } }, () => (fails ? Promise.reject(failure) : { versions: { 7: '12' }, headers: new Headers({ 'Retry-After': '600' }) })]);
  const heard = [];
  world.nudge.addEventListener('poll', ({ detail }) => heard.push(detail));
  world.source.send('version', { project: '7', version: 12, spread_ms: 0 });
  await world.pass(0);
  assert.deepEqual([heard.length, heard[0].failed, heard[0].error === failure], [1, true, true]);
  assert.equal(world.warned.filter((text) => text.includes('no such thing')).length, 1);
  fails = false;
  await world.pass(60_000);
  assert.equal(runs.at(-1).reason, 'retry');
  const before = runs.length;
  world.source.send('version', { project: '7', version: 13, spread_ms: 0 });
  await world.pass(590_000);
  assert.equal(runs.length, before, 'not before the application wants it');
});

test('what is paused, and resumed, counts for all', async () => {
  const [world, runs] = await pushed({}, [5000, { projects: '42' }]);
  world.nudge.pause();
  const before = runs.length;
  const other = every(world, 5000, { immediate: true });
  await world.pass(600_000);
  assert.deepEqual([runs.length, other.length], [before, 0]);
  world.nudge.resume();
  await world.pass(1000);
  assert.deepEqual([runs.length, other.length], [before + 1, 1]);
});
