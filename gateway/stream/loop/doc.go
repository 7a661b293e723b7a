// Package loop serves streams: one goroutine for any number of them.
//
// A [Loop] owns its streams, and applies the rules of package stream to them. It writes to each connection through a [Line].
// There are two kinds of lines: a bare socket (package parked), and the goroutine of a request (package goroutine). Both
// never block: they take as many bytes as they can.
//
// Other goroutines never touch a stream. They leave work under the loop's lock, and wake the loop.
//
// The loop works in turns, so that a project with 20,000 watchers never delays one with three. Each turn does a few writes for
// each kind of work, a slice, and leaves the rest to the next turn.
package loop
