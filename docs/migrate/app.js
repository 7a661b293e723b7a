// Stories of projects, which pages poll: the application that ../migrate.md takes from polling to push.
import express from 'express'

const projects = new Map() // in the place of a database
const read = (id) => projects.get(id) ?? { version: 0, stories: [] }

const app = express()
app.set('trust proxy', 'loopback')

app.use(express.urlencoded())

app.get('/projects/:id/stories', (request, response) => {
  const { version, stories } = read(request.params.id)
  response.json({ version, stories })
})

app.get('/projects/:id/newest', (request, response) => {
  const { version, stories } = read(request.params.id)
  response.set('Cache-Control', 'no-store').json({ version, newest: stories.at(-1) })
})

app.post('/projects/:id/stories', (request, response) => {
  const { id } = request.params
  const { version, stories } = read(id)
  projects.set(id, { version: version + 1, stories: [...stories, request.body.title] })
  response.sendStatus(201)
})

app.listen(process.env.PORT ?? 3000, '127.0.0.1', function () {
  console.log(`http://127.0.0.1:${this.address().port}`)
})
