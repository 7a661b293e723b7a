// Polls that give or throw a Response, or an error that has one.

import assert from 'node:assert/strict';
import test from 'node:test';
import { proven, World } from './world.js';

const response = (status, headers = {}) => ({ status, ok: status < 300, headers: new Headers(headers) });
const ways = {
  'given': (r) => r,
  'thrown': (r) => {
    throw r;
  },
  'thrown in an error': (r) => {
    throw Object.assign(new Error('Request failed'), { response: r });
  },
};

for (const [way, give] of Object.entries(ways)) {
  test(`304, ${way}, says that nothing is newer`, async () => {
    const world = new World();
    world.poll = () => give(response(304));
    world.start({ interval: 10_000 });
    await world.pass(60_000);
    assert.equal(world.state.stats.failedPolls, 0);
    assert.ok(world.polls.length >= 4, 'it goes on at its pace');
    assert.equal(world.state.versions[42], 123);
    assert.deepEqual(world.warned.filter((text) => !/streams/.test(text)), []);
  });

  test(`304, ${way}, does not count as having what was announced`, async () => {
    const world = await proven();
    world.poll = () => give(response(304)); // a replica that lags
    world.source.send('version', { project: '42', version: 124, spread_ms: 0 });
    await world.pass(1000);
    assert.equal(world.state.versions[42], 123);
    world.poll = () => ({ versions: { 42: 124 } });
    await world.pass(5000);
    assert.equal(world.state.versions[42], 124, 'it asks again');
  });

  test(`an error, ${way}, is a failed poll, and its Retry-After holds`, async () => {
    const world = new World();
    world.poll = () => give(response(503, { 'Retry-After': '40' }));
    world.start({ interval: 10_000 });
    await world.pass(45_000);
    assert.equal(world.polls.length, 1);
    assert.equal(world.state.stats.failedPolls, 1);
    assert.deepEqual(world.warned.filter((text) => !/streams/.test(text)), [], 'an answer with an error status is no mistake of the page');
  });
}
