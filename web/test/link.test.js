import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, hello, proven, terms, World } from './world.js';

const within = (value, low, high, what = '') => assert.ok(value >= low && value <= high, `${what} ${value} not in ${low}…${high}`);
const asks = (world) => world.requests.filter((r) => r.path === '/poll-interval');
const sessions = (world) => world.requests.filter((r) => r.path === '/session');
const networkError = () => {
  throw new TypeError('Failed to fetch');
};

/** Passes time until something holds; gives how long it took. */
async function until(world, holds, limit = 7_200_000) {
  const from = world.now;
  await world.calm();
  while (!holds()) assert.ok(await world.ring(from + limit), 'it never came');
  return world.now - from;
}

test('after a loss the gateway is asked once why, and a new stream opened', async () => {
  const world = await proven();
  await world.live(70_000);
  world.source.fail();
  assert.equal(asks(world).length, 0, 'not all at once');
  within(await until(world, () => world.sources.length === 2), 250, 5050);
  assert.equal(asks(world).length, 1);
  assert.equal(asks(world)[0].query, '?project=42@123');
  assert.equal(asks(world)[0].init.credentials, 'include');
  await world.prove();
  assert.equal(world.state.stream, 'proven');
  assert.equal(asks(world).length, 1);
});

test('the first loss after a stable stream is spread over 5 s, or the newest spread if longer', async () => {
  for (const [spread_ms, low, high] of [[0, 3000, 5050], [20_000, 12_000, 20_050]]) {
    const waits = [];
    for (let seed = 1; seed <= 40; seed++) {
      const world = await proven({}, seed);
      await world.live(70_000);
      world.source.send('version', { project: '42', version: 123, spread_ms });
      world.source.fail();
      waits.push(await until(world, () => asks(world).length === 1));
    }
    within(Math.max(...waits), low, high);
    within(Math.min(...waits), 250, 2000);
  }
});

test('failures back off with full jitter, up to 30 s', async () => {
  const world = new World(3);
  world.routes['/poll-interval'] = networkError;
  world.start();
  world.source.fail();
  const times = [world.now];
  for (let n = 0; n < 60; n++) {
    await until(world, () => asks(world).length > n);
    times.push(asks(world)[n].at);
  }
  const waits = times.slice(1).map((t, i) => t - times[i]);
  waits.forEach((w, n) => within(w, 250, Math.min(30_000, 1000 * 2 ** n), `wait ${n}`));
  within(Math.max(...waits), 25_000, 30_000);
  assert.equal(world.state.reason, 'unreachable');
  assert.equal(world.sources.length, 1, 'no stream is tried while nothing answers');
});

test('only a stream that was proven for a minute clears the record', async () => {
  for (const [life, low, high] of [[30_000, 5001, 30_000], [60_000, 250, 5000]]) {
    const waits = [];
    for (let seed = 1; seed <= 12; seed++) {
      const world = new World(seed);
      world.start();
      for (let n = 0; n < 6; n++) {
        world.source.fail();
        const count = world.sources.length;
        await until(world, () => world.sources.length > count);
      }
      await world.prove();
      await world.live(life);
      const before = asks(world).length;
      world.source.fail();
      waits.push(await until(world, () => asks(world).length > before));
      if (life < 60_000) continue;
      await until(world, () => world.state.stream === 'connecting');
      world.source.fail();
      within(await until(world, () => asks(world).length > before + 1), 250, 2050, 'the second loss');
    }
    within(Math.max(...waits), low, high + 50);
  }
});

test('the time that the gateway names is waited for before connecting', async () => {
  const world = await proven();
  world.routes['/poll-interval'] = () => answer(200, { ...terms, connect_after_ms: 40_000 });
  world.source.fail();
  await until(world, () => asks(world).length === 1);
  within(await until(world, () => world.sources.length === 2), 40_000, 48_050);
  assert.equal(asks(world).length, 1);
});

