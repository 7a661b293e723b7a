import assert from 'node:assert/strict';
import test from 'node:test';
import { newsWindow, jittered, residue, served } from '../.build/interval-math.js';

test('jitter', () => {
  assert.equal(jittered(0, 100, 0.2), 80);
  assert.equal(jittered(0.5, 100, 0.2), 100);
  assert.equal(jittered(1, 100, 0.25), 125);
  assert.equal(jittered(0.7, 100, 0), 100);
});

test('what is left of an interval, for pages that have long gone by it', () => {
  assert.equal(residue(0, 1000, 0.2), 0);
  assert.equal(residue(0.5, 1000, 0.2), 500);
  assert.equal(Math.round(residue(0.8, 1000, 0.2)), 800, 'where the two halves meet');
  assert.equal(residue(1, 1000, 0.2), 1200);
  assert.equal(residue(0.7, 1000, 0), 700);
  // As many are left with less than t as the waits of pages at rest would leave: (1 / ms) ∫ P(wait > x) dx from 0 to t.
  const share = (t) => t - (t > 0.8 ? (t - 0.8) ** 2 / 0.8 : 0);
  for (let draw = 0; draw < 1; draw += 0.01) assert.ok(Math.abs(share(residue(draw, 1, 0.2)) - draw) < 1e-9, String(draw));
});

test('the first news fixes the due time', () => {
  const first = newsWindow(undefined, 1000, 100, 0.5, 9000);
  assert.equal(first.due, 1050);
  assert.equal(newsWindow(first, 1020, 5000, 0.9, 9000), first);
  assert.equal(newsWindow(first, 4000, 5000, 0.9, 9000), first, 'even if its poll is late');
  assert.equal(newsWindow(first, 1010, 100, 0.1, 9000), first, 'as wide: it was meant for the same pages');
  const short = newsWindow(first, 1010, 10, 0.9, 9000);
  assert.deepEqual([short.due, short.start, short.spread], [1015, 1000, 100], 'a shorter spread may bring it forward');
  assert.equal(newsWindow(first, 1048, 10, 0.5, 9000).due, 1050);
});

test('a poll that is due within the window serves', () => {
  assert.equal(newsWindow(undefined, 1000, 100, 0.1, 1100).due, 1100);
  assert.equal(newsWindow(undefined, 1000, 100, 0.1, 1101).due, 1010);
});

test('news after the poll of a window has begun waits for the end of that window', () => {
  const first = served(newsWindow(undefined, 1000, 100, 0.2, 9000), 1020);
  const second = newsWindow(first, 1050, 40, 0.5, 9000);
  assert.deepEqual([second.start, second.due, second.served], [1100, 1150, false]);

  const newest = newsWindow(second, 1060, 400, 0.9, 9000);
  assert.deepEqual([newest.start, newest.due], [1100, 1150], 'a wider spread puts nothing off');

  assert.equal(newsWindow(newest, 1150, 500, 0.9, 9000), newest, 'fixed once it has started');
});

test('after a long window not all who waited for its end come right then', () => {
  const long = served(newsWindow(undefined, 1000, 6000, 0.2, 1500), 1500);
  const second = newsWindow(long, 2000, 10, 0.5, 90_000);
  assert.deepEqual([second.start, second.due], [7000, 10_000]);
  assert.equal(newsWindow(second, 2500, 100, 0.9, 90_000).due, 10_000, 'told again before it starts');
  assert.equal(newsWindow(second, 2500, 9000, 0.9, 90_000).due, 10_000, 'and never later than before');
  assert.equal(newsWindow(served(second, 10_000), 10_001, 10, 0.5, 90_000).due, 10_006, 'its own spread is what it was told');
});

test('news without a spread waits for no window, and the window lasts on', () => {
  const large = served(newsWindow(undefined, 1000, 6000, 0.2, 1500), 1500);
  const small = newsWindow(large, 2000, 0, 0.5, 90_000);
  assert.equal(small.due, 2000);
  const again = newsWindow(served(small, 2000), 2100, 6000, 0.5, 90_000);
  assert.deepEqual([again.start, again.due], [7000, 10_000], 'more news of the large one');
  assert.equal(newsWindow(again, 2200, 0, 0.9, 90_000).due, 2200, 'while that waits, too');
  assert.equal(newsWindow(newsWindow(again, 2200, 0, 0.9, 90_000), 2300, 6000, 0.9, 90_000).due, 2200, 'and it is not put off again');
});

test('news after the end of a window opens one at once', () => {
  const first = served(newsWindow(undefined, 1000, 100, 0.2, 9000), 1020);
  assert.equal(newsWindow(first, 1200, 10, 0.5, 9000).due, 1205);
});

test('a poll before its start makes a window needless, and nothing is postponed by it', () => {
  const first = served(newsWindow(undefined, 1000, 100, 0.2, 9000), 1020);
  const second = served(newsWindow(first, 1050, 5000, 0.5, 9000), 1070);
  assert.deepEqual([second.start, second.spread], [1000, 100]);
  assert.equal(second.served, true);
  assert.equal(newsWindow(second, 1080, 10, 0.5, 9000).start, 1100, 'still the end of the first');
});
