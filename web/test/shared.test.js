import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tabs } from '../.build/transports/shared.js';
import { Browser } from './browser.js';

/** A browser with a tab for each set of projects, all of them with a proven stream. Options go before projects. */
async function opened(...all) {
  const browser = new Browser();
  const open = [];
  for (const options of all) {
    open.push(browser.open({ tabs, ...('projects' in options ? options : { projects: options }) }));
    open.at(-1).start();
    await browser.pass(200);
  }
  await browser.pass(4000);
  assert.deepEqual(open.map((tab) => tab.core.proven), open.map(() => true));
  return [browser, ...open];
}

const roles = (...all) => all.map((tab) => tab.core.role).join(' ');
const asked = (stream) => Object.keys(stream.projects).sort().join(' ');
const ends = (...all) => all.flatMap((tab) => tab.core.ends);

test('tabs share one stream, and each hears of its own projects', async () => {
  const [browser, a, b, c] = await opened({ 1: 100 }, { 1: 100, 2: 100 }, { 3: 100 });
  assert.equal(roles(a, b, c), 'leader follower follower');
  assert.equal(browser.live().length, 1);
  assert.equal(asked(browser.live()[0]), '1 2 3');
  for (const id of [1, 2, 3]) browser.advance(String(id));
  await browser.pass(20);
  assert.deepEqual(a.core.known, { 1: 101 });
  assert.deepEqual(b.core.known, { 1: 101, 2: 101 });
  assert.deepEqual(c.core.known, { 3: 101 });
  assert.deepEqual([a, b, c].map((tab) => tab.core.opened), [1, 1, 1]);
  assert.deepEqual(ends(a, b, c), []);
});

test('a tab alone opens its stream as fast as without', async () => {
  const browser = new Browser();
  browser.open({ tabs }).start();
  await browser.pass(100);
  assert.equal(browser.streams.length, 1);
});

test('who comes later hears the hello at once, as it would be by now, and its proof a second later', async () => {
  const [browser, a] = await opened({ 1: 100, 2: 100, 3: 100 });
  browser.advance('1', 105);
  browser.advance('1', 104); // late, and so nothing new
  browser.advance('2', 110);
  browser.advance('2', 7, { reset: true });
  await browser.pass(99_000);
  browser.live()[0].send('heartbeat', { push: 'degraded', poll_ms: 30_000, fast_ms: 10_000, jitter: 0.2, heartbeat_ms: 25_000 });
  await browser.pass(1000);
  assert.equal(a.core.hello.token_expires_in_s, 3600);
  const b = browser.open({ tabs, projects: { 1: 100, 2: 100 } });
  b.start();
  await browser.pass(30);
  assert.deepEqual(b.core.names(), ['hello']);
  const { versions, unknown, push, poll_ms, token_expires_in_s } = b.core.hello;
  assert.deepEqual([versions, unknown, push, poll_ms], [{ 1: 105, 2: 7 }, [], 'degraded', 30_000]);
  assert.ok(Math.abs(token_expires_in_s - 3496) < 5, token_expires_in_s);
  await browser.pass(1000);
  assert.deepEqual(b.core.names(), ['hello', 'heartbeat']);
  assert.equal(browser.streams.length, 1);
});

test('a stream that is silent proves nothing to who comes later', async () => {
  const [browser] = await opened({ 1: 100 });
  browser.live()[0].silent = true;
  await browser.pass(40_000);
  const b = browser.open({ tabs, projects: { 1: 100 } });
  b.start();
  await browser.pass(1300);
  assert.equal(b.core.names().join(' '), 'hello heartbeat'); // it was heard of recently enough
  const [again] = await opened({ 1: 100 });
  again.live()[0].silent = true;
  again.tabs[0].core.main.lastAt = Infinity; // its core overlooks the silence
  await again.pass(60_000);
  const c = again.open({ tabs, projects: { 1: 100 } });
  c.start();
  await again.pass(4900);
  assert.deepEqual(c.core.names(), ['hello']);
});