test('off: no stream, and asked again after ttl until it is on', async () => {
  for (const body of [{ push: 'off' }, { off: ['42'] }]) {
    const world = await proven();
    world.routes['/poll-interval'] = () => answer(200, { ...terms, ttl_ms: 60_000, ...body });
    world.source.fail();
    await until(world, () => asks(world).length === 1);
    assert.deepEqual([world.state.stream, world.state.push, world.state.reason], ['none', 'off', 'off']);
    for (let n = 2; n < 6; n++) within(await until(world, () => asks(world).length === n), 60_000, 72_050);
    assert.equal(world.sources.length, 1);
    world.routes['/poll-interval'] = () => answer(200, terms);
    within(await until(world, () => world.sources.length === 2), 60_000, 72_050);
    await world.prove();
    assert.deepEqual([world.state.push, world.state.mode], ['healthy', 'push']);
  }
});

test('denied and malformed: no stream, asked again after ttl', async () => {
  for (const reply of [answer(403, { code: 'forbidden' }), answer(400, { code: 'malformed' }), answer(200, { ...terms, denied: ['42'] })]) {
    const world = await proven();
    world.routes['/poll-interval'] = () => reply;
    world.source.fail();
    await until(world, () => asks(world).length === 1);
    assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['none', 'denied', 10_000]);
    within(await until(world, () => asks(world).length === 2), 60_000, 72_050);
  }
});

test('busy: Retry-After is only ever stretched', async () => {
  const at = (world, seconds) => new Date(world.now + seconds * 1000).toUTCString();
  for (const [status, header] of [[503, () => '20'], [429, () => '20'], [503, (world) => at(world, 20)]]) {
    for (let seed = 1; seed <= 5; seed++) {
      const world = await proven({}, seed);
      world.routes['/poll-interval'] = () => answer(status, {}, { 'Retry-After': header(world) });
      world.source.fail();
      await until(world, () => asks(world).length === 1);
      assert.deepEqual([world.state.stream, world.state.reason], ['waiting', 'busy']);
      within(await until(world, () => asks(world).length === 2), 19_000, 24_050);
    }
  }
});

test('refusing: asked again with back-off', async () => {
  for (const refusing of ['draining', 'limit']) {
    const world = await proven();
    world.routes['/poll-interval'] = () => answer(200, { ...terms, refusing });
    world.source.fail();
    await until(world, () => asks(world).length === 6);
    assert.deepEqual([world.sources.length, world.state.reason], [1, 'busy']);
  }
});

test('a question that is never answered is given up', async () => {
  const world = await proven();
  world.routes['/poll-interval'] = () => new Promise(() => {});
  world.source.fail();
  await until(world, () => asks(world).length === 1);
  within(await until(world, () => asks(world).length === 2), 15_000, 17_050);
});

test('goodbye: back after its time and spread, without polling faster, and without a question', async () => {
  const waits = [];
  for (let seed = 1; seed <= 60; seed++) {
    const world = await proven({}, seed);
    await world.pass(20_000);
    const due = world.state.nextPollAt;
    if (due - world.now < 10_000) continue;
    world.source.send('goodbye', { reason: 'drain', after_ms: 1800, spread_ms: 5000 });
    assert.equal(world.source.closed, true);
    assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['waiting', 'goodbye', 300_000]);
    assert.equal(world.state.nextPollAt, due);
    assert.equal(world.state.mode, 'push');
    waits.push(await until(world, () => world.sources.length === 2));
    assert.equal(asks(world).length, 0);
    await world.prove();
    assert.equal(world.state.nextPollAt, due, 'not one poll more');
  }
  within(Math.min(...waits), 1800, 2800);
  within(Math.max(...waits), 5800, 6850);
});

test('the grace lasts 60 s, or 10 s more than the wait', async () => {
  for (const [after_ms, grace] of [[0, 60_000], [49_000, 60_000], [80_000, 90_000]]) {
    const world = await proven();
    await world.pass(20_000);
    world.routes['/poll-interval'] = networkError;
    world.source.send('goodbye', { reason: 'rotate', after_ms, spread_ms: 0 });
    world.EventSource.prototype.addEventListener = function () {};
    const due = world.state.nextPollAt;
    await world.pass(grace - 1);
    assert.equal(world.state.interval, 300_000, `${after_ms}`);
    assert.equal(world.state.nextPollAt, due);
    await world.pass(1);
    assert.equal(world.state.interval, 10_000, `${after_ms}`);
    within(world.state.nextPollAt - world.now, 0, 10_000);
  }
});

