// Package browser is a model of a page that uses the shim: the same rules as web/src, without a browser.
//
// nudge simulate and the test that compares it with real gateways (package replay) need thousands of pages, each with a
// world of their own around it: simulated time there, real connections here. The model itself has no clock, no randomness,
// no goroutine and no I/O. A driver gives it events, and does the effects that come back:
//
//	b := browser.New(projects, browser.Options{})
//	effects = b.Reduce(&browser.Event{Kind: browser.Start}, now, random, effects[:0])
//	for _, e := range effects { … } // open a stream, poll, ask
//	b.Due()                         // when to give it a Tick, unless something happens before
//
// Due may lie in the past, even right after a Tick: then the next one is due at once.
//
// The model has what decides when a page polls and when it opens streams. It leaves out what no driver plays: what a page
// shows, tokens and sessions, versions delivered with their data, questions held open instead of streams that stay mute,
// pauses, and projects that come and go.
//
// testdata/vectors.json, which web/test/vectors.test.js writes, holds the model to the shim: the same events and random
// numbers must lead to the same effects.
package browser
