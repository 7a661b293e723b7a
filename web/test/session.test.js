// The token, the cookie that a gateway makes of it, and how it is given back.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answer, cadence, hello, proven, terms, World } from './world.js';

const sessions = (world) => world.requests.filter((r) => r.path === '/session').map((r) => r.init.method);

test('a page that is opened while the gateway is away asks for its token once', async () => {
  for (const down of [() => Promise.reject(new TypeError('unreachable')), () => answer(502), () => answer(503, {}, { 'Retry-After': '5' }), () => new Promise(() => {})]) {
    const world = new World();
    let asked = 0;
    world.routes['/session'] = down;
    world.start({ getToken: async () => `token-${++asked}` });
    await world.pass(600_000);
    assert.equal(asked, 1);
    assert.ok(sessions(world).length > 10, `the gateway was asked ${sessions(world).length} times`);
    assert.ok(world.polls.length > 45, 'the page polls');
    world.routes['/session'] = () => answer(204);
    while (!world.sources.length) assert.ok(await world.ring(world.now + 60_000), 'it never came');
    assert.deepEqual([asked, world.requests.findLast((r) => r.path === '/session').init.headers['X-Nudge-Token'], world.sources.length > 0], [1, 'token-1', true]);
    await world.prove();
    assert.equal(world.state.mode, 'push');
  }
});

