// Package parked takes connections over from a server and keeps them as bare sockets, without a goroutine: a few dozen bytes
// for each stream. It works on Linux, for HTTP/1.x over plain TCP, which load balancers speak to back ends. Elsewhere
// [Supported] is false.
//
// conn.go takes a connection over from the server. poller_linux.go and socket_linux.go have the system calls of a loop.
package parked
