import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import '@hotwired/turbo';
import { nudgeFrames } from '../../.build/adapters/turbo.js';
import { eventually, page } from './page.js';

const asked = [];
let respond;
window.fetch = async (url, init = {}) => {
  asked.push({ url: String(url), init });
  const aborted = new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError'))));
  const response = await Promise.race([respond(String(url)), aborted]);
  Object.defineProperty(response, 'url', { value: String(url) });
  return response;
};
const html = (id, version, text = version) =>
  new Response(`<html><body><turbo-frame id="${id}" data-nudge-projects="42@${version}"><p>${text}</p></turbo-frame></body></html>`, {
    headers: { 'Content-Type': 'text/html', 'X-Poll-Interval': '60' },
  });
const turn = () => new Promise((resolve) => setTimeout(resolve, 20)); // Turbo renders in an animation frame
after(() => window.happyDOM.close());

async function application(t, attributes = 'data-nudge-every="5000" data-nudge-projects="42@1"') {
  const at = await page();
  respond = async () => html('stories', 1);
  const undo = nudgeFrames(at.nudge);
  document.body.innerHTML = `<turbo-frame id="stories" src="/projects/42/stories" ${attributes}></turbo-frame>`;
  const frame = document.querySelector('turbo-frame');
  await eventually(() => assert.deepEqual([frame.textContent.trim(), frame.hasAttribute('busy')], ['1', false]));
  asked.length = 0;
  t.after(() => {
    undo();
    at.nudge.stop();
    document.body.innerHTML = '';
  });
  return Object.assign(at, {
    frame,
    undo,
    text: () => frame.textContent.trim(),
    async waits(ms) {
      for (let left = ms; left > 0; left -= 500) await at.pass(500);
      await at.idle();
      await turn();
    },
    async hears(id, version) {
      await at.news(id, version);
      await at.idle();
      await turn();
    },
  });
}

test('a frame is reloaded at its own pace, and at once for news of its project', async (t) => {
  const app = await application(t);
  await eventually(() => assert.equal(app.text(), '1'));
  await app.waits(5_500);
  await eventually(() => assert.equal(asked.length, 1));
  await eventually(() => assert.equal(new Headers(asked[0].init.headers).get('Turbo-Frame'), 'stories'));
  await app.push();
  asked.length = 0;
  respond = async () => html('stories', 2);
  await app.hears('42', 2);
  await eventually(() => assert.deepEqual([app.text(), asked.length, app.frame.dataset.nudgeProjects], ['2', 1, '42@2']));
  const { headers, versions } = app.world.answers.at(-1);
  await eventually(() => assert.deepEqual([versions, headers.get('X-Poll-Interval')], [{ 42: '2' }, '60']));
  await app.hears('7', 2);
  await eventually(() => assert.equal(asked.length, 1));
  await eventually(() => assert.equal(app.loops, 1));
});

test('what a poll cannot have leaves the frame as it is', async (t) => {
  const app = await application(t);
  const refused = new Response('<html><body>an error page</body></html>', { status: 503, headers: { 'Content-Type': 'text/html', 'Retry-After': '7' } });
  await app.push();
  respond = async () => refused;
  await app.hears('42', 2);
  await eventually(() => assert.deepEqual([app.text(), app.world.failed], ['1', refused]));
  respond = async () => html('another', 2);
  await app.waits(10_000);
  await eventually(() => assert.equal(app.text(), '1'));
  await eventually(() => assert.match(String(app.world.failed), /lacks the frame/));
  t.mock.method(console, 'error', () => {}); // Turbo tells it there, and does not catch it
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', () => {});
  respond = async () => {
    throw new TypeError('the network is away');
  };
  await app.waits(30_000);
  await eventually(() => assert.equal(app.text(), '1'));
  await eventually(() => assert.match(String(app.world.failed), /network is away/));
  respond = async () => html('stories', 3);
  await app.waits(60_000);
  await eventually(() => assert.equal(app.text(), '3'));
  process.removeAllListeners('unhandledRejection');
  listeners.forEach((listener) => process.on('unhandledRejection', listener));
});

test('a poll does not get in the way of the user', async (t) => {
  const app = await application(t);
  let arrive;
  await app.push();
  respond = async (url) => (url.endsWith('/story') ? html('stories', 5, 'story') : new Promise((resolve) => (arrive = () => resolve(html('stories', 4)))));
  await app.news('42', 2);
  await eventually(() => assert.ok(arrive));
  app.frame.src = '/story'; // a click while the poll is in flight
  await eventually(() => assert.equal(app.text(), 'story'));
  await eventually(() => assert.match(String(app.world.failed), /busy/));
  arrive();
  await turn();
  await eventually(() => assert.equal(app.text(), 'story'));
  app.frame.setAttribute('busy', ''); // a form in it is being sent
  asked.length = 0;
  await app.waits(5_500);
  await eventually(() => assert.equal(asked.length, 0));
});

test('polls follow the attributes, and end with the frame', async (t) => {
  const app = await application(t, '');
  await eventually(() => assert.equal(app.loops, 0));
  app.frame.dataset.nudgeEvery = '5000';
  await turn();
  await eventually(() => assert.equal(app.loops, 1));
  app.frame.dataset.nudgeEvery = '1000';
  await turn();
  await app.waits(1_500);
  await eventually(() => assert.deepEqual([app.loops, asked.length], [1, 1]));
  app.frame.remove();
  await turn();
  await eventually(() => assert.equal(app.loops, 0));
  document.body.append(app.frame);
  await turn();
  await eventually(() => assert.equal(app.loops, 1));
  app.undo();
  await eventually(() => assert.equal(app.loops, 0));
});
