// Nothing that a page says or shows has a part of a token: console, reported errors, snapshots, addresses. Over all recorded
// lives, with a gateway and a browser that repeat the token in what they answer.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { inspect } from 'node:util';
import { Life, PROJECTS } from './life.js';
import { answer, chance } from './world.js';

const MARK = 'hunter2';
const lives = JSON.parse(await readFile(new URL('../../cmd/nudge/simulate/browser/testdata/vectors.json', import.meta.url), 'utf8'));

/** What goes to the console while `act` runs. */
async function printed(act) {
  const said = [];
  const own = {};
  for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table']) {
    own[name] = console[name];
    console[name] = (...all) => void said.push(all.map((one) => inspect(one)).join(' '));
  }
  try {
    await act();
  } finally {
    Object.assign(console, own);
  }
  return said;
}

/** A life whose page has tokens. */
class Secretive extends Life {
  tokens = 0;
  shown = [];
  addresses = [];

  constructor(random, seed) {
    super(random);
    this.dice = chance(seed);
  }

  token() {
    // Some cannot be sent: browsers then say so, with the token.
    return [`eyJ.${MARK}-${++this.tokens}`, `${MARK}\n${this.tokens}`, `${MARK} … ${this.tokens}`, `${MARK}\u0000`][this.dice() < 0.9 ? 0 : Math.floor(this.dice() * 4)];
  }

  env() {
    const env = super.env();
    return {
      ...env,
      fetch: (url, init = {}) => {
        this.addresses.push(String(url));
        const sent = String(new Headers(init.headers).get('Authorization') ?? new Headers(init.headers).get('X-Nudge-Token')); // as a browser reads them
        if (new URL(url).pathname !== '/session') return env.fetch(url, init);
        const way = this.dice();
        if (way < 0.1) return Promise.reject(new TypeError(`fetch: ${sent} is an invalid header value`));
        if (way < 0.2) return Promise.resolve(answer(401, { detail: sent, code: sent }));
        if (way < 0.25) return Promise.resolve({ status: 200, headers: new Headers(), json: () => Promise.reject(new SyntaxError(sent)) });
        return Promise.resolve(answer(204));
      },
    };
  }

  begin() {
    this.start({ projects: PROJECTS, getToken: () => this.token() });
    this.nudge.subscribe(() => this.shown.push(inspect(this.state, { depth: 5 })));
  }
}

test('no token is told to anybody, in all recorded lives', async () => {
  let sent = 0;
  const said = await printed(async () => {
    for (const [n, { random, steps }] of lives.entries()) {
      const life = new Secretive(random, n + 1);
      for (const { event, at, sleeps } of steps) {
        const { kind, number } = event;
        const there = { replied: life.asks[number - 1], failed: life.asks[number - 1], polled: life.flights[number - 1], unpolled: life.flights[number - 1] };
        const missing = (kind in there ? !there[kind]?.open : number && !life.streams[number - 1]) || (kind === 'unwatch' && !life.unwatch);
        await life.step({ at, sleeps, event: missing ? { kind: 'time' } : event });
      }
      if (n % 3 === 0) life.nudge.setToken(life.token());
      await life.pass(60_000);
      life.nudge.setToken(null);
      life.nudge.stop();
      await life.calm();
      sent += life.tokens;
      for (const [what, texts] of Object.entries({ 'a warning': life.warned, 'an error': life.reported.map((e) => inspect(e, { depth: 5, showHidden: true })), 'a snapshot': life.shown, 'an address': life.addresses })) {
        const found = texts.find((text) => String(text).includes(MARK));
        assert.equal(found, undefined, `life ${n}: ${what} has a token`);
      }
    }
  });
  assert.ok(sent > lives.length, `${sent} tokens`);
  assert.deepEqual(said.filter((text) => text.includes(MARK)), [], 'the console has a token');
});
