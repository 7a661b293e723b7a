// Package goroutine carries a stream by the goroutine of its request: the way that works everywhere, with TLS, HTTP/2 and any
// system. It costs a hundred times the memory of a parked stream.
package goroutine