test('no later goodbye extends the grace, and one without proof gives none', async () => {
  const world = await proven();
  await world.pass(20_000);
  const at = world.now;
  world.source.send('goodbye', { reason: 'drain', after_ms: 0, spread_ms: 0 });
  while (world.now - at < 59_000) {
    await world.pass(1000);
    world.source.send('goodbye', { reason: 'overload', after_ms: 0, spread_ms: 0 });
    assert.equal(world.state.interval, 300_000);
  }
  await world.pass(61_000 - (world.now - at));
  assert.equal(world.state.interval, 10_000);

  const other = new World();
  other.start();
  other.source.send('hello', hello);
  other.source.send('goodbye', { reason: 'drain', after_ms: 0, spread_ms: 0 });
  assert.equal(other.state.interval, 10_000);
});

test('a gateway that sends everybody away is not asked more than once a second', async () => {
  const world = new World();
  world.start();
  for (let n = 1; n <= 20; n++) {
    world.source.send('goodbye', { reason: 'overload', after_ms: 0, spread_ms: 0 });
    within(await until(world, () => world.sources.length > n), 1000, 2050);
  }
});

test('sent away for overload, the gateway is busy', async () => {
  const world = await proven();
  world.source.send('goodbye', { reason: 'overload', after_ms: 2000, spread_ms: 0 });
  assert.deepEqual([world.state.stream, world.state.reason], ['waiting', 'busy']);
  await until(world, () => world.sources.length === 2);
  await world.prove();
  assert.equal(world.state.reason, 'streaming');
});

test('a page whose stream made room takes none from others, until it has been proven or is looked at', async () => {
  const world = await proven();
  const takes = () => !world.source.url.includes('&evict=0');
  assert.ok(takes());
  const overload = async () => {
    const count = world.sources.length;
    world.source.send('goodbye', { reason: 'overload', after_ms: 30_000, spread_ms: 30_000 });
    within(await until(world, () => world.sources.length > count), 30_000, 60_050);
  };
  for (let n = 0; n < 3; n++) {
    await overload();
    assert.ok(!takes());
  }
  await world.prove();
  world.source.fail();
  await until(world, () => world.source.closed === false);
  assert.ok(takes(), 'it had a place');

  await overload();
  world.document.show('hidden');
  await world.live(70_000);
  const count = world.sources.length;
  world.document.show('visible');
  await until(world, () => world.sources.length > count);
  assert.ok(takes(), 'it is looked at');
});

test('a new proof ends the grace: what the new gateway says counts', async () => {
  const world = await proven();
  await world.pass(20_000);
  world.source.send('goodbye', { reason: 'drain', after_ms: 0, spread_ms: 0 });
  await until(world, () => world.sources.length === 2);
  await world.prove({ push: 'down', poll_ms: 10_000 });
  assert.equal(world.state.interval, 10_000);
  world.source.send('heartbeat', cadence);
  assert.equal(world.state.interval, 300_000);
  world.source.fail();
  assert.equal(world.state.interval, 10_000, 'nothing of the grace is left');
});

test('a verdict against push ends the grace', async () => {
  const world = await proven();
  await world.pass(20_000);
  world.routes['/poll-interval'] = () => answer(200, { ...terms, push: 'off' });
  world.source.send('goodbye', { reason: 'drain', after_ms: 0, spread_ms: 0 });
  await until(world, () => world.sources.length === 2);
  world.source.fail();
  assert.equal(world.state.interval, 300_000);
  await until(world, () => asks(world).length === 1);
  assert.equal(world.state.interval, 10_000);
});

test('a project that has to wait is polled fast also within the grace', async () => {
  const world = await proven();
  await world.pass(20_000);
  world.source.send('goodbye', { reason: 'drain', after_ms: 0, spread_ms: 0 });
  await until(world, () => world.sources.length === 2);
  world.source.send('hello', { ...hello, versions: {}, waiting: ['42'] });
  assert.equal(world.state.interval, 10_000);
});

test('goodbye off and revoked: no return, and fast at once, until the gateway says otherwise', async () => {
  for (const [said, reason] of [['off', 'off'], ['revoked', 'denied']]) {
    const world = await proven();
    await world.pass(20_000);
    world.routes['/poll-interval'] = () => (said === 'off' ? answer(200, { ...terms, push: 'off' }) : answer(403));
    world.source.send('goodbye', { reason: said, after_ms: 0, spread_ms: 0 });
    assert.deepEqual([world.state.stream, world.state.reason, world.state.interval], ['none', reason, 10_000]);
    within(await until(world, () => asks(world).length === 1), 0, 6050);
    within(await until(world, () => asks(world).length === 2), 60_000, 72_050);
    assert.equal(world.sources.length, 1);
    world.routes['/poll-interval'] = () => answer(200, terms);
    within(await until(world, () => world.sources.length === 2), 60_000, 72_050);
  }
});