test('a token that the gateway refuses is not kept', async () => {
  const world = new World();
  let asked = 0;
  world.routes['/session'] = (_, { headers }) => answer(headers['X-Nudge-Token'] === '2' ? 204 : 401);
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

// ---- where the cookie does not come back, or is another page's

/** A gateway whose cookies the browser does not keep, as those of another site. Streams by fetch are answered by `events`. */
function withoutCookies(world, token = 't') {
  const streams = [];
  const nobody = { ...terms, denied: ['42'], anonymous: true };
  world.routes = {
    '/session': () => answer(204, {}, { 'X-Nudge-Caller': 'ann-----' }),
    '/poll-interval': (_, { headers }) => answer(200, headers?.['X-Nudge-Token'] === token ? terms : nobody),
    '/events': (_, { headers, signal }) => {
      if (headers?.['X-Nudge-Token'] !== token) return answer(401, { code: 'missing' });
      const stream = new TransformStream();
      const writer = stream.writable.getWriter();
      const text = new TextEncoder();
      const send = (name, data) => writer.write(text.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)).catch(() => {});
      streams.push({ send, headers, signal });
      signal.addEventListener('abort', () => writer.abort().catch(() => {}));
      return { status: 200, headers: new Headers({ 'Content-Type': 'text/event-stream' }), body: stream.readable };
    },
  };
  return streams;
}

/** Passes time until a stream by fetch is there, then proves it. Streams by EventSource fail. */
async function provenByHeader(world, streams) {
  const limit = world.now + 60_000;
  while (!streams.length && world.now < limit) {
    if (world.sources.length && !world.source.closed) world.source.fail();
    await world.pass(250);
  }
  streams[0]?.send('hello', hello);
  await new Promise((done) => setTimeout(done));
  await world.pass(1000);
  streams[0]?.send('heartbeat', cadence);
  await new Promise((done) => setTimeout(done));
  await world.calm();
}

test('the token goes into a header where the cookie does not come back', async () => {
  const world = new World();
  const streams = withoutCookies(world);
  let asked = 0;
  world.start({ getToken: () => (asked++, 't') });
  const from = world.now;
  await provenByHeader(world, streams);
  assert.deepEqual([world.state.stream, world.state.mode], ['proven', 'push']);
  assert.ok(world.now - from < 10_000, `it took ${world.now - from} ms`);
  assert.ok(asked <= 2, `the application was asked ${asked} times`);
  assert.deepEqual(world.warned, []);
  const before = sessions(world).length;
  world.nudge.stop();
  await world.calm();
  assert.equal(streams[0].signal.aborted, true);
  assert.equal(sessions(world).length, before, 'there is no cookie to take back');
});

test('so it does where the gateway makes no cookie, or none for so large a token', async () => {
  for (const [status, code] of [[404, 'not_found'], [413, 'too_large']]) {
    const world = new World();
    const streams = withoutCookies(world);
    world.routes['/session'] = () => answer(status, { code, detail: 'no' });
    world.start({ getToken: () => 't' });
    await provenByHeader(world, streams);
    assert.deepEqual([world.state.stream, world.sources.length], ['proven', 0], code);
  }
});

test('where it cannot, the console says so once, with the fix', async () => {
  const choose = (world) => ({ getToken: () => 't', transport: (request, on) => (setTimeout(() => {}), world.lost.push(on.lost), { close() {} }) });
  for (const [name, options, text] of [
    ['another transport', choose, /no token reaches https:\/\/app\.test; .*transport: fetchStream\(\)/],
    ['no getToken', () => ({}), /no token reaches https:\/\/app\.test; .*getToken/],
  ]) {
    const world = new World();
    world.lost = [];
    withoutCookies(world);
    world.start(options(world));
    for (let i = 0; i < 100; i++) {
      if (world.sources.length && !world.source.closed) world.source.fail();
      world.lost.shift()?.();
      await world.pass(10_000);
    }
    assert.equal(world.warned.length, 1, `${name}: ${world.warned}`);
    assert.match(world.warned[0], text, name);
  }
});

test('a refusal is in the console once, in the words of the gateway', async () => {
  const detail = 'pages of https://app.test may not do that here, where Host is 127.0.0.1:8080; …';
  for (const [path, reply, text] of [
    ['/session', () => answer(403, { code: 'origin', detail }), detail],
    ['/session', () => answer(401, { code: 'invalid', detail: 'the token is not accepted' }), 'the token is not accepted'],
    ['/session', () => answer(401), 'HTTP 401'], // of a proxy in front
    ['/poll-interval', () => answer(200, { ...terms, denied: ['42'] }), 'the token covers none of its projects'],
  ]) {
    const world = new World();
    world.routes['/poll-interval'] = () => answer(200, { ...terms, denied: ['42'], anonymous: true });
    world.routes[path] = reply;
    world.start({ getToken: () => 't', transport: (request, on) => (queueMicrotask(on.lost), { close() {} }) });
    for (let i = 0; i < 50; i++) {
      if (world.sources.length && !world.source.closed) world.source.fail();
      await world.pass(10_000);
    }
    assert.deepEqual(world.warned, [`nudge: https://app.test refuses this page: ${text}`]);
  }
});

test('a stream with the cookie of another page is dropped unseen, and the page hears by a header', async () => {
  for (const first of ['hello', 'terms']) {
    const world = new World();
    const streams = withoutCookies(world);
    world.routes['/poll-interval'] = (_, { headers }) => answer(200, headers?.['X-Nudge-Token'] ? { ...terms, caller: 'ann-----' } : { ...terms, caller: 'bob-----', denied: ['42'] });
    let asked = 0;
    world.start({ getToken: () => (asked++, 't') });
    await world.calm();
    if (first === 'hello') world.source.send('hello', { ...hello, caller: 'bob-----', versions: { 42: 999 } });
    else world.source.fail();
    await provenByHeader(world, streams);
    assert.deepEqual([world.source.closed, world.state.behind, asked, world.polls.length], [true, 0, 1, 0], first);
    assert.deepEqual([world.state.stream, streams[0].headers['X-Nudge-Token']], ['proven', 't'], first);
  }
});

test('its own stream is taken, and so is that of a gateway which names nobody', async () => {
  for (const caller of ['ann-----', undefined]) {
    const world = new World();
    world.routes['/session'] = () => answer(204, {}, { 'X-Nudge-Caller': 'ann-----' });
    world.start({ getToken: () => 't' });
    await world.calm();
    await world.prove({ caller });
    assert.deepEqual([world.state.stream, world.sources.length], ['proven', 1]);
  }
});

test('tabs that share the transport of the page give the gateway their token again', async () => {
  const world = new World();
  world.routes['/session'] = () => answer(204, {}, { 'X-Nudge-Caller': 'ann-----' });
  const streams = [];
  world.start({ getToken: () => 't', transport: (request, on) => (streams.push({ request, on }), { close() {} }) });
  await world.calm();
  streams[0].on.event('hello', { ...hello, caller: 'bob-----' });
  assert.equal(world.state.stream, 'waiting');
  await world.pass(11_000);
  assert.equal(sessions(world).length, 2);
  assert.equal(streams.length, 2);
  assert.match(world.warned.join(), /another page has replaced the cookie .* fetchStream/);
});

test('the stream of the last user ends when another logs in', async () => {
  const world = await proven({ getToken: () => 'ann' });
  await world.live(10_000);
  const last = world.source;
  world.routes['/session'] = () => new Promise(() => {}); // however long it takes
  world.nudge.setToken('bob');
  assert.equal(last.closed, true);
  assert.equal(world.state.interval, 300_000, 'the page polls no more than before');
});

// ---- gateways of earlier builds

test('a gateway that does not know the header gets the token as it used to', async () => {
  const world = new World();
  world.routes['/session'] = (_, { headers }) => (headers.Authorization === 'Bearer t' ? answer(204) : answer(401, { code: 'missing' }));
  let asked = 0;
  world.start({ getToken: () => (asked++, 't') });
  await world.calm();
  await world.prove();
  assert.deepEqual([world.state.mode, asked, sessions(world).length], ['push', 1, 2]);
});

test('so does one of another origin, where the browser does not send the header', async () => {
  for (const bearer of [false, true]) {
    const world = new World();
    const older = (then) => (_, { headers }) => {
      if (headers?.['X-Nudge-Token']) throw new TypeError('Failed to fetch'); // the preflight
      return then(headers);
    };
    world.routes = { '/session': older(() => answer(204)), '/poll-interval': older((headers) => answer(200, bearer && !headers?.Authorization ? { ...terms, anonymous: true, denied: ['42'] } : terms)) };
    const streams = [];
    const transport = (request, on) => (streams.push({ request, on }), { close() {} });
    world.start({ gateway: 'https://push.test', getToken: () => 't', ...(bearer && { transport: Object.assign(transport, { bearer }) }) });
    await world.calm();
    for (let i = 0; i < 10 && !streams.at(-1)?.request.headers.Authorization && !world.sources.length; i++) {
      if (streams.at(-1)?.request.headers['X-Nudge-Token']) streams.at(-1).on.lost();
      await world.pass(2000);
    }
    if (bearer) assert.deepEqual(streams.at(-1).request.headers, { Authorization: 'Bearer t' });
    else assert.equal(world.sources.length, 1);
    assert.deepEqual(world.warned, []);
  }
});

test('a gateway of the same origin that is away is not asked with Authorization', async () => {
  const world = new World();
  world.routes['/session'] = () => Promise.reject(new TypeError('unreachable'));
  world.start({ getToken: () => 't' });
  await world.pass(60_000);
  assert.ok(world.requests.every(({ init }) => !init.headers?.Authorization));
});

test('an application without a token route is asked as rarely as a poll that fails', async () => {
  const times = [];
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World(seed);
    let asked = 0;
    world.start({ getToken: () => (asked++, Promise.reject(new Error('404'))) });
    await world.pass(50_000);
    times.push(asked);
  }
  const mean = times.reduce((a, b) => a + b) / times.length;
  assert.ok(mean < 5, `asked ${times} times in 50 s`);
});

