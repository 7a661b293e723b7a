// Package gateway is the HTTP side of Nudge: streams, polls, publishing, tokens, limits, metrics.
//
// News comes from a [version.Source] by way of its board. The hub knows who watches which project; it
// offers each watcher the newest frame, overwriting an older one that was not taken yet, and wakes it with
// a signal that carries nothing. So a slow reader skips to the newest, and nothing queues.
//
//	version.Board ──Take──► hub ──offer, wake──► watch ──take──► stream (or a held poll) ──► browser
//	fallback.Health ─┐
//	flag, ramp ──────┴► pacer ──cadence──► every stream
//
// Streams come in two kinds. On Linux, over plain HTTP/1.x, a stream is parked: its connection leaves the server (conn.go),
// and one of the loops, one for each CPU, serves it with thousands of others (loop.go, welcome.go, delivery.go) from
// records of 44 bytes. All other streams have a goroutine each (stream.go). Both say the same (hello.go, told.go, frames.go).
//
// The order of locks is hub, watch, board. Nothing is called back under one.
package gateway
