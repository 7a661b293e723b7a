// Random lives of a page: each event with the random numbers drawn, and what followed. The model of the shim in Go goes through
// the same ones, so that the two cannot drift apart. UPDATE=1 writes them anew.
//
// The model has neither tokens nor delivery, and does not hold questions in place of mute streams: so no page here has the
// first two, and a life ends where the third begins.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import test from 'node:test';
import { entry } from '../.build/ledger.js';
import { inForce } from '../.build/polls.js';
import { due } from '../.build/reduce.js';
import { initial } from '../.build/state.js';
import { table } from '../.build/stream.js';
import { happening, turn } from './lives.js';
import { chance } from './world.js';

const file = new URL('../../cmd/nudge/simulate/browser/testdata/vectors.json', import.meta.url);
const PROJECTS = { 42: 123, 7: 9 };

const sameForBoth = ({ kind, id, reason, project, version }) => ({ kind, id, reason, project, version });

/** The event as the model knows it. */
function modelled({ message, ...event }) {
  if (!message) return event;
  const { data, writer, prev, token_expires_in_s, ...rest } = message;
  return { ...event, message: rest };
}

/** The next event of a kind that the model has. */
function next(state, dice, seen) {
  for (;;) {
    const event = modelled(happening(state, dice, seen));
    if (event.kind !== 'made') return event;
  }
}

function live(seed, steps, seen) {
  const dice = chance(seed);
  const terms = { tokens: false, applies: false, fast: 10_000, hidden: 60_000, policy: 'auto', bearer: false, streams: true, reach: true, writer: 'me' };
  let now = 1_000_000;
  let state = initial(terms, now);
  state.ledger = Object.entries(PROJECTS).map(([id, have]) => entry(id, have));
  const life = [];
  for (let n = 0; n < steps; n++) {
    const event = n ? next(state, dice, seen) : { kind: 'start' };
    const at = due(state);
    if (event.kind === 'tick' && at < Infinity) now = Math.max(now, Math.ceil(at) + (dice() < 0.05 ? 20_000 : 0));
    else if (event.kind === 'heartbeat' && dice() < 0.8) now += 700;
    else now = Math.max(now, Math.min(now + Math.floor(dice() * dice() * 2000), Math.ceil(at)));
    if (event.kind === 'tick') {
      for (const s of [state.held, state.fresh]) if (s && s.due <= now) seen.add(`${s.state} overdue`);
    }
    seen.add(event.kind);
    const draws = [];
    const random = () => {
      draws.push(Math.floor(dice() * 1e6) / 1e6);
      return draws.at(-1);
    };
    const before = state;
    const frozen = structuredClone(before);
    let effects;
    [state, effects] = turn(before, event, now, random);
    assert.deepEqual(before, frozen, 'the old state stays as it was');
    if (effects.some(({ what }) => what === 'versions')) break;
    const then = due(state);
    const done = effects.filter(({ kind }) => kind !== 'news').map(sameForBoth);
    life.push({
      now,
      event,
      draws: draws.length ? draws : undefined,
      effects: done.length ? done : undefined,
      due: then === Infinity ? null : then,
      interval: inForce(state),
      have: state.ledger.map((e) => e.have),
    });
  }
  return { projects: PROJECTS, steps: life };
}

test('the vectors are those of the table, and go through all of it', async () => {
  const seen = new Set();
  const lives = Array.from({ length: 40 }, (_, n) => live(n + 1, 80, seen));
  for (const [state, cells] of Object.entries(table)) {
    for (const cell of Object.keys(cells)) assert.ok(seen.has(`${state} ${cell}`), `no life has ${state} ${cell}`);
  }
  const lines = lives.map(({ steps, ...life }) => `${JSON.stringify(life).slice(0, -1)},"steps":[\n${steps.map((s) => JSON.stringify(s)).join(',\n')}\n]}`);
  const text = `[\n${lines.join(',\n')}\n]\n`;
  if (process.env.UPDATE) await writeFile(file, text);
  const committed = await readFile(file, 'utf8');
  assert.ok(text === committed, 'the shim decides otherwise than before: UPDATE=1 npm test writes the vectors anew; then the Go model must follow');
});
