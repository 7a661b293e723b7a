// Does what clients/conformance asks for: one JSON object a line from standard input, one answer a line.

import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import initSqlJs from 'sql.js'
import { addToOutbox, answered, Nudge, outboxSql, polls, Relay } from '../src/index.js'
import { makeValidator } from '../src/validator.js'

const lines = []
const nudge = new Nudge({ redis: process.env.REDIS_URL, secret: process.env.NUDGE_SECRET, logger: { warn: (text) => lines.push(text) } })
const versions = {} // what the application behind the middleware has
const calls = {}

const { Database } = await initSqlJs()
const db = new Database() // in memory: this driver alone uses it
db.run(outboxSql.sqlite)

function query(sql, values) {
  const statement = db.prepare(sql)
  const rows = []
  statement.bind(values)
  while (statement.step()) rows.push(statement.getAsObject())
  statement.free()
  return rows
}

async function transaction(work) {
  db.run('BEGIN')
  try {
    const result = await work(query)
    db.run('COMMIT')
    return result
  } catch (error) {
    db.run('ROLLBACK')
    throw error
  }
}

const relay = new Relay(nudge, { dialect: 'sqlite', transaction })

function application(request, response) {
  const url = new URL(request.url, 'http://localhost')
  const project = url.pathname.match(/^\/projects\/([^/]+)\/changes$/)?.[1]
  if (!project) return response.writeHead(404).end()
  const login = url.searchParams.get('login')
  if (login) response.setHeader('Set-Cookie', `sid=${login}; path=/`)
  const version = versions[project] ?? 0
  calls[project] = (calls[project] ?? 0) + 1
  answered(response, { [project]: version })
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ version, calls: calls[project] }))
}

async function serve() {
  const middleware = polls(nudge, { identity: ['cookie:sid'] })
  const server = createServer((request, response) => middleware(request, response, () => application(request, response)))
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  return { url: `http://127.0.0.1:${server.address().port}` }
}

const acts = {
  publish: async ({ project, version, ...more }) => ({ announced: await nudge.publish(project, version, more) }),
  publish_or_raise: async ({ project, version, ...more }) => ({ announced: await nudge.publishOrThrow(project, version, more) }),
  publish_many: async ({ news }) => ({ announced: await nudge.publishMany(news) }),
  token: ({ user, projects, ttl }) => ({ token: nudge.tokenFor(user, projects, { ttl }) }),
  async threads({ project, from, to, threads }) {
    let announced = 0
    let next = from
    const work = async () => {
      while (next <= to) if (await nudge.publish(project, next++)) announced++
    }
    await Promise.all(Array.from({ length: threads }, work))
    return { announced }
  },
  validator: ({ time, versions, path, identity }) => ({
    etag: makeValidator(
      nudge.secret,
      time,
      Object.entries(versions).map(([id, version]) => [id, String(version)]),
      path,
      Object.entries(identity).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]), // as Node reads headers
    ),
  }),
  outbox_add: async ({ rows, rollback }) => {
    await transaction(async (q) => {
      for (const [project, version] of rows) await addToOutbox(q, 'sqlite', project, version)
      if (rollback) throw new Error('rolled back')
    }).catch((error) => {
      if (!rollback) throw error
    })
    return {}
  },
  relay_once: async () => ({ rows: await relay.runOnce() }),
  serve,
  set_version: ({ project, version }) => ((versions[project] = version), {}),
  logged: () => ({ lines }),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, ...given } = JSON.parse(line)
  let answer
  try {
    answer = acts[what] ? await acts[what](given) : { unsupported: true }
  } catch (error) {
    answer = { error: String(error.message) }
  }
  console.log(JSON.stringify(answer))
}
nudge.close()
process.exit(0)
