import assert from 'node:assert/strict';
import test from 'node:test';
import { projectQuery } from '../.build/transports/url.js';
import * as book from '../.build/ledger.js';
import { read } from '../.build/wire.js';

/** The functions of the ledger around entries of their own. */
function createLedger(projects) {
  const entries = Object.entries(projects).map(([id, have]) => book.entry(id, have));
  const owes = () => book.owes(entries);
  return {
    ids: () => entries.map((e) => e.id),
    marks: () => book.marks(entries),
    hello(message) {
      book.greet(entries, message);
      return owes();
    },
    advance(message, take) {
      const [e] = book.advance(entries, message, take?.());
      return !!e && book.owes([e]);
    },
    ask() {
      book.ask(entries);
      return book.each(entries, (e) => e.asked);
    },
    answer: (_, versions) => book.answer(entries, versions),
    made: (project, version, prev) => book.made(entries, { project, version, prev }),
    gained(_) {
      book.gain(entries);
      return entries.filter((e) => e.found).map((e) => ({ project: e.id, version: e.found }));
    },
    unheard: () => book.unheard(entries).map((e) => ({ project: e.id, version: e.found })),
    owes,
    behind: () => book.behind(entries),
    uncovered: () => book.uncovered(entries),
    versions: () => book.each(entries, (e) => e.have),
  };
}

const hello = (ledger, versions, more = {}) => ledger.hello(read({ versions, ...more }));
const advance = (ledger, version, more = {}) => ledger.advance(read({ project: '42', version, ...more }));
const at = (have) => createLedger({ 42: have });

/** One poll, answered with these versions. */
function poll(ledger, versions) {
  const asked = ledger.ask();
  return ledger.answer(asked, versions ?? {});
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
    ['no number', 123, undefined, { versions: { 42: '124' } }, false],
  ]) {
    const ledger = at(have);
    if (named !== undefined) hello(ledger, { 42: named });
    assert.equal(ledger.hello(read(said)), news, name);
    assert.equal(ledger.owes(), news, name);
  }
});

test('a project that had to wait is polled once when it is served', () => {
  const ledger = at(123);
  hello(ledger, {}, { waiting: ['42'] });
  assert.equal(ledger.uncovered(), true);
  assert.equal(hello(ledger, { 42: 123 }), true);
  assert.equal(ledger.uncovered(), false);
  poll(ledger, { 42: 123 });
  assert.equal(hello(ledger, { 42: 123 }), false);
});

test('whatever a hello leaves out is uncovered', () => {
  for (const said of [{ waiting: ['42'] }, { denied: ['42'] }, { off: ['42'] }, {}, { versions: { 42: -1 } }]) {
    const ledger = at(123);
    ledger.hello(read(said));
    assert.equal(ledger.uncovered(), true, JSON.stringify(said));
  }
  const ledger = at(123);
  assert.equal(ledger.uncovered(), false, 'before any hello');
  ledger.hello(read({ unknown: ['42'] }));
  assert.equal(ledger.uncovered(), false, 'unknown');
});

test('advances', () => {
  const ledger = at(123);
  assert.equal(advance(ledger, 123), false, 'the page has it');
  assert.equal(advance(ledger, 125), true);
  assert.equal(ledger.behind(), 1);
  assert.deepEqual(ledger.ask(), { 42: { have: 123, want: 125 } });
  assert.equal(advance(ledger, 125), false, 'twice');
  assert.equal(advance(ledger, 124), false, 'backwards');
  assert.deepEqual(ledger.ask(), { 42: { have: 123, want: 125 } });
  assert.equal(ledger.advance(read({ project: '8', version: 1 })), false, 'foreign');
  assert.equal(ledger.advance(read({ project: '__proto__', version: 1 })), false);
  for (const odd of [undefined, null, '126', 1.5, -1, NaN, 2 ** 53, {}]) assert.equal(advance(ledger, odd), false);
});

test('unknown extra fields of an advance change nothing', () => {
  const ledger = at(123);
  assert.equal(advance(ledger, 124, { prev: 123, writer: 'tab-1', data: { a: 1 }, later: [] }), true);
});

test('a reset is polled for and lowers the version', () => {
  const ledger = at(125);
  hello(ledger, { 42: 125 });
  assert.equal(advance(ledger, 100, { reset: true }), true);
  assert.equal(ledger.behind(), 0);
  assert.equal(projectQuery(ledger.marks()), 'project=42@100');
  poll(ledger, { 42: 100 });
  assert.deepEqual(ledger.versions(), { 42: 100 });
  assert.equal(ledger.owes(), false);
  assert.equal(advance(ledger, 101), true, 'counting goes on from there');
});

