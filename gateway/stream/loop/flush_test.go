package loop

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
)

// varnish is a proxy that reads the head of a response, holds the bytes that came with it, and passes them on when the next
// bytes come.
type varnish struct {
	held, passed []byte
	late         bool // something has come before
}

func (v *varnish) read(b []byte) {
	if v.late {
		v.passed = append(append(v.passed, v.held...), b...)
		v.held = nil
		return
	}
	v.held, v.late = append(v.held, b...), true
}

// A body without length and chunks is not held until the second event: then that would prove nothing.
func TestHelloIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true)
		proxy := &varnish{}
		r.give(Arrival{Head: []byte("head\n\n"), Judged: r.rules, Projects: []stream.Subscription{{Project: r.project("42")}}}, &browser{r: r, room: -1, hear: proxy.read})
		r.pass(stream.FlushAfter - time.Millisecond)
		if len(proxy.passed) > 0 || !bytes.Contains(proxy.held, []byte("event: hello")) {
			t.Fatalf("passed on %q, held %q", proxy.passed, proxy.held)
		}
		r.pass(time.Millisecond)
		if !bytes.Contains(proxy.passed, []byte("event: hello")) || bytes.Contains(proxy.passed, []byte("heartbeat")) {
			t.Errorf("passed on %q", proxy.passed)
		}
	})
}