test('mute: a short wait after the first, a rest that grows after the second, never for ever', async () => {
  const world = new World(2);
  world.start();
  const rests = [];
  for (let n = 0; n < 8; n++) {
    world.source.send('hello', hello);
    await world.pass(5000);
    assert.equal(world.state.reason, 'mute');
    const count = world.sources.length;
    rests.push(await until(world, () => world.sources.length > count, 5_000_000));
  }
  within(rests[0], 5000, 15_050);
  for (let k = 0; k < 7; k++) {
    const cool = Math.min(3_600_000, 300_000 * 2 ** k);
    within(rests[k + 1], cool * 0.8, cool * 1.2 + 31_000, `rest ${k}`);
  }
  await world.prove();
  assert.equal(world.state.stream, 'proven');
  world.source.fail();
  await until(world, () => world.sources.length === 10);
  world.source.send('hello', hello);
  await world.pass(5000);
  within(await until(world, () => world.sources.length === 11), 5000, 15_050);
});

test('a network that answers nothing is not mute', async () => {
  const world = new World();
  world.routes['/poll-interval'] = networkError;
  world.start();
  await world.pass(600_000);
  assert.equal(world.sources.length, 1);
  world.routes['/poll-interval'] = () => answer(200, terms);
  within(await until(world, () => world.sources.length === 2), 0, 30_050);
});

test('polls go on at the fast interval through all of it', async () => {
  const world = new World(4);
  world.start();
  for (let n = 0; n < 6; n++) {
    world.source.send('hello', hello);
    await world.pass(600_000);
  }
  for (let i = 1; i < world.polls.length; i++) within(world.polls[i].at - world.polls[i - 1].at, 0, 12_000);
});

test('the token is given once, for a cookie, before the first stream', async () => {
  const world = new World();
  world.start({ getToken: async () => 'abc', gateway: 'https://push.test/n' });
  assert.equal(world.sources.length, 0);
  await world.calm();
  const [{ path, init, origin }] = world.requests;
  assert.equal(origin + path, 'https://push.test/n/session');
  assert.equal(init.method, 'POST');
  assert.equal(init.credentials, 'include');
  assert.equal(init.headers['X-Nudge-Token'], 'abc');
  assert.doesNotMatch(JSON.stringify(world.requests.map((r) => r.query)), /abc/);
});

/** A gateway at the page's own origin, with /session. */
function withToken(getToken, seed) {
  const world = new World(seed);
  world.start({ getToken });
  return world;
}

test('a refused token is fetched anew, once', async () => {
  let tokens = 0;
  const world = withToken(async () => `t${++tokens}`);
  world.routes['/session'] = () => answer(tokens < 2 ? 401 : 204);
  await world.calm();
  assert.equal(tokens, 2);
  assert.equal(world.sources.length, 1);

  let more = 0;
  const refused = withToken(() => `t${++more}`);
  refused.routes['/session'] = () => answer(401);
  await refused.calm();
  assert.equal(more, 2);
  assert.deepEqual([refused.state.stream, refused.state.reason, refused.sources.length], ['none', 'token', 0]);
  refused.routes['/session'] = () => answer(204);
  within(await until(refused, () => refused.sources.length === 1), 60_000, 72_050);
});

test('a stream that died of its token comes back with a new one', async () => {
  let tokens = 0;
  const world = withToken(() => `t${++tokens}`);
  await world.calm();
  await world.prove();
  world.routes['/poll-interval'] = () => answer(401, { ...terms, fast_ms: 9000 });
  world.source.fail();
  await until(world, () => world.sources.length === 2);
  assert.equal(tokens, 2);
  assert.equal(world.state.fast, 9000, 'the cadence for everybody is in the body');
  await world.prove();
  world.source.fail();
  await until(world, () => world.sources.length === 3);
  assert.equal(tokens, 3, 'a hello has shown that the token was taken');
  world.source.fail();
  await until(world, () => world.state.reason === 'token');
  assert.equal(tokens, 3, 'once');
});