test('more projects mean another stream, and the old one ends when that is proven', async () => {
  const [browser, a] = await opened({ 1: 100 });
  const [old] = browser.streams;
  const b = browser.open({ tabs, projects: { 2: 100 } });
  b.start();
  await browser.pass(200);
  assert.equal(browser.live().length, 2);
  assert.deepEqual(b.core.names(), ['hello']);
  browser.advance('1');
  await browser.pass(20);
  assert.deepEqual(a.core.known, { 1: 101 });
  assert.equal(old.closed, false);
  await browser.pass(1000);
  assert.equal(old.closed, true);
  assert.equal(asked(browser.live()[0]), '1 2');
  assert.ok(a.core.proven && b.core.proven);
  // Nor does it end when the new one brings nothing.
  browser.gateway.mute = () => true;
  browser.open({ tabs, projects: { 3: 100 } }).start();
  await browser.pass(60_000);
  assert.equal(asked(browser.live()[0]), '1 2');
  assert.deepEqual(ends(a, b), []);
});

test('many that come at once do not open many streams', async () => {
  const browser = new Browser();
  for (let i = 0; i < 8; i++) browser.open({ tabs, projects: { [i]: 100 } }).start();
  let most = 0;
  for (let i = 0; i < 300; i++) {
    await browser.pass(10);
    most = Math.max(most, browser.live().length);
  }
  assert.ok(most <= 2, `${most} streams at once`);
  assert.ok(browser.streams.length <= 3, `${browser.streams.length} streams`);
  assert.deepEqual(browser.tabs.map((tab) => tab.core.proven), Array(8).fill(true));
});

test('nor do many that come one after the other', async () => {
  const browser = new Browser();
  for (let i = 0; i < 8; i++) {
    browser.open({ tabs, projects: { [i]: 100 } }).start();
    await browser.pass(100);
  }
  await browser.pass(2500);
  assert.ok(browser.streams.length <= 3, `${browser.streams.length} streams`);
  assert.deepEqual(browser.tabs.map((tab) => tab.core.proven), Array(8).fill(true));
});

test('fewer projects mean another stream with the next heartbeats, but a reload costs none', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 2: 100 });
  const { length } = browser.streams;
  b.close();
  browser.open({ tabs, projects: { 2: 100 } }).start();
  await browser.pass(60_000);
  assert.equal(browser.streams.length, length);
  browser.tabs.at(-1).close();
  await browser.pass(60_000);
  assert.equal(asked(browser.live()[0]), '1');
  assert.equal(browser.live().length, 1);
  assert.deepEqual(ends(a), []);

  // Where the other stream brings nothing, this is not tried again and again.
  const [mute, , c] = await opened({ 1: 100 }, { 2: 100 });
  mute.gateway.mute = () => true;
  c.close();
  const before = mute.streams.length;
  await mute.pass(200_000);
  assert.equal(mute.streams.length, before + 1);
  assert.equal(mute.live().length, 1);
});

test('the projects of a tab that crashed are forgotten', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 2: 100 });
  b.crash();
  await browser.pass(120_000);
  assert.equal(asked(browser.live()[0]), '1');
  assert.deepEqual(ends(a), []);
});

for (const [what, act] of Object.entries({
  'is closed': (tab) => tab.close(),
  crashes: (tab) => tab.crash(),
  'is frozen': (tab) => tab.freeze(),
  'goes into the back/forward cache': (tab) => tab.leave(),
  'stops its shim': (tab) => tab.core.stop(),
})) {
  test(`a leader that ${what} is followed by another within a second`, async () => {
    const [browser, a, b, c] = await opened({ 1: 100 }, { 2: 100 }, { 2: 100, 3: 100 });
    act(a);
    browser.advance('2');
    browser.advance('3');
    await browser.pass(1000);
    assert.deepEqual([b.core.known, c.core.known], [{ 2: 101 }, { 2: 101, 3: 101 }]);
    assert.equal(roles(b, c), 'leader follower');
    assert.equal(browser.live().length, 1);
    assert.equal(asked(browser.live()[0]), '2 3');
    browser.advance('3');
    await browser.pass(20);
    assert.deepEqual(c.core.known, { 2: 101, 3: 102 });
    await browser.pass(60_000);
    assert.deepEqual(ends(b, c), []);
    assert.ok(!browser.holders().includes(a));
  });
}

