// Where there is no page, as on a server that renders, an instance does nothing unless it is told to.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';

const shims = { source: new URL('../.build/nudge.js', import.meta.url), bundle: new URL('../dist/nudge.js', import.meta.url) };

/** Runs it in a process of its own. Gives what that has written, once it has ended by itself. */
async function runs(shim, script) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `import { createNudge } from ${JSON.stringify(shim.href)}; ${script}`]);
  const written = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => written.push(text));
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const [code, signal] = await once(child, 'close');
  clearTimeout(limit);
  assert.deepEqual([code, signal], [0, null], written.join('') || 'the process does not end by itself');
  return written.join('');
}

const options = `{
  projects: { 42: 1 }, gateway: 'http://127.0.0.1:9', immediate: true, interval: 100, hidden: 100,
  poll: () => console.log('polled'), getToken: () => console.log('asked for a token'),
}`;

for (const [name, shim] of Object.entries(shims)) {
  test(`${name}: an import, and an instance, let the process end and do nothing`, async () => {
    assert.equal(await runs(shim, ''), '');
    const said = await runs(shim, `
      globalThis.fetch = () => console.log('fetched')
      const nudge = createNudge(${options})
      nudge.watch({ 7: 3 })
      nudge.every(100, () => console.log('run'), { immediate: true, projects: '8' })
      nudge.subscribe(() => console.log('changed'))
      nudge.setToken('t')
      nudge.ack('42', 2, 1)
      nudge.pause('a')
      nudge.resume('a')
      await nudge.refresh()
      await new Promise((done) => setTimeout(done, 500))
      const { mode, stream, versions, nextPollAt } = nudge.getSnapshot()
      console.log(JSON.stringify({ mode, stream, versions, nextPollAt, interval: nudge.interval(5000) }))`);
    const lines = said.split('\n').filter((line) => line && line !== 'changed');
    assert.deepEqual(lines.map((line) => JSON.parse(line)), [{ mode: 'poll', stream: 'none', versions: { 7: 3, 42: 2 }, nextPollAt: null, interval: 5000 }]);
  });

  test(`${name}: with server: true it polls, and after stop the process ends`, async () => {
    const said = await runs(shim, `
      let polls = 0
      const poll = () => (console.log('polled'), ++polls === 3 && nudge.stop())
      const nudge = createNudge({ ...${options}, server: true, getToken: undefined, poll })`);
    assert.equal(said, 'polled\n'.repeat(3));
  });

  test(`${name}: in a process of its own, an application that throws whatever it likes does not end it`, async () => {
    const said = await runs(shim, `
      let polls = 0
      const nudge = createNudge({
        ...${options}, server: true, getToken: () => { throw Symbol('s') },
        poll() { polls++; throw polls % 2 ? Object.create(null) : Symbol('s') },
      })
      nudge.subscribe(() => { throw new Error('mine') })
      nudge.watch(undefined)
      nudge.refresh().then(() => nudge.refresh()).then(() => (console.log(polls > 1), nudge.stop()))`);
    assert.match(said, /true\n$/);
  });
}

test('a page that a test never stops does not keep its process alive', () => {
  const script = `
    globalThis.document = { visibilityState: 'visible', addEventListener() {} };
    const { createNudge } = require(${JSON.stringify(new URL('../dist/cjs/nudge.js', import.meta.url).pathname)});
    createNudge({ gateway: 'http://127.0.0.1:9', projects: { 42: 123 }, poll() {} });`;
  const { status, error } = spawnSync(process.execPath, ['--input-type=commonjs', '-e', script], { timeout: 60_000 });
  assert.deepEqual([status, error], [0, undefined]);
});