test('without getToken a refusal waits for the application to set its cookie', async () => {
  const world = await proven();
  world.routes['/poll-interval'] = () => answer(401, terms);
  world.source.fail();
  await until(world, () => world.state.reason === 'token');
  assert.equal(world.state.stream, 'none');
  world.routes['/poll-interval'] = () => answer(200, terms);
  within(await until(world, () => world.sources.length === 2), 59_000, 72_050);
  assert.equal(sessions(world).length, 0);
});

test('a page whose cookie has gone gives its token again', async () => {
  let tokens = 0;
  const world = withToken(() => `t${++tokens}`);
  await world.calm();
  await world.prove();
  // Without a token nothing is covered; the gateway cannot tell a cookie that expired from one that never was.
  world.routes['/poll-interval'] = () => answer(200, { ...terms, denied: ['42'] });
  world.source.fail();
  await until(world, () => world.sources.length === 2);
  assert.equal(tokens, 2);

  world.source.fail(); // so it was not the cookie: the token does not cover the project
  await until(world, () => world.state.reason === 'denied');
  assert.deepEqual([tokens, world.state.stream], [2, 'none']);
  world.routes['/poll-interval'] = () => answer(200, terms);
  within(await until(world, () => world.sources.length === 3), 59_000, 72_050);
});

test('nobody logged in: no stream, asked again later', async () => {
  let token = null;
  const world = withToken(() => token);
  await world.calm();
  assert.deepEqual([world.state.stream, world.state.reason], ['none', 'token']);
  token = 'abc';
  within(await until(world, () => world.sources.length === 1), 60_000, 72_050);
});

test('logged out at the renewal: all is stopped, and asked again after the ttl last told', async () => {
  for (const [ttl_ms, fast_ms, low] of [[20_000, 10_000, 20_000], [undefined, 3000, 18_000], [undefined, 30_000, 60_000]]) {
    let token = 'abc';
    const world = withToken(() => token);
    world.routes['/poll-interval'] = () => answer(200, { ...terms, fast_ms, ttl_ms });
    await world.calm();
    world.source.fail();
    await until(world, () => world.sources.length === 2);
    await world.prove({ fast_ms, token_expires_in_s: 40 });
    token = null;
    await until(world, () => world.state.reason === 'token', 100_000);
    assert.deepEqual([world.state.stream, world.state.interval, world.source.closed], ['none', fast_ms, true]);
    token = 'def';
    within(await until(world, () => world.sources.length === 3), low, low * 1.2 + 50);
  }
});

test('a getToken that throws, or never answers, is tried again', async () => {
  for (const broken of [() => { throw new Error('x'); }, () => Promise.reject(new Error('x')), () => new Promise(() => {})]) {
    let act = broken;
    const world = withToken(() => act());
    await world.pass(10_000);
    act = () => 'abc';
    within(await until(world, () => world.sources.length === 1), 0, 40_000);
  }
});

test('the token is renewed in the last 10 to 30 % of its life, make-before-break', async () => {
  const lives = [];
  for (let seed = 1; seed <= 20; seed++) {
    let tokens = 0;
    const world = withToken(() => `t${++tokens}`, seed);
    await world.calm();
    const from = world.now;
    const old = await world.prove({ token_expires_in_s: 1000 });
    while (tokens < 2) await world.live(10_000);
    lives.push(world.now - from);
    await world.calm();
    assert.equal(world.sources.length, 2);
    const [, fresh] = world.sources;
    assert.equal(old.closed, false);
    assert.equal(world.state.stream, 'proven');
    fresh.send('hello', { ...hello, token_expires_in_s: 1000 });
    assert.equal(old.closed, false, 'until the new one is proven');
    assert.equal(world.state.interval, 300_000);
    await world.pass(1000);
    fresh.send('heartbeat', cadence);
    assert.equal(old.closed, true);
    assert.deepEqual([world.state.stream, world.state.interval], ['proven', 300_000]);
  }
  within(Math.min(...lives), 700_000, 780_000);
  within(Math.max(...lives), 820_000, 910_000);
});

