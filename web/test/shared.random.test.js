// Random orders of everything that people, browsers and gateways do to tabs. The oracle: each tab hears what a stream of its
// own would have told it, never news of another user, and sharing only ever removes connections.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tabs } from '../.build/transports/shared.js';
import { Browser } from './browser.js';

const { process } = globalThis; // not in browsers, each of which does it again
const RUNS = process ? Number(process.env.RUNS ?? 100) : 20;
const SEED = Number(process?.env.SEED ?? 1);

/** One browser in which n random things happen. faults: streams end, too. */
async function run(seed, faults, n = 25) {
  const browser = new Browser(seed);
  const { random } = browser;
  const pick = (list) => list[Math.floor(random() * list.length)];
  const log = [];
  const live = () => browser.tabs.filter((tab) => !tab.gone && !tab.frozen);
  const awake = () => live().filter((tab) => !tab.core.away); // and so it wants a stream

  function open(scope = pick(['alice', 'alice', 'alice', 'bob'])) {
    const projects = {};
    for (let i = 0; i <= random() * 3; i++) projects[Math.floor(random() * 8)] = 100;
    const tab = browser.open({ tabs, projects, scope, visible: random() < 0.7 });
    tab.id = browser.tabs.length;
    tab.suspends = random() < 0.5; // as the core does: it closes its streams when the page is left
    tab.start();
    return tab;
  }

  const acts = {
    open: () => void (live().length < 8 && open()),
    close: (tab) => tab?.close(),
    crash: (tab) => tab?.crash(),
    navigate: (tab) => {
      tab?.close();
      open(tab?.scope);
    },
    login: (tab) => {
      tab?.close();
      open(tab?.scope === 'alice' ? 'bob' : 'alice');
    },
    freeze: (tab) => {
      if (tab) tab.slept = true;
      tab?.freeze();
    },
    resume: () => pick(browser.tabs.filter((tab) => tab.frozen && !tab.cached && !tab.gone))?.resume(),
    leave: (tab) => {
      if (!tab) return;
      tab.slept = tab.cached = true;
      if (tab.suspends) tab.core.streams.forEach((stream) => stream.close());
      tab.leave();
    },
    back: () => {
      const tab = pick(browser.tabs.filter((tab) => tab.cached && !tab.gone));
      if (!tab) return;
      tab.cached = false;
      tab.back();
      if (!tab.core.main) tab.core.open();
      // The core does not know for how long it was hidden before.
      tab.core.seen(tab.document.visibilityState === 'visible');
    },
    discard: () => pick(browser.tabs.filter((tab) => tab.cached && !tab.gone))?.crash(),
    unload: (tab) => tab?.window.emit('beforeunload'), // and it stays: a download, or the user thought better of it
    hide: (tab) => tab?.show('hidden'),
    show: (tab) => tab?.show('visible'),
    renew: (tab) => void (tab?.core.streams.size === 1 && tab.core.open()),
    advance: () => void browser.advance(String(Math.floor(random() * 8))),
    wait: () => browser.pass(random() * 70_000),
    lose: () => void (faults && pick(browser.live())?.lose()),
    drain: () => {
      const stream = faults ? pick(browser.live()) : undefined;
      stream?.send('goodbye', { reason: 'drain', after_ms: 300, spread_ms: 200 });
      if (stream) browser.at(1, () => stream.lose());
    },
    refuse: () => {
      if (!faults) return;
      browser.gateway.refuses = () => random() < 0.5;
      browser.at(3000, () => (browser.gateway.refuses = undefined));
    },
    mute: () => {
      if (!faults) return;
      browser.gateway.mute = () => random() < 0.5;
      browser.at(3000, () => (browser.gateway.mute = () => false));
    },
  };

  function check(when) {
    for (const tab of awake()) {
      for (const id of Object.keys(tab.projects)) {
        const newest = browser.gateway.versions[id];
        if (newest !== undefined) assert.equal(tab.core.known[id], newest, `${when}: tab ${tab.id} of project ${id}`);
      }
    }
  }

  try {
    open('alice');
    for (let i = 0; i < n; i++) {
      const name = pick(Object.keys(acts));
      const tab = pick(live());
      log.push(`${name} ${tab?.id ?? '-'}`);
      await acts[name](tab);
      await browser.pass(random() < 0.5 ? random() * 100 : random() * 3000);
      assert.ok(browser.live().length <= 2 * live().length + 2, `${browser.live().length} streams for ${live().length} tabs`);
      if (faults || random() < 0.5) continue;
      await browser.pass(3500); // a new tab may wait for the proof of the stream before its own; but nobody loses one
      for (let id = 0; id < 8; id++) browser.advance(String(id));
      await browser.pass(1500);
      check(`after ${name}`);
    }
    await browser.pass(faults ? 500_000 : 150_000);
    check('in the end');
    for (const tab of awake()) {
      assert.ok(tab.core.proven, `tab ${tab.id} is not proven`);
      if (!faults && !tab.slept) assert.deepEqual(tab.core.ends, [], `tab ${tab.id}`);
    }
    for (let id = 0; id < 8; id++) browser.advance(String(id));
    await browser.pass(20);
    check('at once');
    for (const scope of ['alice', 'bob']) {
      const want = awake().some((tab) => tab.scope === scope) ? 1 : 0;
      assert.equal(browser.live(scope).filter((s) => !s.tab.frozen).length, want, `streams of ${scope}`);
    }
    for (const tab of browser.tabs) {
      if (tab.frozen && !tab.gone) assert.ok(!browser.holders().includes(tab) && !browser.waiting().includes(tab), 'a page asleep has a lock');
      if (tab.frozen && !tab.gone && !faults) assert.ok(!browser.live().some((s) => s.tab === tab), 'a page asleep has a stream');
    }
    for (const tab of live()) tab.core.stop();
    await browser.pass(100);
    assert.deepEqual(live().filter((tab) => browser.timers(tab) || tab.window.count() || tab.channels.size), []);
  } catch (error) {
    error.message = `seed ${seed}${faults ? ' with faults' : ''}: ${error.message}\n${log.join(', ')}`;
    throw error;
  }
}

// In parts, so that none takes long.
const PART = 10;
for (let from = SEED; from < SEED + RUNS; from += PART) {
  const part = async (faults) => {
    for (let seed = from; seed < Math.min(from + PART, SEED + RUNS); seed++) await run(seed, faults);
  };
  test(`whatever people and browsers do, every tab hears all its news, over one stream: from seed ${from}`, () => part(false));
  test(`and whatever gateways do besides: from seed ${from}`, () => part(true));
}
