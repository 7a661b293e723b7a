// Package browser is a page that uses the shim, as a model: the same rules as web/src, without a browser.
//
// Programs that need very many pages use it, with a world of their own around it: in nudge simulate that is a
// calendar, elsewhere it may be real connections. The model itself has no clock, no chance, no goroutine and no I/O.
// A driver gives it events, and does the effects that come back:
//
//	b := browser.New(projects, browser.Options{}, random)
//	effects = b.Reduce(&browser.Event{Kind: browser.Start}, now, random, effects[:0])
//	for _, e := range effects { … } // open a stream, poll, ask
//	b.Due()                         // when to give it a Tick, unless something happens before
//
// Due may lie in the past, even right after a Tick: then the next one is due at once.
//
// What a page shows is not modelled, nor is what depends on it. What decides when it polls and when it opens streams is.
// Not modelled either: pauses, projects that come and go, and push in the shadow. testdata/vectors.json, which the tests of
// web/src write, holds the model to the shim: the same events and chances must lead to the same effects.
package browser
