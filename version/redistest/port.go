package redistest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// FreePort returns a port of 127.0.0.1 for a server that cannot listen on port 0. It gives each port once, and to one process
// only. It stays below those that systems hand out by themselves, also to connections: a server that starts later, or is away
// for a while, must find its own still free.
func FreePort(t testing.TB) string {
	t.Helper()
	const lowest, highest = 20_000, 30_000
	for range 1000 {
		port := strconv.Itoa(lowest + rand.IntN(highest-lowest))
		addr := net.JoinHostPort("127.0.0.1", port)
		mark, err := net.ListenPacket("udp", addr) // the other tests that run now see that it is given away
		if err != nil {
			continue
		}
		given.Store(port, mark)
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatalf("no free port from %d to %d", lowest, highest)
	return ""
}

var given sync.Map // of ports, with the socket that marks each until the process ends

// FreeAddress is 127.0.0.1 with a FreePort.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", FreePort(t))
}
