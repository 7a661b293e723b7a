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
		number := lowest + rand.IntN(highest-lowest)
		// The other tests that run now see by this port that the other one is given away, whose server may need its own UDP.
		mark, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(number-(highest-lowest))))
		if err != nil {
			continue
		}
		port := strconv.Itoa(number)
		given.Store(port, mark)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
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
