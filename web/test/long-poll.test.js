import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLifetime } from '../.build/stream-lifetime.js';
import { heldTransport } from '../.build/transports/long-poll.js';
import { answer, cadence, World } from './world.js';

const full = { ...cadence, spread_ms: 0, versions: {}, unknown: [], waiting: [], denied: [], off: [] };

const fields = {
  version: ['project', 'version', 'spread_ms', 'reset'],
  heartbeat: Object.keys(cadence),
  hello: Object.keys(full).filter((name) => name !== 'waiting'),
};
const only = (said, names) => Object.fromEntries(names.map((name) => [name, said[name]]));
const hello = (said, versions) => ['hello', only({ ...said, versions }, fields.hello)];
const heartbeat = (said) => ['heartbeat', only(said, fields.heartbeat)];

/** A world whose gateway answers requests for versions only when the test says so, and a stream of held requests in it. */
function held({ projects = { 42: 123, 7: 3 }, headers, token, gateway = 'https://push.test/base' } = {}) {
  const world = new World();
  const env = world.env();
  const asked = []; // {url, init, reply, fail}
  const heard = []; // [name, data]
  env.fetch = (url, init) =>
    new Promise((reply, fail) => {
      asked.push({ url: decodeURIComponent(url), init, reply, fail });
      init.signal.addEventListener('abort', () => fail(init.signal.reason));
    });
  const transport = heldTransport(env, createLifetime(env));
  const stream = transport({ gateway, projects, token, headers }, { event: (...event) => heard.push(event), lost: (...why) => heard.push(['lost', ...why]) });
  return {
    world,
    transport,
    stream,
    asked,
    heard,
    /** The gateway answers the newest request; gives what the page hears of it. */
    async say(body, status = 200) {
      const before = heard.length;
      asked.at(-1).reply(answer(status, body));
      await world.calm();
      return heard.slice(before);
    },
    /** The same, of the fields that matter. */
    async told(body) {
      return (await this.say(body)).map(([name, said]) => [name, only(said, name === 'version' ? fields.version : name === 'hello' ? fields.hello : fields.heartbeat)]);
    },
  };
}

test('a request is held for the versions of all projects, with cookies or with a token in a header', () => {
  const { asked, transport } = held({ token: 'alice' });
  assert.equal(asked.length, 1);
  assert.equal(asked[0].url, 'https://push.test/base/versions?project=7@3&project=42@123&wait=25s');
  const { headers, cache, credentials } = asked[0].init;
  assert.deepEqual([headers, cache, credentials], [undefined, 'no-store', 'include']);
  assert.equal(transport.held, true);

  const other = held({ token: 'alice', headers: { 'X-Nudge-Token': 'alice' } });
  assert.deepEqual([other.asked[0].init.headers, other.asked[0].init.credentials], [{ 'X-Nudge-Token': 'alice' }, 'same-origin']);
});

test('the first answer is a hello of all projects that the gateway serves, at what was asked with unless it differs', async () => {
  const page = held({ projects: { 1: 10, 2: 20, 3: 30, 4: 40, 5: 50, 6: 60 } });
  const said = { ...full, spread_ms: 300, versions: { 2: 25 }, unknown: ['3'], waiting: ['4'], denied: ['5'], off: ['6'] };
  assert.deepEqual(await page.told(said), [hello(said, { 1: 10, 2: 25 })]);
});

test('a later answer is its versions, each with the spread, and the cadence', async () => {
  const page = held();
  const { world, asked } = page;
  await page.say(full);
  await world.pass(2000);
  const news = { ...full, push: 'degraded', poll_ms: 30_000, spread_ms: 700, versions: { 42: 125, 7: 4 } };
  assert.deepEqual(await page.told(news), [
    ['version', { project: '7', version: 4, spread_ms: 700, reset: false }],
    ['version', { project: '42', version: 125, spread_ms: 700, reset: false }],
    heartbeat(news),
  ]);
  await world.pass(2000);
  assert.match(asked[2].url, /project=7@4&project=42@125/);
  assert.deepEqual(await page.told(full), [heartbeat(full)]);
  await world.pass(2000);
  // The project was restored from a backup.
  assert.deepEqual((await page.told({ ...full, versions: { 42: 90 } }))[0], ['version', { project: '42', version: 90, spread_ms: 0, reset: true }]);
});

test('a project that is served from now on, or no more, is told by another hello', async () => {
  const page = held();
  await page.say({ ...full, waiting: ['7'] });
  await page.world.pass(2000);
  assert.deepEqual(await page.told(full), [hello(full, { 42: 123, 7: 3 })]);
  await page.world.pass(2000);
  const off = { ...full, off: ['42'] };
  assert.deepEqual(await page.told(off), [hello(off, { 7: 3 })]);
});

test('once the flag excludes the page, that is a goodbye', async () => {
  const { world, asked, say } = held();
  await say(full);
  await world.pass(2000);
  assert.deepEqual(await say({ ...full, push: 'off', off: ['42', '7'] }), [['goodbye', { reason: 'off' }]]);
  await world.pass(100_000);
  assert.equal(asked.length, 2);
});

test('requests are a gap apart, up to twice as long', async () => {
  for (const [gap, least, most] of [[undefined, 1000, 2000], [4000, 4000, 8000], [0, 0, 0], [null, 1000, 2000], ['9', 1000, 2000], [-5, 1000, 2000], [1e12, 86_400_000, 172_800_000]]) {
    const waits = new Set();
    const { world, asked, say } = held();
    for (let n = 1; n <= 20; n++) {
      await say({ ...full, gap_ms: gap });
      const from = world.now;
      while (asked.length === n) await world.ring();
      waits.add(world.now - from);
    }
    const [low, high] = [Math.min(...waits), Math.max(...waits)];
    assert.ok(low >= least && high <= most && (most === least || high > low), `${gap}: ${low} to ${high}`);
  }
});

