package parked

import (
	"testing"

	"pgregory.net/rapid"
)

// Where the head of a request ends is found however it is cut into reads.
func TestEndsOfHeads(t *testing.T) {
	for text, beyond := range map[string]bool{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n":                       false,
		"GET / HTTP/1.0\n\n":                                      false,
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nG":                      true,
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n": true,
		"GET / HTTP/1.1\r\nA: \rb\r\n\r\n":                        false,
		"GET / HTTP/1.1\r\nHost: x\r\n":                           false, // not over yet
		"GET / HTTP/1.1\n\rHost: x\r\n\r\n":                       false,
		"":                                                        false,
	} {
		rapid.Check(t, func(t *rapid.T) {
			var h heads
			for rest := []byte(text); len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "n")
				h.read(rest[:n])
				rest = rest[n:]
			}
			if h.beyond != beyond {
				t.Fatalf("%q: something beyond: %v", text, !beyond)
			}
			h.answered = true // the next request counts anew
			h.read([]byte("GET / HTTP/1.1\r\n\r\n"))
			if h.beyond {
				t.Fatalf("after %q a whole request is taken for more than one", text)
			}
		})
	}
}
