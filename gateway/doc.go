// Package gateway is the HTTP side of Nudge: streams, polls, publishing, tokens, limits, metrics.
//
// News comes from a [version.Source] by way of its board. The hub knows who watches which project; it
// offers each watcher the newest frame, overwriting an older one that was not taken yet, and wakes it with
// a signal that carries nothing. So a slow reader skips to the newest, and nothing queues.
//
//	version.Board ──Take──► hub ──offer, wake──► watch ──take──► stream (or a held poll) ──► browser
//	fallback.Health ─┐
//	flag, ramp ──────┴► pulse ──beat──► every stream
//
// The order of locks is hub, watch, board. Nothing is called back under one.
package gateway
