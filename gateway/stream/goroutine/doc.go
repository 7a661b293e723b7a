// Package goroutine writes a stream from the goroutine of its request. This works on any system, and with TLS and HTTP/2. It
// costs a hundred times the memory of a parked stream.
package goroutine