test('a hidden tab that has to lead opens its stream at once, though its timers ring once a second', async () => {
  const [browser, a, b, c] = await opened({ 1: 100 }, { 2: 100 }, { 2: 100, 3: 100 });
  await browser.pass(100);
  for (const tab of [a, b, c]) tab.show('hidden');
  const before = browser.streams.length;
  a.close();
  await browser.pass(100);
  assert.equal(browser.streams.length, before + 1);
  await browser.pass(5000);
  assert.deepEqual([asked(browser.live()[0]), browser.live().length], ['2 3', 1]);
  assert.deepEqual(ends(b, c), []);
});

test('a page that comes back from the cache follows', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 2: 100 });
  a.leave();
  await browser.pass(5000);
  browser.advance('1');
  await browser.pass(5000);
  a.back();
  await browser.pass(3000);
  assert.equal(roles(a, b), 'follower leader');
  assert.deepEqual(a.core.known, { 1: 101 });
  assert.equal(browser.live().length, 1);
  b.freeze();
  await browser.pass(1000);
  assert.equal(a.core.role, 'leader');
  b.resume();
  await browser.pass(3000);
  assert.equal(roles(a, b), 'leader follower');
});

test('no page takes a lock, held or asked for, along when it is left', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 1: 100 });
  assert.ok(browser.holders()[0] === a && browser.waiting()[0] === b);
  b.window.emit('beforeunload');
  assert.equal(browser.waiting().length, 0);
  a.window.emit('beforeunload');
  await browser.pass(0);
  assert.equal(browser.holders().length, 0);
});

test('a page that is not left after all keeps its stream, or follows', async () => {
  const [browser, a] = await opened({ 1: 100 });
  a.window.emit('beforeunload');
  await browser.pass(1100);
  assert.ok(browser.holders()[0] === a);
  assert.equal(browser.streams.length, 1);
  const b = browser.open({ tabs, projects: { 1: 100 } });
  b.start();
  await browser.pass(2000);
  a.window.emit('beforeunload');
  await browser.pass(2000);
  assert.equal(roles(a, b), 'follower leader');
  assert.equal(browser.live().length, 1);
  browser.advance('1');
  await browser.pass(20);
  assert.deepEqual([a.core.known, b.core.known], [{ 1: 101 }, { 1: 101 }]);
  assert.deepEqual(ends(a, b), []);
});

test('a leader that is hidden closes its stream after a minute, and a visible tab leads within a second', async () => {
  const [browser, a, b, c] = await opened({ 1: 100 }, { 2: 100 }, { 2: 100, 3: 100 });
  a.show('hidden');
  await browser.pass(59_000);
  assert.equal(roles(a, b, c), 'leader follower follower');
  const { length } = browser.streams;
  await browser.pass(1000);
  browser.advance('2');
  await browser.pass(1000);
  assert.equal(roles(b, c), 'leader follower');
  assert.deepEqual([browser.live().length, browser.streams.length, asked(browser.live()[0])], [1, length + 1, '2 3']);
  assert.deepEqual([b.core.known, c.core.known], [{ 2: 101 }, { 2: 101 }]);
  await browser.pass(60_000);
  assert.deepEqual(ends(b, c), [], 'nobody had to poll faster');
  assert.ok(b.core.proven && c.core.proven);
  a.show('visible');
  await browser.pass(3000);
  assert.equal(roles(a, b, c), 'follower leader follower');
  assert.deepEqual(ends(a, b, c), []);
});

