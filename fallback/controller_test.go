package fallback_test

import (
	"testing"
	"time"

	"nudge/fallback"
)

func TestControllerTakesOverWhileItIsFresh(t *testing.T) {
	for _, fresh := range []bool{true, false} {
		c := fallback.NewController(usual, true)
		c.Judge(fallback.Verdict{Push: fallback.Healthy, Echoed: true}, time.Time{}, fallback.Lag{}, epoch)
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
		c.Judge(healthy, time.Time{}, fallback.Lag{By: 2 * time.Second}, at(time.Duration(s)*time.Second))
		c.Decide(fallback.Snapshot{}, at(time.Duration(s)*time.Second))
	}
	if v := c.Verdict(); v.Reason != fallback.ReasonSaturated || c.Step() != fallback.Trusted-1 {
		t.Errorf("%+v, step %d", v, c.Step())
	}
}

// Missed news makes push degraded for its time, and never better than its echoes are.
func TestControllerMissed(t *testing.T) {
	h, c := fallback.NewHealth(2*time.Second), fallback.NewController(usual, true)
	h.Echo(at(ms(10_000)), at(ms(10_000)))
	for _, step := range []struct {
		now, missed int
		push        fallback.Push
		reason      fallback.Reason
		until       int
	}{
		{10_000, 20_000, fallback.Degraded, fallback.ReasonMissed, 13_000},
		{10_000, 12_500, fallback.Degraded, fallback.ReasonMissed, 12_500},
		{12_500, 12_500, fallback.Healthy, fallback.ReasonNone, 13_000},
		{13_001, 20_000, fallback.Degraded, fallback.ReasonLateEcho, 15_000},
		{15_001, 20_000, fallback.Down, fallback.ReasonNoEcho, 0},
	} {
		v := c.Judge(h.Verdict(at(ms(step.now))), at(ms(step.missed)), fallback.Lag{}, at(ms(step.now)))
		if v.Push != step.push || v.Reason != step.reason || step.until > 0 && v.Until.Truncate(time.Millisecond) != at(ms(step.until)) {
			t.Errorf("at %d ms: %+v", step.now, v)
		}
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
		c.Judge(fallback.Verdict{Push: fallback.Healthy, Echoed: true}, time.Time{}, fallback.Lag{}, now)
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
