// REDIS_URL=… node --test test/*.test.js; it empties this Redis.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createServer as listener } from 'node:net'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { Redis } from 'ioredis'
import { addToOutbox, answered, Invalid, Nudge, outboxSql, polls, Relay, Unavailable } from '../src/index.js'
import { FakeNudge } from '../src/testing.js'

const url = process.env.REDIS_URL
const secret = 'a secret for tests, which is long enough'
const redis = new Redis(url)
const lines = []
const logger = { warn: (text) => lines.push(text) }
const timeout = 30_000 // the machine may be busy
const nudge = new Nudge({ redis: url, secret, logger, timeout })
const open = [nudge, { close: () => redis.disconnect() }] // what would keep the process alive
after(() => open.forEach((one) => one.close()))

/** A client that is closed in the end, whatever happens. */
function client(options) {
  const made = new Nudge(options)
  open.push(made)
  return made
}

await redis.flushall()

test('a wrong option is named, with the fix, and without a password', () => {
  for (const [options, message] of [
    [{ redis: undefined }, /^redis: .*give a URL, or a Redis or Cluster of ioredis/],
    [{ redis: 'localhost:6379' }, /^redis: not a URL such as/],
    [{ redis: url, prefix: 'a b' }, /^prefix: "a b"; give redis\.prefix/],
    [{ redis: url, secret: 'short' }, /^secret: 5 bytes long, and 32 are the least/],
    [{ redis: url, secret: `${secret}\n` }, /^secret: white space or a line break/],
    [{ redis: url, secret: 'base64:!' }, /^secret: not base64/],
    [{ redis: url, expire: 1.5 }, /^expire: 1\.5; give whole seconds/],
    [{ redis: url, timeout: 0 }, /^timeout: 0; give milliseconds/],
  ]) {
    assert.throws(() => new Nudge(options), (error) => error instanceof Invalid && message.test(error.message) && !error.message.includes(secret), String(message))
  }
})

test('a client with keyPrefix publishes where gateways listen', async () => {
  const prefixed = new Redis(url, { keyPrefix: 'app:' })
  open.push({ close: () => prefixed.disconnect() })
  const other = client({ redis: prefixed, logger, timeout })
  assert.equal(await other.publish('prefixed', 1), true)
  assert.deepEqual([await redis.get('nudge:{prefixed}'), await redis.get('app:nudge:{prefixed}')], ['1', null])
  // A read has 0.1 s. On a busy machine that may be too short, and then the next read fails for a second.
  let stored
  while (!(stored = await other.stored(['prefixed']).catch(() => sleep(100)))) /* again */;
  assert.deepEqual(stored, ['1'])
})

test('keys expire if they shall', async () => {
  const other = client({ redis: url, expire: 100, timeout })
  await other.publish('expires', 1)
  assert.ok((await redis.ttl('nudge:{expires}')) > 90)
})

test('a transaction publishes each project once, at its highest version, and only once it is over', async () => {
  const result = await nudge.transaction(async (changed) => {
    changed(7, 2)
    changed('7', 3n)
    changed('8', 1)
    changed(7, 1)
    assert.equal(await redis.get('nudge:{7}'), null)
    return 'result'
  })
  assert.deepEqual([result, await redis.mget('nudge:{7}', 'nudge:{8}')], ['result', ['3', '1']])
})

test('a transaction that throws publishes nothing, and a mistake in it is thrown before the commit', async () => {
  await assert.rejects(nudge.transaction(async (changed) => (changed('gone', 1), Promise.reject(new Error('rolled back')))), /rolled back/)
  await assert.rejects(nudge.transaction(async (changed) => changed('gone', '1')), Invalid)
  assert.equal(await redis.get('nudge:{gone}'), null)
})

test('a password is in no message', async () => {
  const other = client({ redis: url.replace('redis://', 'redis://ann:swordfish@').replace(/:\d+$/, ':1'), logger })
  assert.equal(await other.publish('p', 1), false)
  await assert.rejects(other.publishOrThrow('p', 1), (error) => error instanceof Unavailable && !error.message.includes('swordfish'))
  assert.ok(!lines.join('\n').includes('swordfish'))
})

test('a Redis that never answers is waited for until the time is over, and polls reach the application', async () => {
  const sockets = []
  const silent = listener((socket) => sockets.push(socket))
  await new Promise((listening) => silent.listen(0, '127.0.0.1', listening))
  const other = client({ redis: `redis://127.0.0.1:${silent.address().port}`, secret, logger, timeout: 50 })
  open.push({ close: () => (sockets.forEach((socket) => socket.destroy()), silent.close()) })
  assert.equal(await other.publish('silent', 1), false)
  assert.match(lines.at(-1), /"silent".*timed out/)
  await assert.rejects(other.stored(['silent']), /Unavailable: .*timed out/)
  const get = await site((app) => app.get('/', (request, response) => (answered(response, { 42: 5 }), response.send('x'))), other)
  const answer = await get('/')
  assert.equal((await get('/', { 'If-None-Match': answer.headers.get('ETag') })).status, 200)
})

test('a logger that throws breaks nothing', async () => {
  const other = client({ redis: url, logger: { warn: () => JSON.parse('') } })
  assert.equal(await other.publish('p', -1), false)
})

/** Version 5 of project 42 is stored. No Redis: a read has 0.1 s, which a busy machine may miss. */
function fake() {
  const made = new FakeNudge({ logger })
  made.publish(42, 5)
  return made
}