test('when all are hidden nobody has a stream, and who is shown first leads', async () => {
  const [browser, a, b, c] = await opened({ 1: 100 }, { 1: 100 }, { 1: 100 });
  for (const tab of [a, b, c]) {
    tab.show('hidden');
    await browser.pass(10_000);
  }
  await browser.pass(200_000);
  assert.deepEqual([browser.live().length, browser.holders(), browser.waiting()], [0, [], []]);
  const { length } = browser.streams;
  c.show('visible');
  await browser.pass(1000);
  assert.equal(c.core.role, 'leader');
  a.show('visible');
  await browser.pass(3000);
  assert.equal(roles(a, c), 'follower leader');
  assert.equal(browser.streams.length, length + 1);
});

test('users, and gateways, do not meet', async () => {
  const [browser, a, b, c] = await opened({ projects: { 1: 100 } }, { projects: { 1: 100 }, scope: 'bob' }, { projects: { 1: 100 }, gateway: 'https://other.test' });
  assert.equal(roles(a, b, c), 'leader leader leader');
  assert.equal(browser.live().length, 3);
  assert.equal(new Set(browser.names()).size, 3);
  a.close();
  await browser.pass(60_000);
  assert.equal(browser.live().length, 2);
  assert.ok(b.core.heard.every(([, said]) => said.from === undefined || said.from === 'bob'));
});

test('what one may not see does not hurt others', async () => {
  const browser = new Browser();
  browser.gateway.denied = ['9'];
  const a = browser.open({ tabs, projects: { 1: 100 } });
  const b = browser.open({ tabs, projects: { 1: 100, 9: 100 } });
  const c = browser.open({ tabs, projects: { 9: 100 } });
  for (const tab of [a, b, c]) tab.start();
  await browser.pass(60_000);
  assert.equal(browser.live().length, 1);
  assert.deepEqual([a, b, c].map((tab) => tab.core.hello.denied), [[], ['9'], ['9']]);
  assert.deepEqual(ends(a, b, c), []);
});

test('what a gateway would refuse is asked for alone', async () => {
  const [browser, a] = await opened({ 1: 100 });
  for (const projects of [{ 'a b': 1 }, {}, Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, 1]))]) {
    const tab = browser.open({ tabs, projects });
    tab.start();
    await browser.pass(10);
    assert.equal(tab.core.role, 'solo');
    assert.deepEqual(browser.streams.at(-1).projects, projects);
    await browser.pass(60_000); // nor does it join when rolls are called
    assert.equal(browser.streams.filter((stream) => stream.tab === a).length, 1);
    tab.core.stop();
  }
  assert.deepEqual(ends(a), []);
});

test('a gateway that takes fewer projects than tabs have together still serves each', async () => {
  const browser = new Browser();
  browser.gateway.limit = 3;
  const open = [1, 2, 3].map((i) => browser.open({ tabs, projects: { [i]: 1, [i + 10]: 1 } }));
  for (const tab of open) tab.start();
  await browser.pass(5000);
  assert.deepEqual(open.map((tab) => tab.core.proven), [true, true, true]);
  assert.deepEqual(ends(...open), []);
  assert.equal(browser.live().length, 3);
  browser.gateway.limit = 64; // no verdict is for ever
  await browser.pass(310_000);
  assert.equal(browser.live().length, 1);
  assert.deepEqual(ends(...open), []);
});

test('who goes alone does not try to share again with every heartbeat', async () => {
  const [browser, a] = await opened({ 1: 100, 2: 100 });
  browser.gateway.limit = 3;
  const b = browser.open({ tabs, projects: { 3: 100, 4: 100 } });
  b.start();
  await browser.pass(200_000);
  assert.equal(roles(a, b), 'leader solo');
  assert.equal(browser.streams.length, 3);
  assert.deepEqual(ends(a, b), []);
  b.leave(); // nor is it the last word when the page was away
  browser.gateway.limit = 64;
  await browser.pass(1000);
  b.back();
  await browser.pass(5000);
  assert.equal(roles(a, b), 'leader follower');
});