test('an answer in flight does not settle a reset', () => {
  const ledger = at(125);
  hello(ledger, { 42: 125 });
  const asked = ledger.ask();
  advance(ledger, 100, { reset: true });
  ledger.answer(asked, { 42: 125 });
  assert.equal(ledger.owes(), true);
});

test('a lower answer counts once no higher version stands', () => {
  const stands = at(125);
  hello(stands, { 42: 125 });
  poll(stands, { 42: 124 });
  assert.deepEqual(stands.versions(), { 42: 125 }, 'an old answer');

  const free = at(125);
  poll(free, { 42: 100 });
  assert.deepEqual(free.versions(), { 42: 100 }, 'nothing was named');

  const gap = at(125);
  hello(gap, { 42: 125 });
  hello(gap, {}, { unknown: ['42'] });
  poll(gap, { 42: 100 });
  assert.deepEqual(gap.versions(), { 42: 100 }, 'the number was taken back');
  assert.equal(gap.behind(), 0);
  assert.equal(advance(gap, 101), true, 'news below the number that was taken back');
});

test('what the page is known to lack, it lacks until a hello speaks of the project again', () => {
  for (const said of [{ waiting: ['42'] }, { denied: ['42'] }, {}]) {
    const ledger = at(123);
    hello(ledger, { 42: 125 });
    assert.equal(hello(ledger, {}, said), true, JSON.stringify(said));
    assert.equal(ledger.behind(), 1);
    assert.equal(poll(ledger, { 42: 124 }), true, 'stale');
    assert.equal(ledger.behind(), 1);
  }
});

test('a version that nobody vouches for any more does not hide what comes after', () => {
  const ledger = at(8);
  advance(ledger, 10);
  poll(ledger, { 42: 8 });
  assert.equal(hello(ledger, {}, { unknown: ['42'] }), true);
  assert.equal(poll(ledger, { 42: 8 }), false, 'the truth, not an old answer');
  assert.equal(ledger.behind(), 0);
  assert.equal(ledger.owes(), false);
  assert.equal(advance(ledger, 9), true, 'news, though below what was rolled back');
  assert.deepEqual(ledger.ask(), { 42: { have: 8, want: 9 } });

  const lower = at(8);
  advance(lower, 10);
  hello(lower, {}, { unknown: ['42'] });
  poll(lower, { 42: 7 });
  assert.deepEqual([lower.versions(), lower.behind()], [{ 42: 7 }, 0], 'a step back');
});

test('an answer older than what was announced is stale', () => {
  const ledger = at(123);
  hello(ledger, { 42: 125 });
  assert.equal(poll(ledger, { 42: 123 }), true);
  assert.equal(poll(ledger, { 42: 124 }), true);
  assert.deepEqual(ledger.versions(), { 42: 124 });
  assert.equal(poll(ledger, { 42: 125 }), false);
});

test('news that came during the poll does not make its answer stale', () => {
  const ledger = at(123);
  advance(ledger, 124);
  const asked = ledger.ask();
  advance(ledger, 125);
  assert.equal(ledger.answer(asked, { 42: 124 }), false);
  assert.equal(ledger.owes(), true);
});

test('an answer without versions brings what was wanted', () => {
  for (const versions of [{}, { 42: 'x' }, { 42: null }, { 7: 200 }]) {
    const ledger = at(123);
    hello(ledger, { 42: 125 });
    assert.equal(poll(ledger, versions), false);
    assert.deepEqual(ledger.versions(), { 42: 125 });
  }
});

test('the query names what a gateway last named, else what the page has', () => {
  const ledger = createLedger({ 42: 123, 'a:b~1': 5 });
  assert.equal(projectQuery(ledger.marks()), 'project=42@123&project=a%3Ab~1@5');
  hello(ledger, { 42: 124 });
  poll(ledger, { 42: 126 });
  assert.equal(projectQuery(ledger.marks()), 'project=42@124&project=a%3Ab~1@5');
});

test('odd projects', () => {
  const ledger = createLedger(JSON.parse('{"__proto__": 3, "constructor": 4, "x": "7", "y": -1, "z": null}'));
  assert.deepEqual(ledger.ids(), ['__proto__', 'constructor', 'x', 'y', 'z']);
  assert.deepEqual(Object.values(ledger.versions()), [3, 4, 0, 0, 0]);
  assert.equal(hello(ledger, {}), false);
  assert.equal(ledger.uncovered(), true);
});
