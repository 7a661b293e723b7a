import assert from 'node:assert/strict';
import test from 'node:test';
import { createAnnouncements } from '../.build/announced-versions.js';
import { read } from '../.build/messages.js';
import { projectQuery } from '../.build/transports/url.js';
import { createVersions } from '../.build/poll-needed.js';

/** The versions of these projects, in the words of these tests. */
function create(projects) {
  const warned = [];
  const announcements = createAnnouncements();
  const all = createVersions(announcements, (text) => warned.push(text));
  all.watch(projects);
  return {
    ...all,
    announcements,
    warned,
    hello(message) {
      all.hello(announcements.hello(message, all.lags));
      return all.owes();
    },
    /** Whether a poll is needed for it. */
    advance(message, apply) {
      const told = announcements.news(message);
      if (!told) return false;
      if (apply) all.take(message, apply);
      Object.assign(told, { version: message.version, holds: true });
      return all.advance(told, message.reset)[1];
    },
    ask() {
      all.ask();
      return all.asked();
    },
  };
}

const hello = (versions, numbers, more = {}) => versions.hello(read({ versions: numbers, ...more }));
const advance = (versions, version, more = {}) => versions.advance(read({ project: '42', version, ...more }));
const at = (have) => create({ 42: have });

/** One poll, answered with these versions. Gives whether it is to be asked again. */
function poll(versions, numbers) {
  versions.ask();
  return versions.answer(numbers ?? {}) > 0;
}

test('a hello asks for a poll only if it has something new', () => {
  for (const [name, have, named, said, news] of [
    ['equal', 123, undefined, { versions: { 42: 123 } }, false],
    ['above', 123, undefined, { versions: { 42: 124 } }, true],
    ['below the page, never named higher', 123, undefined, { versions: { 42: 122 } }, false],
    ['below what was named: a reset', 123, 123, { versions: { 42: 122 } }, true],
    ['as named before', 123, 122, { versions: { 42: 122 } }, false],
    ['unknown', 123, undefined, { unknown: ['42'] }, true],
    ['waiting', 123, undefined, { waiting: ['42'] }, false],
    ['another project', 123, undefined, { versions: { 42: 123, 7: 9 }, unknown: ['8'] }, false],
    ['digits', 123, undefined, { versions: { 42: '124' } }, true],
    ['no number', 123, undefined, { versions: { 42: 'x' } }, false],
  ]) {
    const versions = at(have);
    if (named !== undefined) hello(versions, { 42: named });
    assert.equal(versions.hello(read(said)), news, name);
    assert.equal(versions.owes(), news, name);
  }
});

test('a project that had to wait is polled once when it is served', () => {
  const versions = at(123);
  hello(versions, {}, { waiting: ['42'] });
  assert.equal(versions.uncovered(), true);
  assert.equal(hello(versions, { 42: 123 }), true);
  assert.equal(versions.uncovered(), false);
  poll(versions, { 42: 123 });
  assert.equal(hello(versions, { 42: 123 }), false);
});

test('whatever a hello leaves out is uncovered', () => {
  for (const said of [{ waiting: ['42'] }, { denied: ['42'] }, { off: ['42'] }, {}, { versions: { 42: -1 } }]) {
    const versions = at(123);
    versions.hello(read(said));
    assert.equal(versions.uncovered(), true, JSON.stringify(said));
  }
  const versions = at(123);
  versions.hello(read({ unknown: ['42'] }));
  assert.equal(versions.uncovered(), false, 'unknown');
});

test('advances', () => {
  const versions = at(123);
  assert.equal(advance(versions, 123), false, 'the page has it');
  assert.equal(advance(versions, 125), true);
  assert.equal(versions.behind(), 1);
  assert.deepEqual(versions.ask(), { 42: { have: 123, want: 125 } });
  assert.equal(advance(versions, 125), false, 'twice');
  assert.equal(advance(versions, 124), false, 'backwards');
  assert.deepEqual(versions.ask(), { 42: { have: 123, want: 125 } });
  assert.equal(versions.advance(read({ project: '8', version: 1 })), false, 'foreign');
  assert.equal(versions.advance(read({ project: '__proto__', version: 1 })), false);
  for (const odd of [undefined, null, '1e3', ' 126', '-1', 1.5, -1, NaN, 2 ** 53, {}]) assert.equal(advance(versions, odd), false);
});