test('more than 64 projects, or 4 kB of query, are several streams', async () => {
  const many = (from, n, pad = '') => Object.fromEntries(Array.from({ length: n }, (_, i) => [`${from + i}${pad}`, 1]));
  const [browser, a, b, c] = await opened(many(0, 40), many(100, 40), many(0, 20));
  assert.equal(browser.live().length, 2);
  for (const stream of browser.live()) assert.ok(Object.keys(stream.projects).length <= 64);
  browser.advance('0');
  browser.advance('100');
  await browser.pass(20);
  assert.deepEqual([a.core.known[0], b.core.known[100], c.core.known[0]], [101, 101, 101]);
  b.close();
  await browser.pass(60_000);
  assert.equal(browser.live().length, 1);
  assert.deepEqual(ends(a, c), []);

  const [long] = await opened(many(0, 20, 'x'.repeat(100)), many(100, 20, 'x'.repeat(100)));
  assert.equal(long.live().length, 2);
});

test('who leads and opens another stream gets another', async () => {
  const [browser, a, b] = await opened({ projects: { 1: 100 }, token: 'old' }, { projects: { 2: 100 }, token: 'hers' });
  assert.equal(a.transport.bearer, true);
  const [old] = browser.live();
  assert.equal(old.request.token, 'old');
  a.token = 'new';
  a.core.open();
  await browser.pass(500);
  assert.equal(old.closed, false);
  await browser.pass(2000);
  assert.equal(old.closed, true);
  assert.equal(browser.live().length, 1);
  assert.equal(browser.live()[0].request.token, 'new');
  const { length } = browser.streams;
  b.core.open(); // who follows has no need
  await browser.pass(3000);
  assert.equal(browser.streams.length, length);
  assert.deepEqual([a, b].map((tab) => [tab.core.proven, tab.core.streams.size]), [[true, 1], [true, 1]]);
  // Should the new one not come about, the old one stays.
  browser.gateway.mute = () => true;
  const [kept] = browser.live();
  a.core.open();
  const before = browser.streams.length;
  await browser.pass(100_000);
  assert.equal(browser.streams.length, before + 1);
  assert.equal(kept.closed, false);
  assert.ok(b.core.proven);
});

test('the end of a stream is told to all who heard it, with its status, and only to them', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 1: 100 });
  browser.live()[0].lose(502);
  await browser.pass(10);
  assert.deepEqual([a.core.ends, b.core.ends], [['lost 502'], ['lost 502']]);
  await browser.pass(10_000);
  assert.equal(browser.live().length, 1);
  browser.live()[0].send('goodbye', { reason: 'drain', after_ms: 500, spread_ms: 0 });
  await browser.pass(10);
  assert.deepEqual([a.core.ends[1], b.core.ends[1]], ['drain', 'drain']);
  await browser.pass(10_000);
  assert.equal(browser.live().length, 1);
  assert.ok(a.core.proven && b.core.proven);
});

const broken = {
  'no locks': { navigator: {} },
  'no channel': { BroadcastChannel: undefined },
  'no navigator': { navigator: undefined },
  'locks that throw': { navigator: { locks: { request: () => { throw new Error('no'); } } } },
  'locks that refuse': { navigator: { locks: { request: async () => { throw new DOMException('opaque origin', 'SecurityError'); } } } },
  'locks that nobody ever gets': { navigator: { locks: { request: () => new Promise(() => {}) } } },
  'a channel that throws': { BroadcastChannel: class { constructor() { throw new Error('no'); } } },
  'a channel that takes nothing': { BroadcastChannel: class { postMessage() { throw new Error('no'); } close() {} } },
};
for (const [what, env] of Object.entries(broken)) {
  test(`with ${what}, each tab has its own stream`, async () => {
    const browser = new Browser();
    const open = [1, 2].map((i) => browser.open({ tabs, projects: { [i]: 1 }, env }));
    for (const tab of open) tab.start();
    await browser.pass(3900);
    assert.equal(roles(...open), 'solo solo');
    assert.equal(browser.live().length, 2);
    assert.deepEqual(open.map((tab) => tab.core.proven), [true, true]);
    assert.deepEqual(ends(...open), []);
    for (const tab of open) tab.core.stop();
    assert.equal(browser.live().length, 0);
    assert.deepEqual(open.map((tab) => browser.timers(tab) + tab.channels.size + tab.window.count()), [0, 0]);
  });
}

