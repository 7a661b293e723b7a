// Tabs with real cores: what the core does when a tab is hidden or shown, and what the others notice of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNudge } from '../.build/nudge.js';
import { tabs } from '../.build/transports/shared.js';
import { Browser } from './browser.js';

/** Opens pages with these projects in tabs of one browser. Each notes its polls, and every mode it was in. */
async function pages(...all) {
  const browser = new Browser();
  const open = [];
  for (const projects of all) {
    const tab = browser.open({ tabs, projects });
    const page = { tab, polls: [], modes: [] };
    const poll = ({ reason, projects: asked }) => {
      page.polls.push({ reason, at: browser.now });
      return { versions: Object.fromEntries(Object.keys(asked).map((id) => [id, browser.gateway.versions[id] ?? 100])) };
    };
    page.nudge = createNudge({ projects, poll, gateway: tab.gateway, transport: tab.transport }, tab.env());
    page.nudge.subscribe(() => page.modes.push(page.nudge.getSnapshot().mode));
    open.push(page);
    await browser.pass(3000);
  }
  await browser.pass(60_000);
  for (const { nudge } of open) assert.equal(nudge.getSnapshot().mode, 'push');
  for (const page of open) page.polls.length = page.modes.length = 0;
  return [browser, ...open];
}

const roles = (...open) => open.map(({ nudge }) => nudge.getSnapshot().role).join(' ');

test('a leader that is hidden for a minute is followed by a visible tab within a second, and nobody polls faster', async () => {
  const [browser, a, b, c] = await pages({ 1: 100 }, { 2: 100 }, { 2: 100, 3: 100 });
  assert.equal(roles(a, b, c), 'leader follower follower');
  a.tab.show('hidden');
  await browser.pass(59_500);
  assert.equal(roles(b, c), 'follower follower');
  const { length } = browser.streams;
  await browser.pass(1000);
  assert.deepEqual([roles(b, c), browser.live().length, browser.streams.length], ['leader follower', 1, length + 1]);
  browser.advance('2');
  browser.advance('3');
  await browser.pass(1000);
  assert.deepEqual([b, c].map(({ nudge }) => nudge.getSnapshot().versions), [{ 2: 101 }, { 2: 101, 3: 101 }]);
  await browser.pass(200_000);
  for (const { polls, modes } of [b, c]) {
    assert.deepEqual([...new Set(modes)].filter((mode) => mode !== 'push'), [], 'it never fell back to polling');
    assert.ok(polls.filter(({ reason }) => reason === 'interval').length <= 1, 'nor does it poll faster');
  }
  assert.ok(a.polls.length <= 5, `${a.polls.length} polls of the hidden tab in four minutes`);

  a.tab.show('visible');
  await browser.pass(3000);
  assert.equal(roles(a, b, c), 'follower leader follower');
  assert.equal(browser.live().length, 1);
  assert.ok(a.polls.some(({ reason }) => reason === 'return'));
});

test('when all tabs are hidden no stream is left, and who is shown has one within seconds', async () => {
  const [browser, a, b] = await pages({ 1: 100 }, { 2: 100 });
  for (const { tab } of [a, b]) tab.show('hidden');
  await browser.pass(62_000);
  assert.deepEqual([browser.live().length, browser.holders(), browser.waiting()], [0, [], []]);
  await browser.pass(200_000);
  assert.equal(browser.live().length, 0);
  b.tab.show('visible');
  await browser.pass(5000);
  assert.deepEqual([roles(b), b.nudge.getSnapshot().stream], ['leader', 'proven']);
});

test('nothing is reported as a fault, and nothing is left after stop', async () => {
  const [browser, a, b] = await pages({ 1: 100 }, { 2: 100 });
  a.tab.show('hidden');
  await browser.pass(100_000);
  for (const { nudge } of [a, b]) nudge.stop();
  await browser.pass(100);
  assert.equal(browser.live().length, 0);
  for (const { tab } of [a, b]) assert.deepEqual([tab.reported, tab.window.count(), tab.document.count(), tab.channels.size, browser.timers(tab)], [[], 0, 0, 0, 0]);
});
