package loop

import (
	"bytes"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
)

// varnish is a proxy that reads the head of a response, holds the bytes that came with it, and passes them on when the next
// bytes come.
type varnish struct {
	mu           sync.Mutex // guards all below
	held, passed []byte
	late         bool // something has come before
}

func (v *varnish) read(b []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.late {
		v.passed = append(append(v.passed, v.held...), b...)
		v.held = nil
		return
	}
	v.held, v.late = append(v.held, b...), true
}

// now returns what is held and what was passed on.
func (v *varnish) now() (held, passed []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.held, v.passed
}

// A body without length and chunks is not held until the second event: then that would prove nothing.
func TestHelloIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true)
		proxy := &varnish{}
		r.give(Arrival{Head: []byte("head\n\n"), Judged: r.rules, Projects: []stream.Subscription{{Project: r.project("42")}}}, &browser{r: r, room: -1, hear: proxy.read})
		r.pass(stream.FlushAfter - time.Millisecond)
		if held, passed := proxy.now(); len(passed) > 0 || !bytes.Contains(held, []byte("event: hello")) {
			t.Fatalf("passed on %q, held %q", passed, held)
		}
		r.pass(time.Millisecond)
		if _, passed := proxy.now(); !bytes.Contains(passed, []byte("event: hello")) || bytes.Contains(passed, []byte("heartbeat")) {
			t.Errorf("passed on %q", passed)
		}
	})
}
