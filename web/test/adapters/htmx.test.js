import { window } from './dom.js';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { nudgeHtmx } from '../../.build/adapters/htmx.js';
import { eventually, page } from './page.js';

// The server: what it answers now, and what it was asked.
const server = { html: '1', status: 200, headers: { 'X-Poll-Interval': '60' }, asked: 0, hold: undefined };
async function answer() {
  server.asked++;
  const { html, status, headers, away } = server;
  await server.hold;
  if (away) throw new TypeError('the network is away');
  return new Response(html, { status, headers });
}
window.fetch = globalThis.fetch = answer;
globalThis.XMLHttpRequest = window.XMLHttpRequest = class {
  upload = { addEventListener() {} };
  addEventListener() {}
  open() {}
  overrideMimeType() {}
  setRequestHeader() {}
  getAllResponseHeaders = () => '';
  getResponseHeader = (name) => this.headers?.get(name) ?? null;
  async send() {
    try {
      const response = await answer();
      ({ status: this.status, headers: this.headers } = response);
      this.response = this.responseText = await response.text();
    } catch {
      this.status = 0;
      return this.onerror();
    }
    this.onload();
  }
};
globalThis.XPathEvaluator ??= class {
  createExpression = () => ({ evaluate: () => ({ iterateNext: () => null }) });
};
window.document.adoptedStyleSheets ??= [];
after(() => window.happyDOM.close());

const turn = () => new Promise((resolve) => setTimeout(resolve, 20)); // htmx settles after a while
const versions = { 2: (await import('htmx2')).default, 4: (await import('htmx.org/dist/htmx.esm.js')).default };
await turn();

for (const [major, htmx] of Object.entries(versions)) {
  async function application(t, { trigger = 'every 5s', more = '', late } = {}) {
    const at = await page();
    Object.assign(server, { html: '1', status: 200, headers: { 'X-Poll-Interval': '60' }, asked: 0, hold: undefined, away: false });
    let undo;
    if (!late) undo = nudgeHtmx(at.nudge, htmx);
    document.body.innerHTML = `<main data-nudge-projects="42@1"><div hx-get="/stories" hx-trigger="${trigger}" ${more}>0</div></main>`;
    htmx.process(document.body);
    if (late) undo = nudgeHtmx(at.nudge, htmx);
    await turn();
    t.after(() => {
      undo();
      at.nudge.stop();
      document.body.innerHTML = '';
    });
    return Object.assign(at, {
      undo,
      text: () => document.querySelector('main').textContent.trim(),
      async waits(ms) {
        await at.pass(ms);
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

  test(`htmx ${major}: an element is polled at its own pace, and at once for news of its project`, async (t) => {
    const app = await application(t);
    await app.waits(4_500);
    await eventually(() => assert.equal(server.asked, 0));
    await app.waits(1_000);
    await eventually(() => assert.deepEqual([app.text(), server.asked], ['1', 1]));
    await app.push();
    server.asked = 0;
    server.html = '2';
    await app.hears('42', 2);
    await eventually(() => assert.deepEqual([app.text(), server.asked], ['2', 1]));
    await eventually(() => assert.equal(app.world.answers.at(-1).headers.get('X-Poll-Interval'), '60'));
    await app.hears('7', 2);
    await eventually(() => assert.equal(server.asked, 1));
  });

  test(`htmx ${major}: its own timer does not poll too`, async (t) => {
    await application(t, { trigger: 'load, every 10ms', late: true });
    server.asked = 0;
    for (let i = 0; i < 3; i++) await turn();
    await eventually(() => assert.equal(server.asked, 0));
  });

  test(`htmx ${major}: other triggers stay`, async (t) => {
    await application(t, { trigger: 'load, every 5s, click' });
    await eventually(() => assert.equal(server.asked, 1));
    document.querySelector('div').click();
    await turn();
    await eventually(() => assert.equal(server.asked, 2));
  });

  test(`htmx ${major}: a condition holds, and is asked again after the interval`, async (t) => {
    globalThis.editing = window.editing = true;
    const app = await application(t, { trigger: 'every 5s [!window.editing]' });
    await app.push();
    await app.waits(5_500);
    await app.hears('42', 2);
    await eventually(() => assert.equal(server.asked, 0));
    globalThis.editing = window.editing = false;
    await app.waits(5_500);
    await eventually(() => assert.equal(server.asked, 1));
  });

  test(`htmx ${major}: what fails has failed, and it goes on`, async (t) => {
    t.mock.method(console, 'error', () => {});
    const app = await application(t);
    await app.push();
    Object.assign(server, { status: 503, headers: { 'Retry-After': '7' } });
    await app.hears('42', 2);
    await eventually(() => assert.equal(app.world.failed.headers.get('Retry-After'), '7'));
    server.away = true;
    app.world.failed = undefined;
    await app.waits(10_000);
    await eventually(() => assert.ok(app.world.failed));
    Object.assign(server, { status: 200, away: false, html: '3' });
    await app.waits(30_000);
    await eventually(() => assert.equal(app.text(), '3'));
  });

  test(`htmx ${major}: an element that is replaced goes on as its successor, and one that is gone is polled no more`, async (t) => {
    const app = await application(t, { more: 'hx-swap="outerHTML"' });
    server.html = '<div hx-get="/stories" hx-trigger="every 5s" hx-swap="outerHTML">2</div>';
    await app.waits(5_500);
    await eventually(() => assert.deepEqual([app.text(), app.loops], ['2', 1]));
    await app.waits(5_500);
    await eventually(() => assert.deepEqual([server.asked, app.loops], [2, 1]));
    const target = document.querySelector('main');
    await (major < 4 ? htmx.swap(target, target.innerHTML, { swapStyle: 'innerHTML' }) : htmx.swap({ target, text: target.innerHTML, swap: 'innerHTML' }));
    await turn();
    await eventually(() => assert.equal(app.loops, 1));
    server.html = '<p>done</p>';
    await app.waits(5_500);
    await eventually(() => assert.deepEqual([app.text(), app.loops], ['done', 0]));
  });

  test(`htmx ${major}: an element without projects is htmx's own`, async (t) => {
    const app = await application(t);
    document.body.innerHTML = '<div hx-get="/stories" hx-trigger="every 5s">0</div>';
    htmx.process(document.body);
    await eventually(() => assert.equal(document.querySelector('div').getAttribute('hx-trigger'), 'every 5s'));
    app.undo();
  });

  test(`htmx ${major}: status 286 ends it`, async (t) => {
    const app = await application(t);
    server.status = 286;
    await app.waits(5_500);
    await eventually(() => assert.equal(app.loops, 0));
  });
}
