// Stories of a project, polled: REDIS_URL=… NUDGE_AUTH_SECRET=… node examples/fastify.js
import fastify from 'fastify'
import initSqlJs from 'sql.js'
import { fastifyPolls } from '../src/fastify.js' // in an application: from '@nudge-gateway/server/fastify'
import { addToOutbox, answered, Nudge, outboxSql, Relay } from '../src/index.js'

const nudge = new Nudge({ redis: process.env.REDIS_URL, secret: process.env.NUDGE_AUTH_SECRET })

const { Database } = await initSqlJs() // a database in memory, for the example
const db = new Database()
db.run(`CREATE TABLE projects (id integer PRIMARY KEY, version bigint NOT NULL DEFAULT 0);
  CREATE TABLE stories (project integer, title text);
  INSERT INTO projects (id) VALUES (1);`)
db.run(outboxSql.sqlite)

function query(sql, values = []) {
  const [found] = db.exec(sql, values)
  return (found?.values ?? []).map((row) => Object.fromEntries(row.map((value, i) => [found.columns[i], value])))
}
async function transaction(work) {
  query('BEGIN')
  try {
    const result = await work(query)
    query('COMMIT')
    return result
  } catch (error) {
    query('ROLLBACK')
    throw error
  }
}

const app = fastify()
await app.register(fastifyPolls, { nudge, identity: ['cookie:sessionId', 'header:authorization'] })
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, async (_, body) => Object.fromEntries(new URLSearchParams(body)))

app.get('/projects/:id/changes', async ({ params: { id } }, reply) => {
  const [{ version }] = query('SELECT version FROM projects WHERE id = ?', [id]) // the version first, then the rows
  answered(reply, { [id]: version })
  return { version, stories: query('SELECT title FROM stories WHERE project = ?', [id]).map(({ title }) => title) }
})

app.post('/projects/:id/stories', async ({ params: { id }, body: { title } }, reply) => {
  await transaction(async () => {
    query('INSERT INTO stories VALUES (?, ?)', [id, title])
    const [{ version }] = query('UPDATE projects SET version = version + 1 WHERE id = ? RETURNING version', [id])
    await addToOutbox(query, 'sqlite', id, version) // the hint is committed with the change
    if (title === 'rolled back') throw new Error('rolled back')
  })
  await relay.runOnce() // so that it is fast; run() publishes what this could not
  return reply.code(201).send()
})

app.get('/nudge-token', async () => nudge.tokenFor('ann', [1]))

const relay = new Relay(nudge, { dialect: 'sqlite', transaction })
console.log(await app.listen({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1' }))