const garbage = [null, 'x', [], { to: 5 }, { to: [{}] }, { lead: 'me' }, { join: 'a', projects: null }, { join: 7, projects: { 'a b': 1 } }];
garbage.push({ join: 7, projects: { 1: 'one' } }, { join: 7, projects: {} }, { leave: {} }, { ping: [] }, { lead: null, leave: {} }, {}, new Map());
for (const said of garbage) {
  test(`garbage on the channel changes nothing: ${JSON.stringify(said)}`, async () => {
    const [browser, a, b] = await opened({ 1: 100 }, { 2: 100 });
    const { length } = browser.streams;
    browser.shout(said);
    await browser.pass(5000);
    browser.advance('1');
    browser.advance('2');
    await browser.pass(20);
    assert.deepEqual([a.core.known, b.core.known], [{ 1: 101 }, { 2: 101 }]);
    assert.deepEqual(ends(a, b), []);
    assert.equal(roles(a, b), 'leader follower');
    assert.equal(browser.streams.length, length);
  });
}

test('what another build relays to a tab does not hurt it', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 2: 100 });
  const { join } = b.posted.find((note) => note.join);
  for (const data of [undefined, null, 5, '{', [], { versions: null }, { versions: 7, unknown: 'x' }]) {
    b.core.heard.length = 0;
    b.core.judges = false; // such data is for the real core, which can read anything
    browser.shout({ to: [join], name: 'hello', data });
    browser.shout({ to: [join], name: 'no such event', data });
    await browser.pass(3000);
  }
  browser.advance('2');
  await browser.pass(20);
  assert.deepEqual(b.core.heard.at(-1)[1].version, 101);
  assert.equal(roles(a, b), 'leader follower');
});

test('an event that cannot be read does not end the sharing', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 2: 100 });
  for (const tab of [a, b]) tab.core.judges = false;
  const [stream] = browser.live();
  for (const name of ['heartbeat', 'version', 'tomorrow', 'hello']) {
    for (const data of ['', 'null', '7', '[]', '{"versions":7}', '{"versions":null,"denied":7}']) stream.event(name, data);
  }
  await browser.pass(5000);
  browser.advance('2');
  await browser.pass(20);
  assert.equal(b.core.heard.at(-1)[1].version, 101);
  assert.equal(roles(a, b), 'leader follower');
  assert.equal(browser.live().length, 1);
});

test('projects may have any name that a gateway takes', async () => {
  const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'];
  const projects = JSON.parse(`{${names.map((name) => `"${name}":100`).join()}}`);
  const [browser, a, b] = await opened({ 1: 100 }, projects);
  assert.equal(browser.live().length, 1);
  assert.deepEqual(Object.keys(browser.live()[0].projects).sort(), ['1', ...names].sort());
  for (const name of names) browser.advance(name);
  await browser.pass(20);
  assert.deepEqual(b.core.heard.filter(([name]) => name === 'version').map(([, said]) => said.project), names);
  assert.deepEqual(a.core.heard.filter(([name]) => name === 'version'), []);
  // They are not what an object has anyway: who has other projects hears nothing of them.
  const c = browser.open({ tabs, projects: { 2: 100 } });
  c.start();
  await browser.pass(3000);
  assert.deepEqual(Object.getOwnPropertyNames(c.core.hello.versions), []);
});