test('expired: a new token first, then the stream', async () => {
  let tokens = 0;
  const world = withToken(() => `t${++tokens}`);
  await world.calm();
  await world.prove();
  world.source.send('goodbye', { reason: 'expired', after_ms: 2000, spread_ms: 0 });
  assert.equal(world.state.interval, 300_000);
  await world.pass(1999);
  assert.equal(tokens, 1);
  await world.pass(1);
  assert.deepEqual([tokens, sessions(world).length, world.sources.length], [2, 2, 2]);
});

test('both streams of a change-over bring news; the loss of one leaves the other', async () => {
  const change = async () => {
    const world = withToken(() => 'abc');
    await world.calm();
    const old = await world.prove({ token_expires_in_s: 100 });
    await world.live(60_000);
    await until(world, () => world.sources.length === 2);
    return { world, old, fresh: world.source };
  };
  {
    const { world, old, fresh } = await change();
    fresh.send('hello', hello);
    const before = world.polls.length;
    old.send('version', { project: '42', version: 124 });
    await world.pass(0);
    fresh.send('version', { project: '42', version: 124 });
    await world.pass(0);
    assert.equal(world.polls.length, before + 1, 'once');
  }
  {
    const { world, old, fresh } = await change();
    fresh.fail();
    assert.deepEqual([old.closed, world.state.stream, world.state.interval], [false, 'proven', 300_000]);
    await until(world, () => world.sources.length === 3);
  }
  {
    const { world, old, fresh } = await change();
    old.fail();
    assert.deepEqual([fresh.closed, world.state.stream, world.sources.length], [false, 'connecting', 2]);
    assert.equal(world.state.interval, 10_000);
    await world.prove();
    assert.equal(world.state.interval, 300_000);
  }
  {
    const { world, old, fresh } = await change();
    old.send('goodbye', { reason: 'drain', after_ms: 0, spread_ms: 0 });
    assert.deepEqual([fresh.closed, world.state.interval], [false, 300_000]);
    await world.pass(2000);
    assert.equal(world.sources.length, 2);
  }
});

test('a repeated hello does not postpone the renewal of the token', async () => {
  let tokens = 0;
  const world = withToken(() => `t${++tokens}`);
  await world.calm();
  const from = world.now;
  await world.prove({ token_expires_in_s: 1000 });
  while (tokens < 2) {
    await world.live(10_000);
    world.source.send('hello', { ...hello, token_expires_in_s: 1000 - (world.now - from) / 1000 });
  }
  within(world.now - from, 700_000, 910_000);
});

test('a token that is about to expire is not renewed over and over', async () => {
  let tokens = 0;
  const world = withToken(() => `t${++tokens}`);
  await world.calm();
  for (let n = 0; n < 60; n++) {
    world.source.send('hello', { ...hello, token_expires_in_s: 0 });
    await world.pass(1000);
    world.source.send('heartbeat', cadence);
  }
  within(tokens, 2, 7);
});

test('a mute stream of a network that then answers nothing is no strike', async () => {
  const world = new World();
  world.start();
  for (let n = 0; n < 4; n++) {
    world.routes['/poll-interval'] = networkError;
    const before = asks(world).length;
    await until(world, () => asks(world).length > before);
    assert.equal(world.state.reason, 'unreachable');
    world.routes['/poll-interval'] = () => answer(200, terms);
    const count = world.sources.length;
    within(await until(world, () => world.sources.length > count), 0, 30_050);
  }
});

// What a browser does whose connections are all taken: no poll is answered while this page has a stream too.
function starve(world) {
  const held = [];
  world.poll = () => new Promise((keep) => held.push(keep));
  return () => held.splice(0).forEach((keep) => keep());
}

