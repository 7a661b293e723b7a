// Stories of a project, polled: REDIS_URL=… NUDGE_AUTH_SECRET=… node examples/express.js
import express from 'express'
import initSqlJs from 'sql.js'
import { answered, Nudge, polls } from '../src/index.js' // in an application: from '@nudge-gateway/server'

const nudge = new Nudge({ redis: process.env.REDIS_URL, secret: process.env.NUDGE_AUTH_SECRET })

const { Database } = await initSqlJs() // a database in memory, for the example
const db = new Database()
db.run(`CREATE TABLE projects (id integer PRIMARY KEY, version bigint NOT NULL DEFAULT 0);
  CREATE TABLE stories (project integer, title text);
  INSERT INTO projects (id) VALUES (1);`)
const one = (sql, values) => db.exec(sql, values)[0]?.values[0][0]

const app = express()
app.use(polls(nudge, { identity: ['cookie:connect.sid', 'header:authorization'] })) // first
app.use(express.urlencoded())

app.get('/projects/:id/changes', (request, response) => {
  const { id } = request.params
  const version = one('SELECT version FROM projects WHERE id = ?', [id]) // the version first, then the rows
  const stories = db.exec('SELECT title FROM stories WHERE project = ?', [id])[0]?.values.flat() ?? []
  answered(response, { [id]: version })
  response.json({ version, stories })
})

app.post('/projects/:id/stories', async (request, response) => {
  const { id } = request.params
  await nudge.transaction(async (changed) => {
    db.run('BEGIN')
    try {
      db.run('INSERT INTO stories VALUES (?, ?)', [id, request.body.title])
      db.run('UPDATE projects SET version = version + 1 WHERE id = ?', [id])
      changed(id, one('SELECT version FROM projects WHERE id = ?', [id]))
      if (request.body.title === 'rolled back') throw new Error('rolled back')
      db.run('COMMIT')
    } catch (error) {
      db.run('ROLLBACK')
      throw error
    }
  })
  response.sendStatus(201)
})

app.get('/nudge-token', (request, response) => response.type('text').send(nudge.tokenFor('ann', [1])))

const server = app.listen(process.env.PORT ?? 0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