for (const [what, wrong] of Object.entries({
  'throws when it opens': () => { throw new Error('no'); },
  'returns nothing': (transport, request, on) => void transport(request, on),
  'throws when it closes': (transport, request, on) => ({ close() { transport(request, on).close(); throw new Error('no'); } }),
  'loses a stream within the call': (transport, request, on) => (on.lost(), { close() {} }),
  'loses each stream twice': (transport, request, on) => transport(request, { ...on, lost: (why) => (on.lost(why), on.lost(why)) }),
  'goes on after a loss': (transport, request, on) => transport(request, { ...on, lost: (why) => (on.lost(why), on.event('heartbeat', '{}')) }),
  'goes on after close': (transport, request, on) => ({ close: () => (on.event('heartbeat', '{}'), on.lost(), transport(request, on).close()) }),
})) {
  test(`tabs get over a transport that ${what}`, async () => {
    const browser = new Browser();
    const open = [1, 2].map((i) => browser.open({ tabs, projects: { [i]: 100 } }));
    let heal = false;
    for (const tab of open) tab.wrong = (...args) => (heal ? args[0](args[1], args[2]) : wrong(...args));
    for (const tab of open) tab.start();
    await browser.pass(10_000);
    browser.live()[0]?.lose();
    await browser.pass(10_000);
    heal = true;
    for (const stream of browser.live()) stream.lose();
    await browser.pass(400_000);
    assert.deepEqual(open.map((tab) => tab.core.proven), [true, true]);
    browser.advance('1');
    browser.advance('2');
    await browser.pass(20);
    assert.deepEqual(open.map((tab) => tab.core.known), [{ 1: 101 }, { 2: 101 }]);
    assert.equal(browser.live().length, 1);
    for (const tab of open) tab.core.stop();
    assert.deepEqual(open.map((tab) => browser.timers(tab) + tab.channels.size + tab.window.count()), [0, 0]);
  });
}

test('word of a lead that came to an end before one has the lock is not heeded', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 1: 100 });
  browser.shout({ lead: true });
  await browser.pass(5000);
  assert.equal(roles(a, b), 'leader follower');
  assert.equal(browser.streams.length, 1);
});

test('a page may end it all on any event', async () => {
  for (const name of ['hello', 'heartbeat', 'version', 'goodbye']) {
    const [browser, a] = await opened({ 1: 100 });
    await browser.pass(11_000);
    a.core.heard.push = () => a.core.stop();
    browser.live()[0].send(name, { project: '1', version: 102, reason: 'drain', after_ms: 1, versions: {}, unknown: [], denied: [] });
    await browser.pass(0);
    assert.equal(browser.live().length, 0);
    assert.equal(browser.timers(a) + a.channels.size + a.window.count(), 0, name);
  }
});

test('a leader that hangs is not waited for, and followed again when it comes round', async () => {
  const [browser, a] = await opened({ 1: 100 });
  a.frozen = true; // nobody tells it
  const b = browser.open({ tabs, projects: { 1: 100 } });
  b.start();
  await browser.pass(2100);
  assert.equal(b.core.role, 'solo');
  await browser.pass(2000);
  assert.ok(b.core.proven);
  a.frozen = false;
  await browser.pass(40_000);
  assert.equal(roles(a, b), 'leader follower');
  assert.equal(browser.live().length, 1);
  assert.deepEqual(ends(a, b), []);
});

test('nothing is left when it is over', async () => {
  const [browser, a, b] = await opened({ 1: 100 }, { 1: 100 });
  for (const tab of [b, a]) tab.core.stop();
  await browser.pass(10);
  assert.equal(browser.live().length, 0);
  assert.deepEqual([browser.holders(), browser.waiting()], [[], []]);
  assert.deepEqual([a, b].map((tab) => browser.timers(tab) + tab.channels.size + tab.window.count()), [0, 0]);
  a.start();
  await browser.pass(2000);
  assert.equal(a.cores[1].role, 'leader');
});