test('unknown extra fields of an advance change nothing', () => {
  const versions = at(123);
  assert.equal(advance(versions, 124, { prev: 123, writer: 'tab-1', data: { a: 1 }, later: [] }), true);
});

test('a reset is polled for and lowers the version', () => {
  const versions = at(125);
  hello(versions, { 42: 125 });
  assert.equal(advance(versions, 100, { reset: true }), true);
  assert.equal(versions.behind(), 0);
  assert.equal(projectQuery(versions.marks()), 'project=42@100');
  poll(versions, { 42: 100 });
  assert.deepEqual(versions.shown(), { 42: 100 });
  assert.equal(versions.owes(), false);
  assert.equal(advance(versions, 101), true, 'counting goes on from there');
});

test('an answer in flight does not settle a reset', () => {
  const versions = at(125);
  hello(versions, { 42: 125 });
  versions.ask();
  advance(versions, 100, { reset: true });
  versions.answer({ 42: 125 });
  assert.equal(versions.owes(), true);
});

test('a lower answer counts once no higher version stands', () => {
  const stands = at(125);
  hello(stands, { 42: 125 });
  poll(stands, { 42: 124 });
  assert.deepEqual(stands.shown(), { 42: 125 }, 'an old answer');

  const free = at(125);
  poll(free, { 42: 100 });
  assert.deepEqual(free.shown(), { 42: 100 }, 'nothing was named');

  const gap = at(125);
  hello(gap, { 42: 125 });
  hello(gap, {}, { unknown: ['42'] });
  poll(gap, { 42: 100 });
  assert.deepEqual(gap.shown(), { 42: 100 }, 'the number was taken back');
  assert.equal(gap.behind(), 0);
  assert.equal(advance(gap, 101), true, 'news below the number that was taken back');
});

test('what the page is known to lack, it lacks until a hello speaks of the project again', () => {
  for (const said of [{ waiting: ['42'] }, { denied: ['42'] }, {}]) {
    const versions = at(123);
    hello(versions, { 42: 125 });
    assert.equal(hello(versions, {}, said), true, JSON.stringify(said));
    assert.equal(versions.behind(), 1);
    assert.equal(poll(versions, { 42: 124 }), true, 'stale');
    assert.equal(versions.behind(), 1);
  }
});

test('a version that nobody vouches for any more does not hide what comes after', () => {
  const versions = at(8);
  advance(versions, 10);
  poll(versions, { 42: 8 });
  assert.equal(hello(versions, {}, { unknown: ['42'] }), true);
  assert.equal(poll(versions, { 42: 8 }), false, 'the truth, not an old answer');
  assert.equal(versions.behind(), 0);
  assert.equal(versions.owes(), false);
  assert.equal(advance(versions, 9), true, 'news, though below what was rolled back');
  assert.deepEqual(versions.ask(), { 42: { have: 8, want: 9 } });

  const lower = at(8);
  advance(lower, 10);
  hello(lower, {}, { unknown: ['42'] });
  poll(lower, { 42: 7 });
  assert.deepEqual([lower.shown(), lower.behind()], [{ 42: 7 }, 0], 'a step back');
});

test('an answer older than what was announced is stale', () => {
  const versions = at(123);
  hello(versions, { 42: 125 });
  assert.equal(poll(versions, { 42: 123 }), true);
  assert.equal(poll(versions, { 42: 124 }), true);
  assert.deepEqual(versions.shown(), { 42: 124 });
  assert.equal(poll(versions, { 42: 125 }), false);
});

