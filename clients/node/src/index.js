export { Nudge } from './client.js'
export { Invalid, Unavailable } from './errors.js'
export { addToOutbox, outboxSql, Relay } from './outbox.js'
export { answered, polls } from './polls.js'
