import { polls } from './polls.js'

/**
 * A plugin for Fastify: `app.register(fastifyPolls, { nudge, identity: ['cookie:sessionId'] })`, before all others.
 * @param {any} app @param {{ nudge: import('./client.js').Nudge, identity: string[] }} options
 */
export async function fastifyPolls(app, { nudge, identity }) {
  const middleware = polls(nudge, { identity })
  app.addHook('onRequest', async (/** @type {any} */ request, /** @type {any} */ reply) => {
    let goesOn = false
    await middleware(request.raw, reply.raw, () => {
      goesOn = true
    })
    if (!goesOn) reply.hijack() // it is answered
  })
}

// For the whole application, not only for what is registered beside it.
Object.assign(fastifyPolls, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'nudge-polls' })
