// Package loop serves streams: one goroutine for any number of them.
//
// A [Loop] owns its streams, and applies the rules of package stream to them. It writes to their connections by way of a
// [Line], of which there are two kinds: a bare socket (package parked), and the goroutine of a request (package
// goroutine). Both take bytes without waiting, or say that they take no more.
//
// Other goroutines never touch a stream. They leave work under the loop's lock, and wake the loop.
//
// The loop works in slices, so that a project with 20,000 watchers never delays one with three: each turn does a few
// writes for each purpose, and then looks at everything else.
package loop
