import { window } from './dom.js';
import { after, afterEach, test } from 'node:test';
import assert from 'node:assert/strict';
import * as Turbo from '@hotwired/turbo';
import { pollPage } from '../../.build/adapters/turbo.js';

const here = window.location.href;
const html = (version, method = 'replace') => `<!doctype html><html><head>
  <meta name="turbo-refresh-method" content="${method}"></head>
  <body data-version="${version}"><h1>${version}</h1><input id="draft"></body></html>`;

// Turbo asks the window for everything. The server is here.
const asked = [];
let respond;
window.fetch = async (url, init = {}) => {
  asked.push({ url: String(url), init });
  init.signal?.throwIfAborted();
  const response = await respond(String(url));
  Object.defineProperty(response, 'url', { value: response.to ?? String(url) });
  Object.defineProperty(response, 'redirected', { value: !!response.to });
  return response;
};
const ok = (text, headers = {}) => new Response(text, { headers: { 'Content-Type': 'text/html', ...headers } });

document.documentElement.innerHTML = html(1).replace(/^.*<html>|<\/html>$/gs, '');
const shown = () => document.querySelector('h1').textContent;
const versions = () => ({ 42: Number(document.body.dataset.version) });
const poll = (signal = new AbortController().signal) => pollPage(versions)({ reason: 'news', projects: {}, signal });
afterEach(() => {
  asked.length = 0;
  Turbo.navigator.stop();
});
after(() => window.happyDOM.close());

test('a poll brings the page up to date, in its place', async () => {
  respond = async () => ok(html(2), { 'X-Poll-Interval': '60' });
  const { headers, versions } = await poll();
  assert.deepEqual([shown(), versions, headers.get('X-Poll-Interval'), asked.length], ['2', { 42: 2 }, '60', 1]);
  assert.equal(window.location.href, here);
  assert.equal(asked[0].url, here);
});

test('where the page morphs, what the user types stays', async () => {
  respond = async () => ok(html(3, 'morph'));
  await poll();
  const draft = document.querySelector('#draft');
  draft.value = 'half a thou';
  respond = async () => ok(html(4, 'morph'));
  await poll();
  assert.equal(shown(), '4');
  assert.equal(document.querySelector('#draft'), draft);
});

test('what a poll cannot have leaves the page as it is', async () => {
  const before = shown();
  let left = 0;
  document.addEventListener('turbo:reload', () => left++); // the browser's error page comes after this
  respond = async () => new Response(html('an error page'), { status: 503, headers: { 'Retry-After': '7' } });
  await assert.rejects(poll(), (error) => error.headers.get('Retry-After') === '7');
  respond = async () => {
    throw new TypeError('the network is away');
  };
  await assert.rejects(poll(), /network is away/);
  assert.deepEqual([shown(), left], [before, 0]);
});

test('a poll does not get in the way of a visit or a form', async () => {
  const before = shown();
  const arrived = Promise.withResolvers?.() ?? (() => {
    const all = {};
    all.promise = new Promise((resolve) => (all.resolve = resolve));
    return all;
  })();
  respond = async (url) => (url.endsWith('/elsewhere') ? arrived.promise : ok(html('stale')));
  Turbo.visit('/elsewhere');
  await assert.rejects(poll(), /busy/);
  arrived.resolve(ok(html('elsewhere')));
  await new Promise((resolve) => document.addEventListener('turbo:load', resolve, { once: true }));
  assert.equal(shown(), 'elsewhere');
  assert.notEqual(shown(), before);

  const form = document.body.appendChild(document.createElement('form'));
  form.method = 'post';
  form.action = '/stories';
  let sent;
  respond = async (url) => (url.endsWith('/stories') ? new Promise((resolve) => (sent = resolve)) : ok(html('stale')));
  Turbo.navigator.submitForm(form);
  while (!sent) await new Promise(setImmediate);
  await assert.rejects(poll(), /busy/);
  assert.equal(Turbo.navigator.formSubmission.state, 'waiting');
});

test('a page left during the poll is not brought back', async () => {
  Turbo.navigator.stop();
  respond = async () => {
    window.history.pushState({}, '', '/another');
    return ok(html('stale'));
  };
  await assert.rejects(poll(), /busy/);
  assert.notEqual(shown(), 'stale');
});

test('a poll that is led elsewhere, as to a login, goes there', async () => {
  respond = async (url) => {
    const response = ok(html('login'));
    if (!url.endsWith('/login')) response.to = 'https://app.test/login';
    return response;
  };
  await poll();
  assert.deepEqual([shown(), window.location.pathname], ['login', '/login']);
});

test('an aborted poll ends', async () => {
  const life = new AbortController();
  respond = async () => {
    life.abort();
    return ok(html(9));
  };
  await poll(life.signal).catch(() => {});
});
