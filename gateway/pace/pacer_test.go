package pace

import (
	"testing"
	"testing/synctest"
	"time"

	"nudge/version"
)

// A fresh gateway takes over what its fleet has proved; later it goes by its own evidence.
func TestTrustIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Streams: func() int { return 0 }})
		host, other := p.Host(), version.Peer{Instance: "b", Push: "healthy", Step: 3}
		host.Peer(other)
		host.Echo(time.Now())
		p.judge(time.Now())
		if got := host.Self().Step; got != 3 {
			t.Errorf("step %d, the fleet's is 3", got)
		}
		other.Step = 4
		host.Peer(other)
		p.judge(time.Now())
		if got := host.Self().Step; got != 3 {
			t.Errorf("step %d when another one has come further", got)
		}
	})
}