/** Serves an application of Express with the middleware. */
async function site(act, of = fake()) {
  const app = express()
  app.use(polls(of, { identity: ['cookie:sid', 'header:X-User'] }))
  act(app)
  const server = createServer(app)
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  open.push({ close: () => (server.close(), server.closeAllConnections()) })
  return (path, headers = {}) => fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers })
}

test('which answers get a validator', async () => {
  const get = await site((app) => {
    const poll = (path, act) => app.get(path, (request, response) => (answered(response, { 42: 5 }), act(response)))
    poll('/json', (response) => response.json({ title: 'größe' }))
    poll('/head', (response) => response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'private, max-age=0' }).end('x'))
    poll('/own', (response) => response.set('ETag', '"mine"').send('x'))
    poll('/last', (response) => response.set('Last-Modified', new Date(0).toUTCString()).send('x'))
    poll('/no-store', (response) => response.set('Cache-Control', 'no-store').send('x'))
    poll('/public', (response) => response.set('Cache-Control', 'public, max-age=5').send('x'))
    poll('/vary', (response) => response.vary('Accept').send('x'))
    poll('/vary-harmless', (response) => response.vary(['Accept-Encoding', 'Origin', 'Cookie', 'X-User']).send('x'))
    poll('/error', (response) => response.status(500).send('x'))
    app.get('/wrong', (request, response) => response.set('X-Nudge-Version', '42').send('x'))
    app.get('/none', (request, response) => response.send('x'))
  })
  for (const [path, ours, control] of [
    ['/json', true, 'private, no-cache'],
    ['/head', true, 'private, max-age=0'],
    ['/own', false],
    ['/last', false],
    ['/no-store', false],
    ['/public', false],
    ['/vary', false],
    ['/vary-harmless', true],
    ['/error', false],
    ['/wrong', false],
    ['/none', false],
  ]) {
    const answer = await get(path)
    const etag = answer.headers.get('ETag') ?? ''
    assert.equal(etag.startsWith('W/"nudge1.'), ours, `${path}: ${etag}`)
    assert.equal(answer.headers.get('X-Nudge-Version'), null, path)
    if (control) assert.equal(answer.headers.get('Cache-Control'), control)
    if (ours) assert.equal((await get(path, { 'If-None-Match': etag })).status, 304, path)
  }
  assert.ok(lines.some((line) => line.includes('/public says Cache-Control')) && lines.some((line) => line.includes('write 42=124, 43=9')))
  assert.ok(lines.some((line) => line.includes('/vary answers by accept') && line.includes('add header:accept to identity')))
})

test('a header tells callers apart', async () => {
  const get = await site((app) => app.get('/', (request, response) => (answered(response, [[42, 5n]]), response.send('x'))))
  const etag = (await get('/', { 'X-User': 'ann' })).headers.get('ETag')
  assert.equal((await get('/', { 'X-User': 'ann', 'If-None-Match': etag })).status, 304)
  assert.equal((await get('/', { 'X-User': 'bob', 'If-None-Match': etag })).status, 200)
})

test('a cookie that the answer removes counts as gone', async () => {
  const get = await site((app) => app.get('/', (request, response) => (answered(response, { 42: 5 }), response.clearCookie('sid').send('x'))))
  const etag = (await get('/', { Cookie: 'sid=ann' })).headers.get('ETag')
  assert.equal((await get('/', { Cookie: 'sid=ann', 'If-None-Match': etag })).status, 200)
  assert.equal((await get('/', { 'If-None-Match': etag })).status, 304)
})

test('the middleware names a wrong identity', () => {
  for (const identity of [[], ['sid'], ['cookie:'], 'cookie:sid']) assert.throws(() => polls(nudge, { identity }), /^Invalid: identity: /)
})

test('a relay tries again, and a row that nobody can publish does not hold up the others', async () => {
  const rows = [{ id: 1, project: 'größe', version: 1 }, { id: 2, project: 'relay', version: '4' }, { id: 3, project: 'relay', version: 2n }]
  let deleted
  const transaction = (work) => work(async (sql, values) => (sql.startsWith('SELECT') ? (deleted ? [] : rows) : ((deleted = [sql, values]), [])))
  const relay = new Relay(nudge, { dialect: 'postgresql', transaction })
  assert.equal(await relay.runOnce(), 3)
  assert.deepEqual([await redis.get('nudge:{relay}'), deleted], ['4', ['DELETE FROM nudge_outbox WHERE id IN ($1, $2, $3)', [1, 2, 3]]])
  const running = relay.run()
  relay.stop()
  await running
  assert.ok(Object.keys(outboxSql).length === 3 && addToOutbox)
})

test('the fake keeps what was published', async () => {
  const fake = new FakeNudge()
  assert.deepEqual([await fake.publish(42, 2), await fake.publish('42', 1), await fake.publishMany([[43, 1]])], [true, false, 1])
  await fake.transaction(async (changed) => changed(42, 3))
  assert.deepEqual(fake.published, [['42', 2], ['43', 1], ['42', 3]])
  fake.failing = true
  assert.equal(await fake.publish(42, 9), false)
  await assert.rejects(fake.publishOrThrow(42, 9), Unavailable)
  assert.equal(fake.tokenFor(7, [42]).split('.').length, 3)
})
