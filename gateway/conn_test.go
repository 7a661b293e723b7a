package gateway

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/version"
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
			if h.beyond.Load() != beyond {
				t.Fatalf("%q: something beyond: %v", text, !beyond)
			}
			h.answered.Store(true) // the next request counts anew
			h.read([]byte("GET / HTTP/1.1\r\n\r\n"))
			if h.beyond.Load() {
				t.Fatalf("after %q a whole request is taken for more than one", text)
			}
		})
	}
}

func TestPacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := told{
			version: version.Version(rapid.Int64Range(0, int64(version.Max)).Draw(t, "version")),
			era:     rapid.Uint32().Draw(t, "era"), known: rapid.Bool().Draw(t, "known"), waiting: rapid.Bool().Draw(t, "waiting"),
		}
		s := rapid.SampledFrom([]standing{served, denied, off}).Draw(t, "standing")
		if p := pack(want, s); p.told() != want || p.standing() != s {
			t.Fatalf("%+v, %v became %+v, %v", want, s, p.told(), p.standing())
		}
	})
}

func TestSecond(t *testing.T) {
	for _, test := range []struct {
		at   time.Time
		want uint32
	}{
		{time.Time{}, 0},
		{time.Unix(1, 0), 1},
		{time.Unix(-5, 0), 1}, // long ago is not never
		{time.Unix(1<<32-1, 0), 1<<32 - 1},
		{time.Unix(1<<32+5, 0), 1<<32 - 1},
		{time.Unix(1<<60, 0), 1<<32 - 1},
	} {
		if got := second(test.at); got != test.want {
			t.Errorf("%v: %d, want %d", test.at, got, test.want)
		}
	}
}