test('a poll that is answered as soon as the stream is let go had no connection: push rests', async () => {
  for (const [state, prepare, late] of [
    ['connecting', (world) => world.source.fail(), () => {}],
    ['open', () => {}, (world) => world.source.send('hello', hello)],
    ['proven', (world) => world.prove(), () => {}],
  ]) {
    const world = new World();
    world.start();
    await prepare(world);
    const feed = starve(world);
    world.nudge.refresh();
    await world.pass(9000);
    late(world);
    await world.pass(900);
    assert.equal(world.state.stream, state);
    const stream = world.source;
    assert.equal(stream.closed, false);
    await world.pass(100);
    assert.equal(stream.closed, true);
    assert.equal(world.state.reason, 'crowded');
    assert.equal(world.state.interval, state === 'proven' ? 300_000 : 10_000, 'as before, until it is known');
    assert.deepEqual([world.polls.at(-1).signal.aborted, world.state.nextPollAt], [false, null], 'it may be served now');
    await world.pass(300);
    feed();
    await world.calm();
    assert.deepEqual(
      [world.state.mode, world.state.stream, world.state.interval, world.state.reason],
      ['poll', 'none', 10_000, 'crowded'],
    );
    within(world.state.nextPollAt - world.now, 8000, 12_000);
    assert.equal(world.state.stats.failedPolls, 0);
  }
});

test('a poll that is not answered even so shows that the application is slow: the stream comes back, at the slow pace', async () => {
  const world = await proven();
  await world.live(20_000);
  const before = world.polls.length;
  world.poll = () => new Promise((keep) => world.env().setTimeout(keep, 12_000)); // once
  void world.nudge.refresh();
  await world.pass(0);
  world.poll = () => {};
  await world.live(12_000);
  assert.equal(world.sources.length, 2);
  await world.prove();
  await world.live(300_000);
  assert.ok(world.polls.length - before <= 2, `${world.polls.length - before} polls in five minutes`);
  assert.deepEqual([world.state.reason, world.state.interval], ['streaming', 300_000]);
});

test('an application that is always slow keeps push, and its streams are left alone', async () => {
  for (const ms of [10_300, 11_000, 12_000, 25_000, 50_000]) {
    const world = await proven();
    world.poll = () => new Promise((keep) => world.env().setTimeout(keep, ms));
    for (let n = 0; n < 90; n++) {
      if (world.source.closed || world.state.stream === 'waiting') await world.pass(1000);
      else if (world.state.stream === 'connecting') await world.prove();
      else await world.live(20_000);
    }
    const { polls, streams } = world.state.stats;
    assert.equal(world.state.reason, 'streaming', `${ms} ms`);
    assert.ok(polls <= 12 && streams <= 6, `${ms} ms: ${polls} polls, ${streams} streams in half an hour`);
  }
});

test('while other pages take what the stream lets go, it stays away until the poll has ended', async () => {
  const world = await proven();
  const feed = starve(world);
  void world.nudge.refresh();
  await until(world, () => world.sources.length === 2); // the first time it comes back after a moment
  await world.prove();
  await until(world, () => world.sources.every((s) => s.closed), 20_000);
  await world.pass(10_000);
  assert.equal(world.sources.length, 2);
  assert.equal(world.state.interval, 300_000, 'the slow pace stays');
  feed();
  await world.calm();
  assert.equal(world.sources.length, 3);
});

test('if something else happens while the stream makes way, the slow pace does not stay for ever', async () => {
  const world = await proven();
  await world.live(20_000);
  starve(world);
  void world.nudge.refresh();
  await until(world, () => world.state.reason === 'crowded', 20_000);
  assert.equal(world.state.interval, 300_000);
  world.routes['/session'] = world.routes['/poll-interval'] = networkError;
  world.nudge.setToken('alice');
  await world.pass(60_000);
  assert.equal(world.state.interval, 10_000);
});

test('both streams of a change-over make way for a poll', async () => {
  const world = await proven();
  await world.pass(5000);
  starve(world);
  world.nudge.refresh();
  await world.pass(8500);
  world.window.emit('online');
  await until(world, () => world.sources.length === 2);
  await until(world, () => world.state.reason === 'crowded', 3000);
  assert.ok(world.sources.every((s) => s.closed));
});

/** Starves a poll until push rests. */
async function crowd(world) {
  const feed = starve(world);
  world.nudge.refresh();
  await until(world, () => world.source.closed, 60_000);
  world.poll = () => {};
  feed();
  await world.calm();
  assert.equal(world.state.reason, 'crowded');
}

test('the rest after a crowding grows, up to an hour, until a stream has been stable', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const world = await proven({}, seed);
    const rest = async (k) => {
      await crowd(world);
      world.window.emit('online'); // shortens nothing
      const count = world.sources.length;
      const mean = Math.min(3_600_000, 300_000 * 2 ** k);
      within(await until(world, () => world.sources.length > count), mean * 0.8, mean * 1.2 + 50, `rest ${k}`);
      await world.prove();
    };
    for (let k = 0; k < 6; k++) await rest(k);
    await world.live(80_000);
    assert.equal(world.state.reason, 'streaming');
    await rest(0);
  }
});

