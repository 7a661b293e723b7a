// Package parked takes connections over from a server and keeps them as bare sockets: the cheap way to carry a stream, a few
// dozen bytes without a goroutine. It is for Linux, and for HTTP/1.x over plain TCP, which is what load balancers speak to
// back ends. Elsewhere [Supported] is false.
//
// conn.go is how a connection gets from the server to a loop, poller_linux.go and socket_linux.go are all that a loop asks of
// the kernel.
package parked