test('a token is kept while it is good, though no other can be fetched', async () => {
  const world = new World();
  let asked = 0;
  world.start({ getToken: () => (asked++ ? Promise.reject(new Error('away')) : 't') });
  await world.calm();
  await world.prove({ token_expires_in_s: 100 });
  await world.live(95_000);
  assert.equal(world.state.mode, 'push');
  assert.ok(asked > 1 && asked < 8, `asked ${asked} times`);
});

test('what is no token is named in the console, asked for again, and never sent', async () => {
  const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl';
  const wrong = {
    'a page for logging in': '<!DOCTYPE html>\n<html><body>Log in</body></html>',
    'JSON text': JSON.stringify(jwt),
    'an object as JSON': JSON.stringify({ token: jwt }),
    'an object': { token: jwt },
    'with Bearer': `Bearer ${jwt}`,
    'with a byte order mark in it': `${jwt.slice(0, 9)}\ufeff${jwt.slice(9)}`,
    'other letters': 'größe',
    'a number': 7,
  };
  for (const [name, value] of Object.entries(wrong)) {
    const world = new World();
    let asked = 0;
    let given = value;
    world.start({ getToken: () => (asked++, given) });
    await world.pass(120_000);
    assert.deepEqual([sessions(world), world.state.reason, asked > 1], [[], 'token', true], name);
    assert.equal(world.warned.length, 1, name);
    assert.match(world.warned[0], /what getToken gave is no token/);
    assert.ok(!world.warned[0].includes('eyJ') && !world.warned[0].includes('Log in'), 'it may be a secret');
    assert.ok(world.polls.length > 5, 'the page polls');
    given = ` ${jwt}\r\n`; // as a file or a template gives it
    while (!world.sources.length) assert.ok(await world.ring(world.now + 600_000), name);
    assert.equal(world.requests.findLast((r) => r.path === '/session').init.headers['X-Nudge-Token'], jwt, name);
  }
});

test('a getToken that throws is named in the console with its error', async () => {
  const world = new World();
  world.start({
    getToken: async () => {
      throw new TypeError('user is undefined');
    },
  });
  await world.pass(60_000);
  assert.deepEqual(world.warned, ['nudge: getToken failed, and is tried again: TypeError: user is undefined']);
});
