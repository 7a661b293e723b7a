package parked

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// However a request is cut into reads, the end of its head is where Go's server finds it: what comes after must not be lost,
// or be taken for a part of a stream.
func FuzzHeads(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /", "GET / HTTP/1.0\r\n\r\n\n",
		"GET / HTTP/1.1\r\nHost: x\n\r\nx", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nA:\r\r\n\r\n\r", "GET / HTTP/1.1\r\nHost: x\r\n \r\n\r\nx",
	} {
		f.Add(seed, uint8(1), uint8(7))
	}
	f.Fuzz(func(t *testing.T, text string, a, b uint8) {
		whole := strings.NewReader(text)
		in := bufio.NewReader(whole)
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		more := whole.Len() + in.Buffered()
		var h heads
		for rest := text; rest != ""; a, b = b, a {
			n := min(max(int(a), 1), len(rest))
			h.read([]byte(rest[:n]))
			rest = rest[n:]
		}
		if !h.ended || h.beyond != (more > 0) {
			t.Fatalf("%q: %d bytes come after the head; found its end: %v, and more: %v", text, more, h.ended, h.beyond)
		}
	})
}
