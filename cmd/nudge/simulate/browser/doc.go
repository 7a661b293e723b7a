// Package browser is a model of a page that uses the shim: the same rules as web/src, without a browser.
//
// nudge simulate and the test that compares it with real gateways (package replay) need thousands of pages: with simulated
// time in the first, with real connections in the second. The model itself has no clock, no randomness,
// no goroutine and no I/O. A driver gives it events, and does the effects that it returns:
//
//	b := browser.New(projects, browser.Options{})
//	effects = b.Reduce(&browser.Event{Kind: browser.Start}, now, random, effects[:0])
//	for _, e := range effects { … } // open a stream, poll, ask
//	b.Due()                         // when to give it a Tick, unless something happens before
//
// Due may lie in the past, even right after a Tick: then the next one is due at once.
//
// The model has the rules by which a page polls and opens streams. It leaves out everything that no driver uses: what a page
// shows, tokens and sessions, versions with data, held requests in place of mute streams, pauses, and projects that are added or
// removed.
//
// A file here has the name of the file of web/src that holds the same rule. Those without such a pair: event.go and browser.go
// (what a driver sees), dispatch.go (which rule an event leads to).
//
// testdata/vectors.json compares the model with the shim. web/test/vectors.test.js records it at the boundary of the shim: what
// happens around a page, and which streams, questions and polls follow, and when. So the inside of the shim may change.
package browser