test('news that came during the poll does not make its answer stale', () => {
  const versions = at(123);
  advance(versions, 124);
  versions.ask();
  advance(versions, 125);
  assert.equal(versions.answer({ 42: 124 }), 0);
  assert.equal(versions.owes(), true);
});

test('an answer without versions brings what was wanted', () => {
  for (const told of [{}, { 7: 200 }]) {
    const versions = at(123);
    hello(versions, { 42: 125 });
    assert.equal(poll(versions, told), false);
    assert.deepEqual(versions.shown(), { 42: 125 });
  }
});

test('the query names what a gateway last named, else what the page has', () => {
  const versions = create({ 42: 123, 'a:b~1': 5 });
  assert.equal(projectQuery(versions.marks()), 'project=42@123&project=a%3Ab~1@5');
  hello(versions, { 42: 124 });
  poll(versions, { 42: 126 });
  assert.equal(projectQuery(versions.marks()), 'project=42@124&project=a%3Ab~1@5');
});

test('odd projects', () => {
  const versions = create(JSON.parse('{"__proto__": 3, "constructor": 4, "x": "7", "y": -1, "z": null}'));
  assert.deepEqual(Object.keys(versions.shown()), ['__proto__', 'constructor', 'x', 'y', 'z']);
  assert.deepEqual(Object.values(versions.shown()), [3, 4, 7, 0, 0]);
  assert.equal(versions.warned.length, 2);
  assert.equal(hello(versions, {}), false);
  assert.equal(versions.uncovered(), true);
});

test('a version that cannot be read never counts as having it, and the developer is told', () => {
  for (const odd of ['x', null, -1, 1.5, NaN, '', '12.5', 2 ** 53, '9007199254740993', {}, [124], true]) {
    const versions = at(123);
    hello(versions, { 42: 124 });
    assert.equal(poll(versions, { 42: odd }), true, String(odd));
    assert.deepEqual([versions.shown(), versions.behind()], [{ 42: 123 }, 1]);
    assert.match(versions.warned[0], /^project 42: .* is no version; write an integer/);
  }
  const versions = at('123');
  hello(versions, { 42: '124' });
  assert.equal(poll(versions, { 42: '123' }), true, 'digits of a lagging replica');
  assert.equal(poll(versions, { 42: '124' }), false);
  assert.deepEqual([versions.shown(), versions.warned], [{ 42: 124 }, []]);
});

test('a project has two numbers: what is shown, and what the application has confirmed', () => {
  const versions = at(123);
  hello(versions, { 42: 123 });
  versions.advance(read({ project: '42', version: 124, prev: 123, data: {} }), () => {});
  assert.deepEqual(versions.shown(), { 42: 124 });
  assert.deepEqual(versions.ask(), { 42: { have: 123, want: 124 } }, 'the poll asks since what is confirmed');
  assert.equal(versions.answer({ 42: 123 }), 1, 'a lagging replica: asked again');
  assert.deepEqual(versions.shown(), { 42: 124 });
  assert.equal(poll(versions, { 42: 124 }), false);
  assert.deepEqual(versions.ask(), { 42: { have: 124 } });
});

test('what was applied and is never confirmed is taken back', () => {
  const versions = at(123);
  hello(versions, { 42: 123 });
  versions.advance(read({ project: '42', version: 124, prev: 123, data: {} }), () => {});
  for (let n = 0; n < 4; n++) assert.equal(poll(versions, { 42: 123 }), true);
  assert.deepEqual(versions.refuted(), []);
  assert.equal(poll(versions, { 42: 123 }), false, 'asking again at once does not help');
  assert.deepEqual(versions.refuted(), [['42', 123]]);
  assert.deepEqual([versions.shown(), versions.behind()], [{ 42: 123 }, 1]);
});

