// Loaded into the application before it starts: counts its requests, and lets requests of pages.mjs say what time it is.
import { Server } from 'node:http'

const RealDate = Date
let told // the time, in ms, that the last request told
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length || told === undefined) super(...args)
    else super(told)
  }
  static now = () => told ?? RealDate.now()
}

let requests = 0
const emit = Server.prototype.emit
Server.prototype.emit = function (event, request, response) {
  if (event !== 'request') return emit.apply(this, arguments)
  if (request.url === '/test/requests') return response.end(String(requests))
  if (request.method === 'GET' && request.url !== '/nudge-token') requests++
  if (request.headers['test-time']) told = Number(request.headers['test-time'])
  return emit.apply(this, arguments)
}
