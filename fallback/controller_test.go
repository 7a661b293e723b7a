package fallback_test

import (
	"testing"
	"time"

	"nudge/fallback"
)

func TestControllerTakesOverWhileItIsFresh(t *testing.T) {
	for _, fresh := range []bool{true, false} {
		c := fallback.NewController(usual, true)
		c.Judge(fallback.Verdict{Push: fallback.Healthy, Echoed: true}, fallback.Lag{}, epoch)
		d := c.Decide(fallback.Snapshot{Step: fallback.Trusted, Fresh: fresh}, epoch)
		if trusts := d.Cadence.Poll == usual.Slow; trusts != fresh || (c.Step() == fallback.Trusted) != fresh {
			t.Errorf("fresh %v: step %d, poll every %v", fresh, c.Step(), d.Cadence.Poll)
		}
	}
}

// What is saturated is told as such, and costs trust.
func TestControllerDoubts(t *testing.T) {
	c := fallback.NewController(usual, true)
	c.Trust()
	healthy := fallback.Verdict{Push: fallback.Healthy, Echoed: true}
	for s := range 10 {
		c.Judge(healthy, fallback.Lag{By: 2 * time.Second}, at(time.Duration(s)*time.Second))
		c.Decide(fallback.Snapshot{}, at(time.Duration(s)*time.Second))
	}
	if v := c.Verdict(); v.Reason != fallback.ReasonSaturated || c.Step() != fallback.Trusted-1 {
		t.Errorf("%+v, step %d", v, c.Step())
	}
}

// Those whom the flag sends away learn of a longer interval only when they ask again. So it is as long as all will need
// from the moment that push is switched off.
func TestControllerStretchesBeforeTheyGo(t *testing.T) {
	tight := usual
	tight.Longest, tight.Budget = time.Minute, 150
	c := fallback.NewController(tight, true)
	c.Trust()
	decide := func(now time.Time) fallback.Cadence {
		c.Judge(fallback.Verdict{Push: fallback.Healthy, Echoed: true}, fallback.Lag{}, now)
		load := fallback.Load{}
		load.Streams[fallback.Healthy] = 3000
		return c.Decide(fallback.Snapshot{Load: load}, now).Cadence
	}
	if got := decide(epoch).Fast; got != tight.Fast {
		t.Fatalf("%v while all is well", got)
	}
	c.Turn(tight, false, time.Minute, epoch)
	if got := decide(at(time.Second)).Fast; got < 20*time.Second {
		t.Errorf("%v when 3,000 are about to share 150 polls a second", got)
	}
	if got := c.Without(); got.Push != fallback.Off || got.Fast < 20*time.Second {
		t.Errorf("those who are gone are told %+v", got)
	}
}
