import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import { fetchStream } from '../.build/transports/fetch.js';
import { createNudge } from '../.build/nudge.js';
import { eventParser } from '../.build/transports/event-parser.js';
import { cadence, hello } from './world.js';

const awkward =
  ':\n: a comment\nevent: hello\ndata: {"a":1}\n\n' + // the ordinary
  'retry: 5000\nid: 7\n\n' + // no data, no event
  'event:version\r\ndata:one\r\ndata:  two\r\ndata\r\n\r\n' + // other line ends; one space goes, the value may be empty
  'data: nameless: a colon\n\n' +
  'event: stale\n\ndata: e\u0301\u{1f600}\n\n' + // a name without data is forgotten
  'event: goodbye\rdata: x\r\r' +
  'event: cut\ndata: off'; // never ended, so it never was

const said = [
  ['hello', '{"a":1}'],
  ['version', 'one\n two\n'],
  ['message', 'nameless: a colon'],
  ['message', 'e\u0301\u{1f600}'],
  ['goodbye', 'x'],
];

test('an event stream means the same wherever it is cut', () => {
  for (let a = 0; a <= awkward.length; a++) {
    for (let b = a; b <= awkward.length; b += 7) {
      const heard = [];
      const read = eventParser((...event) => heard.push(event));
      for (const part of [awkward.slice(0, a), awkward.slice(a, b), awkward.slice(b)]) assert.equal(read(part), true);
      assert.deepEqual(heard, said, `cut at ${a} and ${b}`);
    }
  }
});

test('a line that ends in CR alone has ended', () => {
  const heard = [];
  const read = eventParser((...event) => heard.push(event));
  read('event: a\rdata: 1\r\r');
  assert.deepEqual(heard, [['a', '1']]);
  for (const part of ['event: b\r', '', '\ndata: 2\r', '\n\r', '\n']) read(part);
  assert.deepEqual(heard, [['a', '1'], ['b', '2']]);
});

test('what is too long to be an event ends the reading, in one line or in many', () => {
  for (const piece of ['x'.repeat(1000), `data: ${'x'.repeat(1000)}\n`]) {
    const read = eventParser(() => assert.fail('an event'));
    let pieces = 0;
    while (read(piece)) assert.ok(++pieces < 200);
    assert.ok(pieces > 90);
  }
});

/** A gateway in the hands of the test. */
async function gateway(t, answer) {
  const server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** A stream, and what it tells, which can be waited for. */
function open(root, token) {
  const told = [];
  let ring = () => {};
  const tell = (...what) => {
    told.push(what);
    ring();
  };
  const handle = fetchStream()(
    { gateway: root, projects: { 42: 123, 'a b': 0 }, token },
    { event: (...event) => tell('event', ...event), lost: (...status) => tell('lost', ...status) },
  );
  const until = async (n) => {
    while (told.length < n) await new Promise((next) => (ring = next));
    return told;
  };
  return { handle, told, until };
}

const stream = { 'Content-Type': 'text/event-stream; charset=utf-8' };

test('events arrive as they come, with the token in a header and no cookie', async (t) => {
  let out;
  let asked;
  const root = await gateway(t, (request, response) => {
    asked = request;
    out = response.writeHead(200, stream);
    out.write('event: hello\ndata: {"n":1}\n\n');
  });
  const s = open(root, 'a.b.c');
  assert.deepEqual(await s.until(1), [['event', 'hello', '{"n":1}']]);
  assert.equal(asked.url, '/events?project=42@123&project=a%20b@0');
  assert.deepEqual([asked.headers.authorization, asked.headers.accept, asked.headers.cookie], ['Bearer a.b.c', 'text/event-stream', undefined]);
  out.write('event: version\ndata: {}\n\n');
  assert.deepEqual((await s.until(2))[1], ['event', 'version', '{}']);
  s.handle.close();
  s.handle.close();
  await once(out, 'close'); // the gateway knows
  assert.equal(s.told.length, 2);
});

test('characters may be cut anywhere', async () => {
  const body = new ReadableStream({
    start(controller) {
      for (const byte of new TextEncoder().encode('\ufeffevent: version\ndata: \u{1f600} \u00e4\n\n')) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const told = [];
  await new Promise((lost) => {
    fetchStream({ fetch: async () => new Response(body, { headers: stream }) })({ gateway: '', projects: {} }, { event: (...event) => told.push(event), lost });
  });
  assert.deepEqual(told, [['version', '\u{1f600} \u00e4']]);
});

test('a stream that ends, breaks, is refused or is none at all is lost once, with its status', async (t) => {
  const answers = {
    ended: [(r) => r.writeHead(200, stream).end('event: goodbye\ndata: {}\n\n'), ['event', 'goodbye', '{}'], ['lost', 200]],
    broken: [(r) => (r.writeHead(200, stream).write(':\n\n'), setImmediate(() => r.destroy())), ['lost', 200]],
    refused: [(r) => r.writeHead(503, { 'Content-Type': 'application/json' }).end('{}'), ['lost', 503]],
    'no token': [(r) => r.writeHead(401).end(), ['lost', 401]],
    nothing: [(r) => r.writeHead(204).end(), ['lost', 204]],
    'a login page': [(r) => r.writeHead(200, { 'Content-Type': 'text/html' }).write('event: hello\ndata: {}\n\n'), ['lost', 200]],
    endless: [(r) => r.writeHead(200, stream).write('x'.repeat(200_000)), ['lost', 200]],
    reset: [(r) => r.destroy(), ['lost', undefined]],
  };
  for (const [name, [answer, ...want]] of Object.entries(answers)) {
    let closed;
    const root = await gateway(t, (request, response) => {
      closed = new Promise((done) => request.socket.on('close', done).on('error', () => {}));
      answer(response);
    });
    const s = open(root);
    assert.deepEqual(await s.until(want.length), want, name);
    if (name === 'a login page' || name === 'endless') await closed; // nothing is left open
  }
});

test('what comes with the end of the page in one piece is not heard', async (t) => {
  const root = await gateway(t, (request, response) => response.writeHead(200, stream).write('event: a\ndata: 1\n\nevent: b\ndata: 2\n\n'));
  const told = [];
  let first;
  const heard = new Promise((done) => (first = done));
  const handle = fetchStream()({ gateway: root, projects: {} }, {
    event(name) {
      told.push(name);
      handle.close();
      first();
    },
    lost: () => told.push('lost'),
  });
  await heard;
  await new Promise(setImmediate);
  assert.deepEqual(told, ['a']);
});

test('a URL that is none is lost, later than in the call', async () => {
  const s = open('http://[');
  assert.deepEqual(s.told, []);
  assert.deepEqual(await s.until(1), [['lost', undefined]]);
});

test('an instance with it proves its stream, and needs no browser', async (t) => {
  const root = await gateway(t, (request, response) => {
    assert.equal(request.headers['x-nudge-token'], 't1');
    response.writeHead(200, stream).write(`event: hello\ndata: ${JSON.stringify(hello)}\n\n`);
    setTimeout(() => response.write(`event: heartbeat\ndata: ${JSON.stringify(cadence)}\n\n`), 1000);
  });
  const nudge = createNudge({ server: true, gateway: root, projects: { 42: 123 }, poll() {}, transport: fetchStream(), getToken: () => 't1' });
  t.after(() => nudge.stop());
  await new Promise((done) => nudge.subscribe(() => nudge.getSnapshot().stream === 'proven' && done()));
  assert.equal(nudge.getSnapshot().interval, 300_000);
});
