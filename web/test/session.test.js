// The token, the cookie that a gateway makes of it, and how it is given back.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, hello, proven, terms, World } from './world.js';

const sessions = (world) => world.requests.filter((r) => r.path === '/session').map((r) => r.init.method);

test('a page that is opened while the gateway is away asks for its token once', async () => {
  for (const down of [() => Promise.reject(new TypeError('unreachable')), () => answer(502), () => answer(503, {}, { 'Retry-After': '5' }), () => new Promise(() => {})]) {
    const world = new World();
    let asked = 0;
    world.routes['/session'] = down;
    world.start({ getToken: async () => `token ${++asked}` });
    await world.pass(600_000);
    assert.equal(asked, 1);
    assert.ok(sessions(world).length > 10, `the gateway was asked ${sessions(world).length} times`);
    assert.ok(world.polls.length > 45, 'the page polls');
    world.routes['/session'] = () => answer(204);
    while (!world.sources.length) assert.ok(await world.ring(world.now + 60_000), 'it never came');
    assert.deepEqual([asked, world.requests.findLast((r) => r.path === '/session').init.headers.Authorization, world.sources.length > 0], [1, 'Bearer token 1', true]);
    await world.prove();
    assert.equal(world.state.mode, 'push');
  }
});

test('a token that the gateway refuses is not kept', async () => {
  const world = new World();
  let asked = 0;
  world.routes['/session'] = (_, { headers }) => answer(headers.Authorization === 'Bearer 2' ? 204 : 401);
  world.start({ getToken: () => `${++asked}` });
  await world.pass(1000);
  assert.deepEqual([asked, world.sources.length], [2, 1]);
});

test('the cookie is given back by stop and by a log-out, if this page had it made', async () => {
  const ends = { stop: (world) => world.nudge.stop(), dispose: (world) => world.nudge[Symbol.dispose](), 'log-out': (world) => world.nudge.setToken(null) };
  for (const [name, end] of Object.entries(ends)) {
    const mine = await proven({ getToken: () => 'token' });
    end(mine);
    end(mine);
    await mine.calm();
    assert.deepEqual(sessions(mine), ['POST', 'DELETE'], name);
    const { init } = mine.requests.at(-1);
    assert.deepEqual([init.credentials, init.keepalive], ['include', true], 'also while the page goes');

    const others = {
      'the application made the cookie': {},
      'there was no token': { getToken: () => null },
      'the token goes with each request': { getToken: () => 'token', transport: Object.assign(() => ({ close() {} }), { bearer: true }) },
    };
    for (const [why, options] of Object.entries(others)) {
      const world = new World();
      world.start(options);
      await world.pass(1000);
      end(world);
      await world.pass(1000);
      assert.deepEqual(sessions(world), [], `${name}: ${why}`);
    }
    const refused = new World();
    refused.routes['/session'] = () => answer(502);
    refused.start({ getToken: () => 'token' });
    await refused.pass(100);
    end(refused);
    await refused.pass(100);
    assert.ok(!sessions(refused).includes('DELETE'), `${name}: the gateway made no cookie`);
  }
});

test('a gateway that cannot take the cookie back changes nothing', async () => {
  for (const reply of [() => answer(404), () => answer(405), () => Promise.reject(new TypeError('unreachable')), () => { throw new Error('no'); }]) {
    const world = await proven({ getToken: () => 'token' });
    world.routes['/session'] = reply;
    world.nudge.stop();
    await world.pass(60_000);
    assert.deepEqual([world.state.mode, world.timers], ['stopped', 0]);
  }
});

test('a page that stops and starts at once, as React does in StrictMode, is without its cookie for seconds at most', async () => {
  for (const order of ['in order', 'the other way round']) {
    const world = new World();
    let cookie = false; // what the gateway and the browser have between them
    const begun = [];
    world.routes = {
      '/session': (_, { method }) => {
        const take = () => ((cookie = method === 'POST'), answer(204));
        // The DELETE of the first instance may arrive after the POST of the second.
        if (method !== 'DELETE' || order === 'in order') return take();
        return new Promise((done) => begun.push(() => done(take())));
      },
      '/poll-interval': () => (cookie ? answer(200, terms) : answer(200, { ...terms, denied: ['42'], anonymous: true })),
    };
    const page = { getToken: () => 'token' };
    const first = world.start(page);
    await world.calm();
    first.stop();
    world.start(page);
    await world.calm();
    for (const end of begun) end();
    await world.calm();
    const limit = world.now + 15_000;
    let greeted;
    while (world.state.stream !== 'proven' && world.now < limit) {
      if (!cookie && !world.source.closed) world.source.fail(); // 401
      else if (!world.source.closed && greeted !== world.source) (greeted = world.source).send('hello', hello);
      await world.pass(500);
      if (cookie) world.source.send('heartbeat', {});
    }
    assert.equal(world.state.stream, 'proven', `${order}: ${world.state.reason} after ${world.now - limit + 15_000} ms`);
    assert.ok(sessions(world).length <= 4, `${sessions(world)}`);
  }
});

test('a token that was given and refused is tried again where there is no getToken: a gateway may have been wrong', async () => {
  const world = new World();
  let wrong = true;
  world.routes['/session'] = () => answer(wrong ? 401 : 204);
  world.start();
  world.nudge.setToken('t');
  await world.pass(600_000);
  assert.equal(world.state.reason, 'token');
  const asked = sessions(world).length;
  assert.ok(asked > 5 && asked < 30, `asked ${asked} times in ten minutes`);
  wrong = false;
  await world.pass(75_000);
  await world.prove();
  assert.equal(world.state.mode, 'push');
});