for (const [what, act, status] of [
  ['no network', ({ asked }) => asked[0].fail(new TypeError('network'))],
  ['no answer for 40 s', ({ world }) => world.pass(40_000)],
  ['a refusal', ({ say }) => say({}, 503), 503],
  ['a refusal without JSON', ({ asked }) => asked[0].reply({ status: 401, headers: new Headers(), json: async () => JSON.parse('<') }), 401],
  ['an answer that never ends', ({ asked, world }) => (asked[0].reply({ status: 200, headers: new Headers(), json: () => new Promise(() => {}) }), world.pass(40_000))],
  ['a login page', ({ asked }) => asked[0].reply({ status: 200, headers: new Headers(), json: async () => JSON.parse('<') }), 200],
  ['what is not an answer', ({ say }) => say(null), 200],
  ['an answer without a cadence', ({ say }) => say({ versions: {} }), 200],
]) {
  test(`${what} ends the stream, once`, async () => {
    const page = held();
    await page.world.pass(39_000 * (what.includes('40 s') ? 0 : 1));
    await act(page);
    await page.world.calm();
    assert.deepEqual(page.heard, [['lost', status, status && 0]]);
    assert.equal(page.asked[0].init.signal.aborted, true);
    await page.world.pass(200_000);
    assert.deepEqual([page.heard.length, page.asked.length, page.world.timers], [1, 1, 0]);
  });
}

test('a refusal says for how long, if it can be read', async () => {
  for (const [text, ms] of [['10', 10_000], ['1e9', 3_600_000], ['-5', -5000], ['soon', 0]]) {
    const { asked, heard, world } = held();
    asked[0].reply(answer(503, {}, { 'Retry-After': text }));
    await world.calm();
    assert.deepEqual(heard, [['lost', 503, Math.max(ms, 0)]], text);
  }
});

test('an answer after 39 s is in time, and the next one has as long', async () => {
  const { world, asked, heard, say } = held();
  for (let n = 1; n <= 3; n++) {
    await world.pass(39_000);
    await say(full);
    await world.pass(2000);
    assert.equal(asked.length, n + 1);
  }
  assert.deepEqual(heard.map(([name]) => name), ['hello', 'heartbeat', 'heartbeat']);
});

test('what cannot even be asked is lost after the call', async () => {
  const world = new World();
  const heard = [];
  const env = { ...world.env(), fetch: () => { throw new TypeError('no such scheme'); } };
  heldTransport(env, createLifetime(env))({ gateway: 'x:', projects: { 42: 1 } }, { event() {}, lost: (status) => heard.push(status) });
  assert.deepEqual(heard, []);
  await world.calm();
  assert.deepEqual(heard, [undefined]);
});

test('nothing is heard of a closed stream, whenever it is closed', async () => {
  const asking = held();
  asking.stream.close();
  asking.stream.close();
  await asking.world.calm();
  assert.deepEqual([asking.heard, asking.asked[0].init.signal.aborted, asking.world.timers], [[], true, 0]);

  const waiting = held();
  await waiting.say(full);
  waiting.stream.close();
  await waiting.world.pass(100_000);
  assert.deepEqual([waiting.heard.length, waiting.asked.length, waiting.world.timers], [1, 1, 0]);

  const reading = held();
  let end;
  reading.asked[0].reply({ status: 200, headers: new Headers(), json: () => new Promise((resolve) => (end = resolve)) });
  await reading.world.calm();
  reading.stream.close();
  end(full);
  await reading.world.pass(100_000);
  assert.deepEqual([reading.heard, reading.world.timers], [[], 0]);

  const hearing = held();
  await hearing.say(full);
  await hearing.world.pass(2000);
  hearing.heard.push = function (event) {
    hearing.stream.close();
    return Array.prototype.push.call(this, event);
  };
  assert.equal((await hearing.say({ ...full, versions: { 42: 124, 7: 4 } })).length, 1);
  await hearing.world.pass(100_000);
  assert.deepEqual([hearing.asked.length, hearing.world.timers], [2, 0]);
});

test('names and numbers that nobody asked for, or that are no versions, reach neither the page nor a URL', async () => {
  const { world, asked, say } = held({ projects: JSON.parse('{"42":123,"constructor":1,"__proto__":2}') });
  assert.equal(asked[0].url.split('?')[1], 'project=42@123&project=constructor@1&project=__proto__@2&wait=25s');
  const [[, { versions }]] = await say({ ...full, versions: { 42: '124&project=9', toString: 5, 9: 1 } });
  assert.equal(JSON.stringify(versions), '{"42":123,"constructor":1,"__proto__":2}');
  await world.pass(2000);
  const heard = await say({ ...full, versions: JSON.parse('{"__proto__":3,"hasOwnProperty":1,"42":-5,"constructor":2}') });
  assert.deepEqual(heard.slice(0, -1).map(([, { project, version }]) => [project, version]), [['__proto__', 3], ['constructor', 2]]);
  await world.pass(2000);
  assert.equal(asked[2].url.split('?')[1], 'project=42@123&project=constructor@2&project=__proto__@3&wait=25s');
});

test('of more projects than a gateway takes, it asks for as many as it does', async () => {
  const { asked, say } = held({ projects: Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`p${i}`, i])) });
  assert.equal(asked[0].url.match(/project=/g).length, 64);
  const [[, hello]] = await say({ ...full, versions: { p69: 100 } });
  assert.equal(Object.keys(hello.versions).length, 64);
});