test('a poll that is as slow while push rests shows that streams were not to blame', async () => {
  const world = await proven();
  await crowd(world);
  world.poll = () => new Promise((keep) => world.env().setTimeout(keep, 8000));
  void world.nudge.refresh();
  await world.pass(10_000);
  assert.equal(world.sources.length, 2, 'push is back after one poll');
});

test('a slow poll of a page without a stream crowds nothing', async () => {
  const world = new World();
  world.routes['/poll-interval'] = networkError;
  world.start();
  world.source.fail();
  starve(world);
  world.nudge.refresh();
  await world.pass(30_000);
  assert.equal(world.state.reason, 'unreachable');
});

test('an answer that waited while the page slept is heard first', async () => {
  const world = await proven();
  const feed = starve(world);
  world.nudge.refresh();
  await world.pass(1000);
  await world.sleep(20_000);
  world.env().setTimeout(feed, 100);
  await world.pass(500);
  assert.deepEqual([world.state.stream, world.state.reason], ['proven', 'streaming']);

  const other = await proven();
  starve(other);
  other.nudge.refresh();
  await other.pass(1000);
  await other.sleep(20_000);
  await other.pass(1000);
  assert.equal(other.state.reason, 'crowded', 'nothing came out');
});

test('a question that is not waited for any more is given up: no connection is held for it, and no cookie of it comes late', async () => {
  const open = (world) => world.requests.filter(({ init }) => !init.signal?.aborted).map(({ path }) => path);
  const never = () => new Promise(() => {});
  let asked;
  const world = withToken((context) => ((asked = context), 'alice'));
  world.routes['/session'] = never;
  await world.calm();
  assert.deepEqual(open(world), ['/session']);
  assert.equal(asked.signal.aborted, true, 'it has been answered');
  world.nudge.setToken('bob');
  await world.calm();
  assert.deepEqual(open(world), ['/session']);
  assert.equal(world.requests.at(-1).init.headers['X-Nudge-Token'], 'bob');
  await world.pass(15_000);
  assert.deepEqual(open(world), [], 'nobody answers it');
  world.routes['/session'] = () => answer(204);
  await until(world, () => world.sources.length === 1);

  for (const end of [(page) => page.stop(), (page) => page.pause()]) {
    const page = new World();
    page.routes['/versions'] = never;
    page.start({}, { EventSource: undefined });
    await page.pass(100);
    assert.deepEqual(open(page), ['/versions']);
    end(page.nudge);
    assert.deepEqual(open(page), []);
  }
});

test('of more projects than a question takes, those that were asked of decide', async () => {
  const projects = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [String(1000 - i), 1]));
  for (const [more, reason] of [[{ anonymous: true }, 'token'], [{}, 'denied']]) {
    const world = new World();
    world.routes['/poll-interval'] = (query) => {
      const denied = [...new URLSearchParams(query)].map(([, mark]) => mark.split('@')[0]);
      return answer(200, { ...terms, denied, ...more });
    };
    world.start({ projects });
    for (let n = 0; n < 60; n++) {
      if (!world.source.closed) world.source.fail();
      await world.pass(60_000);
    }
    assert.deepEqual([world.state.reason, world.sources.length], [reason, 1]);
  }
});

test('whoever stops it as a question is given up has stopped it: no poll, no stream', async () => {
  const world = new World();
  let nudge = world.start({
    interval: 100_000,
    getToken: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => (nudge.stop(), reject(signal.reason)))),
  });
  await world.pass(1000);
  const polls = world.polls.length;
  await world.sleep(60_000);
  await world.pass(0);
  assert.deepEqual([world.state.mode, world.polls.length], ['stopped', polls]);

  const bearer = new World();
  let opened = 0;
  const transport = Object.assign(() => (opened++, { close: () => opened-- }), { bearer: true });
  nudge = bearer.start({ transport, getToken: ({ signal }) => (signal.addEventListener('abort', () => nudge.stop()), 'alice') });
  await bearer.pass(1000);
  assert.deepEqual([bearer.state.mode, opened], ['stopped', 0]);
});