test('a version that the application does not have, again and again, is ahead; the haste goes, and it may still come', () => {
  const versions = at(3);
  hello(versions, { 42: 125 });
  const asked = [];
  for (let n = 1; n <= 10; n++) {
    asked.push(poll(versions, { 42: 3 }));
    assert.equal(versions.ahead().length, n < 8 ? 0 : 1, `answer ${n}`);
  }
  assert.deepEqual(asked, [true, true, true, true, false, false, false, false, false, false]);
  assert.deepEqual([versions.ahead(), versions.patience()], [[['42', 3, 125]], 4]);
  poll(versions, { 42: 125 });
  assert.deepEqual([versions.ahead(), versions.behind(), versions.patience()], [[], 0, Infinity]);
});

test('a project that nobody watches any more asks for nothing, and is still known until the next stream', () => {
  const versions = at(123);
  versions.watch({ 7: 3 });
  hello(versions, { 42: 123, 7: 3 });
  versions.unwatch({ 7: 0 });
  assert.deepEqual([versions.shown(), versions.marks()], [{ 42: 123 }, { 42: 123 }]);
  assert.equal(versions.advance(read({ project: '7', version: 4 })), false);
  assert.equal(versions.watch({ 7: 3 }), false, 'the stream serves it');
  assert.deepEqual([versions.behind(), versions.owes()], [1, true], 'news that came meanwhile');
  versions.unwatch({ 7: 0 });
  versions.announcements.prune();
  assert.equal(versions.watch({ 7: 3 }), true, 'a new stream does not');
});

test('two polls for one project share what was announced, and each has its own versions', () => {
  const announcements = createAnnouncements();
  const [first, second] = [1, 2].map(() => createVersions(announcements, assert.fail));
  first.watch({ 42: 123 });
  const words = announcements.hello(read({ versions: { 42: 124 } }), first.lags);
  assert.deepEqual(first.hello(words), [['42', 124]]);
  assert.equal(second.watch({ 42: 124 }), false, 'the stream serves it');
  assert.deepEqual([first.owes(), second.owes()], [true, false]);
  first.unwatch({ 42: 0 });
  announcements.prune();
  assert.equal(second.covered(), true, 'it is still watched');
});

test('a change that cannot be applied is polled for', () => {
  const versions = at(123);
  hello(versions, { 42: 123 });
  const change = read({ project: '42', version: 124, prev: 123, data: {} });
  assert.throws(() => versions.take(change, () => assert.fail()));
  assert.equal(versions.advance(change), true);
  assert.deepEqual(versions.shown(), { 42: 123 });
});

test('of a version that nobody has said, the next poll finds it out; until then the page does not rely on push', () => {
  for (const [name, said, have] of [
    ['a hello names it', { versions: { 42: 123 } }, 123],
    ['the gateway does not know it', { unknown: ['42'] }, 0],
  ]) {
    const versions = at(undefined);
    assert.deepEqual(versions.marks(), { 42: 0 }, name);
    assert.equal(versions.hello(read(said)), false, name);
    assert.equal(versions.covered(), false, name);
    assert.equal(poll(versions), false, name);
    assert.deepEqual([versions.asked(), versions.covered()], [{ 42: { have, ...(have && { want: have }) } }, true], name);
  }
});

test('a poll that was answered before any stream served the project finds nothing out', () => {
  const versions = at(undefined);
  poll(versions);
  assert.equal(versions.covered(), false);
  assert.equal(hello(versions, { 42: 123 }), false);
  assert.equal(versions.covered(), false);
  assert.equal(poll(versions, { 42: 123 }), false);
  assert.equal(versions.covered(), true);
});

test('where the version is unknown, news asks for a poll, and an old answer for another', () => {
  const versions = at(undefined);
  assert.equal(advance(versions, 124), true);
  assert.deepEqual(versions.ask(), { 42: { have: 0, want: 124 } });
  assert.ok(versions.answer({ 42: 123 }) > 0);
  assert.deepEqual(versions.shown(), { 42: 123 });
  assert.deepEqual(versions.ask(), { 42: { have: 123, want: 124 } });
});
